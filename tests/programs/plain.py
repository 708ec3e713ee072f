"""What plain system calls do with a group: joins it, sends to it, waits for the packet, and prints one line of JSON.

    {"join": null, "send": "ENETUNREACH", "received": null}

"join" and "send" are null where the call went well and the name of the error where it did not. "received" is the source
address of the packet, or null when none came within --wait seconds. Nothing is set that is not asked for.
"""

import argparse
import errno
import socket
import struct

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--join", metavar="GROUP[@INTERFACE]", help="by IPV6_ADD_MEMBERSHIP; no interface is index 0")
parser.add_argument("--to", required=True)
parser.add_argument("--port", type=int, help="the socket's own if not given")
parser.add_argument("--data", default="")
parser.add_argument("--only-ipv6", action="store_true", help="IPV6_V6ONLY")
parser.add_argument("--multicast-interface", help="IPV6_MULTICAST_IF")
parser.add_argument("--multicast-hops", type=int, help="IPV6_MULTICAST_HOPS")
parser.add_argument("--scope", help="the interface in sin6_scope_id")
parser.add_argument("--packet-info", metavar="INTERFACE[@SOURCE]", help="IPV6_PKTINFO with the datagram")
parser.add_argument("--wait", type=float, default=0, help="seconds")
options = parser.parse_args()

LEVEL = socket.IPPROTO_IPV6


def attempt(call):
    """The name of the error, or None."""
    try:
        call()
        return None
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(LEVEL, socket.IPV6_V6ONLY, int(options.only_ipv6))
sock.bind(("::", 0))
result = {"join": None, "send": None, "received": None}
if options.join:
    group, _, interface = options.join.partition("@")
    request = packed(group) + struct.pack("=I", datagrams.interface_index(interface))
    result["join"] = attempt(lambda: sock.setsockopt(LEVEL, socket.IPV6_JOIN_GROUP, request))
if options.multicast_interface:
    sock.setsockopt(LEVEL, socket.IPV6_MULTICAST_IF, datagrams.interface_index(options.multicast_interface))
if options.multicast_hops is not None:
    sock.setsockopt(LEVEL, socket.IPV6_MULTICAST_HOPS, options.multicast_hops)
control = []
if options.packet_info:
    interface, _, source = options.packet_info.partition("@")
    info = packed(source or "::") + struct.pack("=I", datagrams.interface_index(interface))
    control.append((LEVEL, socket.IPV6_PKTINFO, info))
port = options.port or sock.getsockname()[1]
to = (options.to, port, 0, datagrams.interface_index(options.scope))
result["send"] = attempt(lambda: sock.sendmsg([options.data.encode()], control, 0, to))
if options.wait:
    sock.settimeout(options.wait)
    try:
        result["received"] = sock.recvfrom(65536)[1][0]
    except socket.timeout:
        pass
datagrams.say(result)
