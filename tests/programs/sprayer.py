"""Sends lists of datagrams: a line of JSON on standard input for each list, a line back when the kernel has taken all of it.

A list is [[to, port, text, interface or null], ...]; the reply is {"sent": N}. Everything goes from one socket a family.
"""

import json
import socket
import sys

import datagrams

sockets = {family: datagrams.open_socket(family) for family in (socket.AF_INET, socket.AF_INET6)}

datagrams.say({"ready": True})
for line in sys.stdin:
    datagram_list = json.loads(line)
    leaves = None
    for to, port, text, interface in datagram_list:
        sock = sockets[datagrams.family_of(to)]
        if interface and (sock, interface) != leaves:
            datagrams.set_sending(sock, interface)
            leaves = (sock, interface)
        sock.sendto(text.encode(), datagrams.sockaddr(to, port, interface))
    datagrams.say({"sent": len(datagram_list)})
