"""Sends one request and prints the answers as the kernel reports them, one line of JSON each.

The first line is {"ready": true, "port": N}; it is printed before the request is sent. Then come up to --answers
answers, and {"timeout": true} when they do not come in time. A connected socket sees only answers from the very address
and port that the request went to: whatever else comes, the kernel drops.
"""

import argparse
import socket

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--to", required=True, help="the destination; a zone may follow: fe80::1%%eth0")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--source", help="the local address")
parser.add_argument("--source-port", type=int, default=0)
parser.add_argument("--interface")
parser.add_argument("--hops", type=int)
parser.add_argument("--traffic-class", type=int)
parser.add_argument("--broadcast", action="store_true", help="SO_BROADCAST")
parser.add_argument("--connect", action="store_true")
parser.add_argument("--data", default="", help="the payload in hexadecimal digits")
parser.add_argument("--answers", type=int, default=1)
parser.add_argument("--timeout", type=float, default=3)
options = parser.parse_args()

family = datagrams.family_of(options.to)
sock = datagrams.open_socket(family, options.interface, broadcast=options.broadcast)
datagrams.set_sending(sock, options.interface, options.hops, options.traffic_class)
wildcard = "::" if ":" in options.to else "0.0.0.0"
sock.bind(datagrams.sockaddr(options.source or wildcard, options.source_port, options.interface))
destination = datagrams.sockaddr(options.to, options.port, options.interface)
if options.connect:
    sock.connect(destination)
sock.settimeout(options.timeout)
datagrams.say({"ready": True, "port": sock.getsockname()[1]})
if options.connect:
    sock.send(bytes.fromhex(options.data))
else:
    sock.sendto(bytes.fromhex(options.data), destination)
for _ in range(options.answers):
    try:
        datagrams.say(datagrams.receive(sock))
    except socket.timeout:
        datagrams.say({"timeout": True})
        break
    except ConnectionRefusedError:
        datagrams.say({"refused": True})
        break
