// Sender: sendmmsg, 64 datagrams a call, to a bound socket that nobody reads.
// usage: c_send WARM COUNT PORT [SIZE [SEGMENTS]]
// SEGMENTS above 1: sendmsg, so many datagrams of SIZE bytes in one piece that the kernel cuts up (udp(7), UDP_SEGMENT).
#include "common.h"

static long send_trains(int fd, struct sockaddr_in *to, int size, long segments, long warm, long total, double *cpu, double *wall) {
  if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0) fail("UDP_SEGMENT");
  static char train[65536];
  memset(train, 'x', sizeof train);
  struct iovec vector = {train, (size_t)(size * segments)};
  struct msghdr message = {.msg_name = to, .msg_namelen = sizeof *to, .msg_iov = &vector, .msg_iovlen = 1};
  struct pollfd wait = {fd, POLLOUT, 0};
  long sent = 0, counted = 0;
  while (sent < total) {
    if (sendmsg(fd, &message, 0) < 0) {
      if (errno != EAGAIN && errno != EINTR) fail("sendmsg");
      poll(&wait, 1, -1);
      continue;
    }
    sent += segments;
    if (counted == 0 && sent >= warm) {
      counted = sent;
      *cpu = cpu_us();
      *wall = now_us();
    }
  }
  return sent - counted;
}

int main(int argc, char **argv) {
  long warm = argument(argc, argv, 1, 10000), count = argument(argc, argv, 2, 100000);
  struct sockaddr_in to = loopback(argument(argc, argv, 3, 9));
  int fd = open_loopback(SOCK_NONBLOCK);
  long size = argument(argc, argv, 4, PAYLOAD), segments = argument(argc, argv, 5, 1);
  char payload[65536];
  memset(payload, 'x', sizeof payload);
  struct iovec vector = {payload, (size_t)size};
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &vector, .msg_iovlen = 1};
  }
  ready(fd);
  struct pollfd wait = {fd, POLLOUT, 0};
  double cpu = 0, wall = 0;
  long sent = 0, total = warm + count;
  if (segments > 1) {
    long counted = send_trains(fd, &to, (int)size, segments, warm, total, &cpu, &wall);
    result(counted, cpu_us() - cpu, now_us() - wall, 0);
    return 0;
  }
  while (sent < total) {
    long left = (sent < warm ? warm : total) - sent;
    int n = sendmmsg(fd, messages, left < BATCH ? left : BATCH, 0);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) fail("sendmmsg");
      poll(&wait, 1, -1);
      continue;
    }
    sent += n;
    if (sent == warm) {
      cpu = cpu_us();
      wall = now_us();
    }
  }
  result(count, cpu_us() - cpu, now_us() - wall, 0);
  return 0;
}
