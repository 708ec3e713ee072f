"""Puts Ethernet frames with a UDP datagram on a wire in which every address is made up: what no kernel would send for us.

Needs root (AF_PACKET). Standard input has one line of JSON for each: {"interface", "mac" (of who is to take it), "source",
"sourcePort", "to", "port", "hops", "data" (hexadecimal digits)}; {"sent": N} comes back when the kernel has taken it.
"""

import json
import socket
import struct
import sys

import datagrams


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data[: len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(order):
    family = datagrams.family_of(order["to"])
    source = socket.inet_pton(family, order["source"])
    to = socket.inet_pton(family, order["to"])
    data = bytes.fromhex(order["data"])
    hops = order.get("hops", 64)
    length = 8 + len(data)
    udp = struct.pack("!HHHH", order["sourcePort"], order["port"], length, 0) + data
    pseudo = source + to + struct.pack("!I", length) + b"\0\0\0\x11"
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    if family == socket.AF_INET:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, hops, 17, 0) + source + to
        packet = header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp
        kind = 0x0800
    else:
        packet = struct.pack("!IHBB", 0x60000000, length, 17, hops) + source + to + udp
        kind = 0x86DD
    mac = bytes.fromhex(order["mac"].replace(":", ""))
    return mac + b"\x02\0\0\0\0\x09" + struct.pack("!H", kind) + packet


datagrams.say({"ready": True})
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    for line in sys.stdin:
        order = json.loads(line)
        datagrams.say({"sent": raw.sendto(frame(order), (order["interface"], 0))})
