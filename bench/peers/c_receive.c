// Receiver: recvmmsg + IP_PKTINFO, poll(2) when the queue is empty. With "all" the kernel tells what our packets have, too:
// TTL, TOS and the count of drops; nobody reads them.
// usage: c_receive WARM COUNT [all]
#include "common.h"

static char data[BATCH][SLOT], control[BATCH][256];
static struct sockaddr_in names[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static unsigned long read_packet(int index) {
  struct msghdr *message = &messages[index].msg_hdr;
  unsigned long sink = messages[index].msg_len + data[index][0] + ntohs(names[index].sin_port);
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
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
  if (argc > 3 && (setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) < 0 ||
                   setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on) < 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0)) fail("setsockopt");
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){data[i], SLOT};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i], .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i]};
  }
  ready(fd);
  struct pollfd wait = {fd, POLLIN, 0};
  long seen = 0;
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
      sink += read_packet(i);
      seen++;
      if (seen == warm) {
        cpu = cpu_us();
        wall = now_us();
      } else if (seen == warm + count) {
        result(count, cpu_us() - cpu, now_us() - wall, sink);
        return 0;
      }
    }
  }
}
