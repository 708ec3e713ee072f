// What every C program of the benchmark shares: arguments, CPU time, a UDP socket on 127.0.0.1.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PAYLOAD 64
// Older headers do not have them.
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define SLOT 2048
#define LIMIT_SECONDS 120

static inline long argument(int argc, char **argv, int index, long fallback) {
  return argc > index ? atol(argv[index]) : fallback;
}

static inline void fail(const char *what) {
  perror(what);
  exit(1);
}

static inline double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

static inline double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static inline struct sockaddr_in loopback(long port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A program whose starter died must not stay behind: alarm() ends it.
static inline int open_loopback(int flags) {
  alarm(LIMIT_SECONDS);
  int fd = socket(AF_INET, SOCK_DGRAM | flags, 0);
  struct sockaddr_in address = loopback(0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  return fd;
}

static inline void ready(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) fail("getsockname");
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
}

static inline void result(long packets, double cpu, double wall, unsigned long sink) {
  printf("{\"packets\":%ld,\"cpuUs\":%.0f,\"wallUs\":%.0f,\"sink\":%lu}\n", packets, cpu, wall, sink);
  fflush(stdout);
}
