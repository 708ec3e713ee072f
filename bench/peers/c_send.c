// Sender: sendmmsg, 64 datagrams a call, to a bound socket that nobody reads.
// usage: c_send WARM COUNT PORT
#include "common.h"

int main(int argc, char **argv) {
  long warm = argument(argc, argv, 1, 10000), count = argument(argc, argv, 2, 100000);
  struct sockaddr_in to = loopback(argument(argc, argv, 3, 9));
  int fd = open_loopback(SOCK_NONBLOCK);
  char payload[PAYLOAD];
  memset(payload, 'x', sizeof payload);
  struct iovec vector = {payload, sizeof payload};
  struct mmsghdr messages[BATCH];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &vector, .msg_iovlen = 1};
  }
  ready(fd);
  struct pollfd wait = {fd, POLLOUT, 0};
  double cpu = 0, wall = 0;
  long sent = 0, total = warm + count;
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
