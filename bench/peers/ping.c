// Client of every echo server: one request at a time, waits for the answer, notes the time.
// usage: ping PORT WARM COUNT [waits]
// "waits": it never takes the processor away from a server on the same one, which gets to sleep before each request.
#include "common.h"
#include <sched.h>

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  struct sockaddr_in to = loopback(argument(argc, argv, 1, 0));
  long warm = argument(argc, argv, 2, 1000), count = argument(argc, argv, 3, 10000);
  struct sched_param batch = {0};
  if (argc > 4 && sched_setscheduler(0, SCHED_BATCH, &batch) < 0) fail("SCHED_BATCH");
  int fd = open_loopback(0);
  struct timeval patience = {0, 200000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  double *times = malloc(sizeof *times * (size_t)count);
  if (!times) fail("malloc");
  char request[PAYLOAD] = {0}, answer[SLOT];
  long taken = 0, lost = 0;
  for (long i = 0; i < warm + count; i++) {
    memcpy(request, &i, sizeof i);
    double start = now_us();
    if (send(fd, request, sizeof request, 0) < 0) fail("send");
    long number = -1;
    // A late answer to an earlier request is not this one's.
    while (number != i) {
      if (recv(fd, answer, sizeof answer, 0) < 0) {
        if (errno == ECONNREFUSED) fail("recv");
        lost++;
        break;
      }
      memcpy(&number, answer, sizeof number);
    }
    if (i >= warm && number == i) times[taken++] = now_us() - start;
    if (lost > 20) {
      fprintf(stderr, "the echo server does not answer\n");
      return 1;
    }
  }
  qsort(times, (size_t)taken, sizeof *times, ascending);
  printf("{\"packets\":%ld,\"lost\":%ld,\"p50\":%.2f,\"p99\":%.2f}\n", taken, lost, times[taken / 2], times[taken * 99 / 100]);
  return 0;
}
