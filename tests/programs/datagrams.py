"""What the peers share: options of UDP sockets and control messages, from the manual pages ip(7), ipv6(7), udp(7).

These programs check the library from outside, so they share nothing with it: Python's own socket module and the numbers
of Linux's headers, for those that the module does not name.
"""

import json
import signal
import socket
import struct
import sys

IP_PKTINFO = 8
IP_TTL = 2
IP_TOS = 1
IP_RECVTTL = 12
IP_RECVTOS = 13
IP_MULTICAST_ALL = 49
IPV6_MULTICAST_ALL = 29
SO_BINDTODEVICE = 25
MCAST_JOIN_GROUP = 42
MCAST_JOIN_SOURCE_GROUP = 46

# A test that dies cannot stop its peers: each ends by itself after five minutes.
signal.alarm(300)


def say(value):
    """One line of JSON, at once."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def interface_index(name):
    """An interface given by name or by number; 0 for none."""
    if not name:
        return 0
    return int(name) if name.isdigit() else socket.if_nametoindex(name)


def sockaddr(address, port, interface=None):
    """A socket address; the zone of a link-local one is in the text (fe80::1%eth0) or is the interface."""
    text, _, zone = address.partition("%")
    if family_of(text) == socket.AF_INET:
        return (text, port)
    return (text, port, 0, interface_index(zone or interface))


def packed_sockaddr(address):
    """The struct sockaddr of an address with port 0."""
    if family_of(address) == socket.AF_INET:
        return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_pton(socket.AF_INET, address))
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0)


def join(sock, group, interface=None, source=None):
    """Joins a group by the call that serves both families; the kernel's struct has the addresses at multiples of 8."""
    level = socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP
    request = struct.pack("=I4x128s", interface_index(interface), packed_sockaddr(group))
    if source is None:
        sock.setsockopt(level, MCAST_JOIN_GROUP, request)
    else:
        sock.setsockopt(level, MCAST_JOIN_SOURCE_GROUP, request + packed_sockaddr(source).ljust(128, b"\0"))


def open_socket(family, interface=None, share=False, broadcast=False):
    """A UDP socket that asks for every piece of control data."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if share:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if broadcast:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if interface:
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        try:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
        except OSError:
            pass  # kernels before 4.20
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    return sock


def set_sending(sock, interface=None, hops=None, traffic_class=None, loopback=True):
    """Hops and traffic class of unicast and multicast, and the interface that multicast leaves by."""
    index = interface_index(interface)
    if sock.family == socket.AF_INET6:
        level = socket.IPPROTO_IPV6
        if index:
            sock.setsockopt(level, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(level, socket.IPV6_MULTICAST_LOOP, int(loopback))
        if hops is not None:
            sock.setsockopt(level, socket.IPV6_UNICAST_HOPS, hops)
            sock.setsockopt(level, socket.IPV6_MULTICAST_HOPS, hops)
        if traffic_class is not None:
            sock.setsockopt(level, socket.IPV6_TCLASS, traffic_class)
    else:
        level = socket.IPPROTO_IP
        if index:
            sock.setsockopt(level, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"\0" * 4, b"\0" * 4, index))
        sock.setsockopt(level, socket.IP_MULTICAST_LOOP, int(loopback))
        if hops is not None:
            sock.setsockopt(level, IP_TTL, hops)
            sock.setsockopt(level, socket.IP_MULTICAST_TTL, hops)
        if traffic_class is not None:
            sock.setsockopt(level, IP_TOS, traffic_class)


def number(data):
    """An integer of whatever length the kernel chose."""
    return int.from_bytes(data, sys.byteorder)


def address_of(sockaddr):
    """A socket address as a dictionary; the text has no zone."""
    return {
        "address": sockaddr[0].partition("%")[0],
        "port": sockaddr[1],
        "scope": sockaddr[3] if len(sockaddr) > 3 else 0,
    }


def receive(sock):
    """The next datagram with all that the kernel says about it."""
    data, control, flags, source = sock.recvmsg(65536, 1024)
    packet = {
        "source": address_of(source),
        "destination": None,
        "interfaceIndex": None,
        "interfaceName": None,
        "hops": None,
        "trafficClass": None,
        "truncated": bool(flags & socket.MSG_TRUNC),
        "length": len(data),
        "data": data.hex(),
    }
    for level, kind, value in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            index, _, destination = struct.unpack("=i4s4s", value)
            packet["destination"] = socket.inet_ntop(socket.AF_INET, destination)
            packet["interfaceIndex"] = index
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            destination, index = struct.unpack("=16si", value)
            packet["destination"] = socket.inet_ntop(socket.AF_INET6, destination)
            packet["interfaceIndex"] = index
        elif (level, kind) in ((socket.IPPROTO_IP, IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            packet["hops"] = number(value)
        elif (level, kind) in ((socket.IPPROTO_IP, IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)):
            packet["trafficClass"] = number(value)
    if packet["interfaceIndex"]:
        packet["interfaceName"] = socket.if_indextoname(packet["interfaceIndex"])
    return packet
