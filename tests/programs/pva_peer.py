"""PV Access over UDP from outside: a server that answers searches and sends beacons, or a client that searches.

Written from the description of the protocol's messages with Python's struct; it shares nothing with the example.
"""

import argparse
import socket
import struct

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=5076)
parser.add_argument("--order", choices=["big", "little"], default="big")
parser.add_argument("--guid", default="000102030405060708090a0b")
parser.add_argument("--serve", action="append", help="a name to have; then it is a server")
parser.add_argument("--family", type=int, choices=[4, 6], default=4)
parser.add_argument("--join", action="append", default=[], help="GROUP@INTERFACE")
parser.add_argument("--beacon-to", help="an address to which one beacon is sent at the start")
parser.add_argument("--interface")
parser.add_argument("--search", action="append", help="a name to search for; then it is a client")
parser.add_argument("--to", help="whom to ask; a zone may follow")
parser.add_argument("--reply-to", default="0.0.0.0")
options = parser.parse_args()

E = ">" if options.order == "big" else "<"
TCP = b"\x03tcp"


def address(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return b"\0" * 10 + b"\xff\xff" + socket.inet_aton(text)


def message(command, server, body):
    flags = (0x80 if E == ">" else 0) | (0x40 if server else 0)
    return struct.pack(E + "BBBBI", 0xCA, 2, flags, command, len(body)) + body


def text(data, at):
    length = data[at]
    assert length < 254, "this peer knows short texts only"
    return data[at + 1:at + 1 + length].decode(), at + 1 + length


def read_search(data):
    """What a search says: its number, flags, answer address and port, protocols and names; None for other messages."""
    while len(data) >= 8 and data[0] == 0xCA:
        order = ">" if data[2] & 0x80 else "<"
        (length,) = struct.unpack_from(order + "I", data, 4)
        body, command = data[8:8 + length], data[3]
        data = data[8 + length:]
        if command != 3:
            continue
        sequence, flags = struct.unpack_from(order + "IB", body)
        (port,) = struct.unpack_from(order + "H", body, 24)
        at, protocols, names = 27, [], []
        for _ in range(body[26]):
            protocol, at = text(body, at)
            protocols.append(protocol)
        (count,) = struct.unpack_from(order + "H", body, at)
        at += 2
        for _ in range(count):
            (number,) = struct.unpack_from(order + "I", body, at)
            name, at = text(body, at + 4)
            names.append((number, name))
        return {"sequence": sequence, "flags": flags, "reply": body[8:24].hex(), "port": port,
                "protocols": protocols, "names": names, "order": "big" if order == ">" else "little"}
    return None


def answer(search):
    ids = [number for number, name in search["names"] if name in options.serve]
    if not ids and not search["flags"] & 1:
        return None
    body = bytes.fromhex(options.guid) + struct.pack(E + "I", search["sequence"])
    body += address("0.0.0.0") + struct.pack(E + "H", 5075) + TCP + struct.pack(E + "BH", 1 if ids else 0, len(ids))
    return message(4, True, body + b"".join(struct.pack(E + "I", number) for number in ids))


def serve():
    sock = datagrams.open_socket(socket.AF_INET6 if options.family == 6 else socket.AF_INET, None, True, True)
    sock.bind(("::" if options.family == 6 else "0.0.0.0", options.port))
    for place in options.join:
        datagrams.join(sock, *place.split("@"))
    datagrams.say({"port": sock.getsockname()[1]})
    if options.beacon_to:
        body = bytes.fromhex(options.guid) + struct.pack(E + "BBH", 0, 7, 1) + address("0.0.0.0")
        body += struct.pack(E + "H", 5075) + TCP + b"\xff"
        sock.sendto(message(0, True, body), datagrams.sockaddr(options.beacon_to, options.port, options.interface))
    while True:
        data, sender = sock.recvfrom(65535)
        search = read_search(data)
        if search is None:
            continue
        datagrams.say(search)
        reply = answer(search)
        if reply is not None:
            sock.sendto(reply, sender[:1] + (search["port"],) + sender[2:])


def search():
    sock = datagrams.open_socket(datagrams.family_of(options.to), options.interface, False, True)
    sock.settimeout(5)
    sock.bind(("::" if ":" in options.to else "0.0.0.0", 0))
    body = struct.pack(E + "IB3x", 0x01020304, 0) + address(options.reply_to)
    body += struct.pack(E + "H", sock.getsockname()[1]) + b"\x01" + TCP + struct.pack(E + "H", len(options.search))
    for number, name in enumerate(options.search):
        body += struct.pack(E + "I", 0x0A000000 + number) + bytes([len(name)]) + name.encode()
    sock.sendto(message(3, False, body), datagrams.sockaddr(options.to, options.port, options.interface))
    data, sender = sock.recvfrom(65535)
    order = ">" if data[2] & 0x80 else "<"
    guid, sequence = data[8:20].hex(), struct.unpack_from(order + "I", data, 20)[0]
    (port,) = struct.unpack_from(order + "H", data, 40)
    protocol, at = text(data, 42)
    found, count = struct.unpack_from(order + "BH", data, at)
    ids = struct.unpack_from(order + "I" * count, data, at + 3)
    datagrams.say({"source": sender[0], "command": data[3], "flags": data[2], "guid": guid, "sequence": sequence,
                   "address": data[24:40].hex(), "port": port, "protocol": protocol, "found": found, "ids": ids})


if options.serve is not None:
    serve()
else:
    search()
