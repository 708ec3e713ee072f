// Echo server: blocking recvmsg + IP_PKTINFO; the answer leaves from the address and interface the request came to.
// usage: c_echo
#include "common.h"

int main(void) {
  int fd = open_loopback(0), on = 1;
  if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0) fail("IP_PKTINFO");
  ready(fd);
  char data[SLOT], control[64];
  struct sockaddr_in source;
  struct iovec vector = {data, sizeof data};
  while (1) {
    vector.iov_len = sizeof data;
    struct msghdr message = {.msg_name = &source, .msg_namelen = sizeof source, .msg_iov = &vector, .msg_iovlen = 1};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < 0) continue;
    vector.iov_len = (size_t)length;
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    if (part) {
      // ipi_spec_dst of a received packet is the local address it came to: as control data it becomes the source.
      message.msg_controllen = part->cmsg_len;
    }
    if (sendmsg(fd, &message, 0) < 0) perror("sendmsg");
  }
}
