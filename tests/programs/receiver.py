"""Binds a UDP port, joins groups and prints one line of JSON for every datagram.

The first line is {"ready": true, "port": N}. With --echo every datagram is answered with the same data, by sendto.
"""

import argparse
import socket

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--family", choices=["4", "6"], default="4")
parser.add_argument("--bind", help="the local address; the wildcard if not given")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--interface", help="SO_BINDTODEVICE")
parser.add_argument("--share", action="store_true", help="SO_REUSEADDR")
parser.add_argument("--join", action="append", default=[], metavar="GROUP[@INTERFACE[@SOURCE]]")
parser.add_argument("--echo", action="store_true")
options = parser.parse_args()

family = socket.AF_INET6 if options.family == "6" else socket.AF_INET
sock = datagrams.open_socket(family, options.interface, options.share)
sock.bind(datagrams.sockaddr(options.bind or ("::" if options.family == "6" else "0.0.0.0"), options.port))
for entry in options.join:
    datagrams.join(sock, *entry.split("@"))
datagrams.say({"ready": True, "port": sock.getsockname()[1]})
while True:
    packet = datagrams.receive(sock)
    if options.echo:
        source = packet["source"]
        destination = (source["address"], source["port"])
        if family == socket.AF_INET6:
            destination += (0, source["scope"])
        sock.sendto(bytes.fromhex(packet["data"]), destination)
    datagrams.say(packet)
