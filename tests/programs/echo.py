"""Answers every datagram with the same data, for so many seconds, and says nothing of it.

The first line is {"ready": true, "port": N}.
"""

import argparse
import signal
import socket

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--bind", required=True, help="the local address")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--seconds", type=int, default=300, help="then it ends by itself")
options = parser.parse_args()

signal.alarm(options.seconds)
sock = socket.socket(datagrams.family_of(options.bind), socket.SOCK_DGRAM)
sock.bind(datagrams.sockaddr(options.bind, options.port))
datagrams.say({"ready": True, "port": sock.getsockname()[1]})
while True:
    data, source = sock.recvfrom(65536)
    sock.sendto(data, source)
