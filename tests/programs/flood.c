// Floods one socket with numbered datagrams at a fixed rate, and counts what the kernel has taken of them.
// usage: flood ADDRESS PORT PACKETS_A_SECOND SECONDS [FIRST]
// A line on standard input is another rate, from then on.
// Each datagram begins with its number (8 bytes, little-endian), from FIRST on. At the end one line: {"sent":N,"seconds":S}
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PAYLOAD 64

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static socklen_t parse(const char *address, const char *port, struct sockaddr_storage *to) {
  struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
  struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons((uint16_t)atoi(port));
    return sizeof *ipv4;
  }
  if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) != 1) fail(address);
  ipv6->sin6_family = AF_INET6;
  ipv6->sin6_port = htons((uint16_t)atoi(port));
  return sizeof *ipv6;
}

// The last rate that was asked for; 0 if none was.
static double asked(void) {
  static char line[4096];
  static size_t length = 0;
  double rate = 0;
  for (char byte; read(0, &byte, 1) == 1;) {
    if (byte != '\n') {
      if (length < sizeof line - 1) line[length++] = byte;
      continue;
    }
    line[length] = 0;
    length = 0;
    rate = atof(line);
  }
  return rate;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  struct sockaddr_storage to;
  socklen_t length = parse(argv[1], argv[2], &to);
  double rate = atof(argv[3]), seconds = atof(argv[4]);
  // A test that dies cannot stop it.
  alarm((unsigned)seconds + 60);
  int fd = socket(to.ss_family, SOCK_DGRAM, 0);
  // Not connected: a flood does not end because somebody answers with an ICMP error.
  if (fd < 0) fail("socket");
  static unsigned char payload[BATCH][PAYLOAD];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){payload[i], PAYLOAD};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &to, .msg_namelen = length, .msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  uint64_t sent = 0, first = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
  fcntl(0, F_SETFL, O_NONBLOCK);
  double start = now(), end = start + seconds, from = start;
  uint64_t before = 0;
  for (double time = start; time < end; time = now()) {
    double other = asked();
    if (other > 0) {
      rate = other;
      from = time;
      before = sent;
    }
    // It catches up with what it has missed while it was not running.
    double ahead = (sent - before) / rate - (time - from);
    if (ahead > 0) {
      usleep((useconds_t)(ahead < 0.05 ? ahead * 1e6 + 1 : 5e4));
      continue;
    }
    for (int i = 0; i < BATCH; i++)
      for (int byte = 0; byte < 8; byte++) payload[i][byte] = (unsigned char)((first + sent + i) >> (8 * byte));
    int count = sendmmsg(fd, messages, BATCH, 0);
    if (count > 0) sent += (uint64_t)count;
    else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) fail("sendmmsg");
  }
  printf("{\"sent\":%llu,\"seconds\":%.3f}\n", (unsigned long long)sent, now() - start);
  return 0;
}
