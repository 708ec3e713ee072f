// Receiver: recvmmsg + IP_PKTINFO, poll(2) when the queue is empty. With "all" the kernel tells what our packets have, too:
// TTL, TOS and the count of drops; nobody reads them. With "trains" what arrives together is handed over in one piece
// (udp(7), UDP_GRO), and counted by its segments.
// usage: c_receive WARM COUNT [all|trains]
#include "common.h"

#define WHOLE 65536
static char data[BATCH * WHOLE], control[BATCH][256];
static struct sockaddr_in names[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static unsigned long read_packet(int index, long *packets) {
  struct msghdr *message = &messages[index].msg_hdr;
  unsigned long sink = messages[index].msg_len + *(char *)vectors[index].iov_base + ntohs(names[index].sin_port);
  *packets = 1;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == IPPROTO_UDP && part->cmsg_type == UDP_GRO) {
      int size;
      memcpy(&size, CMSG_DATA(part), sizeof size);
      *packets = ((long)messages[index].msg_len + size - 1) / size;
    }
    if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO) continue;
    struct in_pktinfo info;
    memcpy(&info, CMSG_DATA(part), sizeof info);
    sink += info.ipi_addr.s_addr + info.ipi_ifindex;
  }
  return sink;
}

int main(int argc, char **argv) {
  long warm = argument(argc, argv, 1, 10000), count = argument(argc, argv, 2, 100000);
  int fd = open_loopback(SOCK_NONBLOCK), on = 1;
  if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0) fail("IP_PKTINFO");
  int all = argc > 3 && strcmp(argv[3], "all") == 0, trains = argc > 3 && strcmp(argv[3], "trains") == 0;
  long slot = trains ? WHOLE : SLOT;
  if (trains && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) < 0) fail("UDP_GRO");
  if (all && (setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) < 0 ||
                   setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on) < 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0)) fail("setsockopt");
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){data + i * slot, (size_t)slot};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i]};
  }
  ready(fd);
  struct pollfd wait = {fd, POLLIN, 0};
  long seen = 0, counted = 0;
  unsigned long sink = 0;
  double cpu = 0, wall = 0;
  while (1) {
    for (int i = 0; i < BATCH; i++) {
      messages[i].msg_hdr.msg_namelen = sizeof names[i];
      messages[i].msg_hdr.msg_controllen = sizeof control[i];
    }
    int got = recvmmsg(fd, messages, BATCH, 0, NULL);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) fail("recvmmsg");
      poll(&wait, 1, -1);
      continue;
    }
    for (int i = 0; i < got; i++) {
      long packets;
      sink += read_packet(i, &packets);
      seen += packets;
      if (counted == 0 && seen >= warm) {
        counted = seen;
        cpu = cpu_us();
        wall = now_us();
      } else if (counted > 0 && seen >= counted + count) {
        result(seen - counted, cpu_us() - cpu, now_us() - wall, sink);
        return 0;
      }
    }
  }
}
