"""Talks to groups on interfaces that come and go: what cannot be sent is left out.

chatter.py --port N --every SECONDS --to GROUP ... --interface NAME ...

The interfaces are set up when they come. Each datagram says `INTERFACE NUMBER`. A line on standard input is said to all groups on all interfaces, once, as
`INTERFACE LINE`, and nothing else is said from then on; then comes {"said": N} with how many datagrams the kernel took.
"""

import argparse
import fcntl
import select
import socket
import struct
import sys

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--every", type=float, default=0.01)
parser.add_argument("--to", action="append", required=True)
parser.add_argument("--interface", action="append", required=True)
options = parser.parse_args()

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

sockets = {family: datagrams.open_socket(family) for family in (socket.AF_INET, socket.AF_INET6)}


def set_up(name):
    """netdevice(7); one that is missing raises OSError."""
    sock = sockets[socket.AF_INET]
    answer = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16s24x", name.encode()))
    (flags,) = struct.unpack_from("=H", answer, 16)
    if not flags & IFF_UP:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("=16sH22x", name.encode(), flags | IFF_UP))


def say(words):
    said = 0
    for name in options.interface:
        try:
            set_up(name)
        except OSError:
            continue
        for group in options.to:
            sock = sockets[datagrams.family_of(group)]
            try:
                datagrams.set_sending(sock, name)
                sock.sendto(f"{name} {words}".encode(), datagrams.sockaddr(group, options.port, name))
                said += 1
            except OSError:
                pass  # it is not there, down, or has no address yet
    return said


datagrams.say({"ready": True})
number = 0
quiet = False
while True:
    ready, _, _ = select.select([sys.stdin], [], [], None if quiet else options.every)
    if ready:
        line = sys.stdin.readline()
        if not line:
            break
        quiet = True
        datagrams.say({"said": say(line.strip())})
    else:
        say(number)
        number += 1
