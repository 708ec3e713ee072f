"""What every Python peer shares: see meter.mjs."""
import json
import os
import resource
import signal
import sys
import time

LIMIT_SECONDS = 120
LOOPBACK = "127.0.0.1"
PAYLOAD = b"x" * 64


def argument(index):
    return int(sys.argv[1 + index])


def ready(port):
    # A peer whose starter died must not stay behind.
    signal.alarm(LIMIT_SECONDS)
    say({"port": port})


def say(line):
    print(json.dumps(line), flush=True)


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


class Meter:
    """CPU time between two packets: the first `warm` are not counted."""

    def __init__(self, warm, count):
        self.warm, self.count, self.seen = warm, count, 0

    def packet(self):
        self.seen += 1
        if self.seen == self.warm:
            self.cpu, self.wall = cpu_us(), time.monotonic()
        elif self.seen == self.warm + self.count:
            wall = (time.monotonic() - self.wall) * 1e6
            say({"packets": self.count, "cpuUs": cpu_us() - self.cpu, "wallUs": wall})
            os._exit(0)
