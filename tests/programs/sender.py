"""Sends datagrams: the first line is {"ready": true, "port": N} once bound, the last {"sent": COUNT} at the end.

With --interface everything leaves by that interface, whatever the routes say (SO_BINDTODEVICE).
"""

import argparse
import time

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
parser.add_argument("--no-loopback", action="store_true", help="multicast does not come back to this host")
parser.add_argument("--data", default="", help="the payload in hexadecimal digits")
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--interval", type=float, default=0, help="seconds between two datagrams")
options = parser.parse_args()

family = datagrams.family_of(options.to)
sock = datagrams.open_socket(family, options.interface, broadcast=options.broadcast)
datagrams.set_sending(sock, options.interface, options.hops, options.traffic_class, not options.no_loopback)
wildcard = "::" if ":" in options.to else "0.0.0.0"
sock.bind(datagrams.sockaddr(options.source or wildcard, options.source_port, options.interface))
datagrams.say({"ready": True, "port": sock.getsockname()[1]})
destination = datagrams.sockaddr(options.to, options.port, options.interface)
for turn in range(options.count):
    if turn > 0 and options.interval > 0:
        time.sleep(options.interval)
    sock.sendto(bytes.fromhex(options.data), destination)
datagrams.say({"sent": options.count})
