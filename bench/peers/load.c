// Load for the receivers: bursts of datagrams at a fixed rate, or as fast as it can (RATE 0).
// usage: load PORT RATE BURST MAX_PACKETS MAX_SECONDS
#include "common.h"

int main(int argc, char **argv) {
  struct sockaddr_in to = loopback(argument(argc, argv, 1, 0));
  long rate = argument(argc, argv, 2, 0), burst = argument(argc, argv, 3, BATCH);
  long limit = argument(argc, argv, 4, 10000000), seconds = argument(argc, argv, 5, 30);
  if (burst > 1024) burst = 1024;
  int fd = open_loopback(0);
  alarm(seconds);
  // Connected: once the receiver has gone, ECONNREFUSED ends the load.
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  char payload[PAYLOAD];
  memset(payload, 'x', sizeof payload);
  struct iovec vector = {payload, sizeof payload};
  static struct mmsghdr messages[1024];
  for (int i = 0; i < burst; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
  double next = now_us(), step = rate > 0 ? burst * 1e6 / rate : 0;
  for (long sent = 0; sent < limit;) {
    int n = sendmmsg(fd, messages, burst, 0);
    if (n < 0 && errno == ECONNREFUSED) return 0;
    if (n > 0) sent += n;
    next += step;
    double ahead = next - now_us();
    if (step > 0 && ahead > 0) usleep((useconds_t)ahead);
    else next = now_us();
  }
  return 0;
}
