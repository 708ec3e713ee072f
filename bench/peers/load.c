// Load for the receivers: bursts of datagrams at a fixed rate, or as fast as it can (RATE 0).
// usage: load PORT RATE BURST MAX_PACKETS MAX_SECONDS TRAIN [SIZE]
// TRAIN above 1: so many datagrams are handed over as one and cut up by the kernel (udp(7), UDP_SEGMENT). It costs a fraction.
#include "common.h"

#define MAX_TRAIN 64
#define MAX_BURST 1024

int main(int argc, char **argv) {
  struct sockaddr_in to = loopback(argument(argc, argv, 1, 0));
  long rate = argument(argc, argv, 2, 0), burst = argument(argc, argv, 3, BATCH);
  long limit = argument(argc, argv, 4, 10000000), seconds = argument(argc, argv, 5, 30);
  long train = argument(argc, argv, 6, 1);
  if (burst > MAX_BURST) burst = MAX_BURST;
  if (train > MAX_TRAIN) train = MAX_TRAIN;
  int fd = open_loopback(0);
  alarm(seconds);
  // Connected: once the receiver has gone, ECONNREFUSED ends the load.
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  int segment = (int)argument(argc, argv, 7, PAYLOAD);
  if (train > 1 && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) < 0) fail("UDP_SEGMENT");
  static char payload[65536];
  memset(payload, 'x', sizeof payload);
  struct iovec vector = {payload, (size_t)(train * segment)};
  static struct mmsghdr messages[MAX_BURST];
  for (int i = 0; i < burst; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
  double next = now_us(), step = rate > 0 ? (double)(burst * train) * 1e6 / rate : 0;
  for (long sent = 0; sent < limit;) {
    int n = sendmmsg(fd, messages, burst, 0);
    if (n < 0 && errno == ECONNREFUSED) return 0;
    if (n > 0) sent += n * train;
    next += step;
    double ahead = next - now_us();
    if (step > 0 && ahead > 0) usleep((useconds_t)ahead);
    else next = now_us();
  }
  return 0;
}
