"""Binds UDP ports as it is told, with any options: another program that wants a port of ours, or what comes to it.

Standard input has one line of JSON for each command, standard output one for each answer:
{"bind": [ADDRESS, PORT], "options": ["reuseaddr", "reuseport", "v6only", "device"]} → {"port": N} or {"error": "EADDRINUSE"};
{"read": true} → {"texts": [...]}, what has come to the socket; {"close": true} → {}.
"""

import argparse
import errno
import json
import os
import socket
import sys

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--uid", type=int, help="become this user first")
arguments = parser.parse_args()
if arguments.uid is not None:
    os.setgroups([])
    os.setgid(arguments.uid)
    os.setuid(arguments.uid)

sock = None


def bind(address, port, options):
    global sock
    family = datagrams.family_of(address)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int("v6only" in options))
    if "reuseaddr" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "reuseport" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "device" in options:
        sock.setsockopt(socket.SOL_SOCKET, datagrams.SO_BINDTODEVICE, b"lo\0")
    try:
        sock.bind((address, port))
    except OSError as error:
        close()
        return {"error": errno.errorcode[error.errno]}
    return {"port": sock.getsockname()[1]}


def read():
    texts = []
    while True:
        try:
            texts.append(sock.recv(65536).decode())
        except BlockingIOError:
            return {"texts": texts}


def close():
    global sock
    if sock is not None:
        sock.close()
    sock = None
    return {}


datagrams.say({"ready": True, "uid": os.getuid()})
for line in sys.stdin:
    command = json.loads(line)
    if "bind" in command:
        datagrams.say(bind(*command["bind"], command["options"]))
    elif "read" in command:
        datagrams.say(read())
    else:
        datagrams.say(close())
