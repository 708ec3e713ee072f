"""Sends datagrams on command: one line of JSON on standard input for each, one line of JSON back when it is done.

A command holds the options of sender.py and client.py by their names in camel case, and "answers", how many to wait for.
The reply is {"port": N, "answers": [...]}; an answer that does not come is {"timeout": true} or {"refused": true}, what the
kernel refuses is {"error": "ENETUNREACH"}. Each datagram goes from a socket of its own.
"""

import errno
import json
import socket
import sys

import datagrams


def carry_out(command):
    to, interface = command["to"], command.get("interface")
    source = command.get("source") or ("::" if ":" in to else "0.0.0.0")
    answers = []
    with datagrams.open_socket(
        datagrams.family_of(to),
        interface,
        share=command.get("share", False),
        broadcast=command.get("broadcast", False),
    ) as sock:
        datagrams.set_sending(
            sock,
            interface,
            command.get("hops"),
            command.get("trafficClass"),
            not command.get("noLoopback", False),
        )
        sock.bind(datagrams.sockaddr(source, command.get("sourcePort", 0), interface))
        port = sock.getsockname()[1]
        destination = datagrams.sockaddr(to, command["port"], interface)
        data = bytes.fromhex(command["data"])
        sock.settimeout(command.get("timeout", 3))
        if command.get("connect"):
            sock.connect(destination)
        for _ in range(command.get("count", 1)):
            if command.get("connect"):
                sock.send(data)
            else:
                sock.sendto(data, destination)
        for _ in range(command.get("answers", 0)):
            try:
                answers.append(datagrams.receive(sock))
            except socket.timeout:
                answers.append({"timeout": True})
                break
            except ConnectionRefusedError:
                answers.append({"refused": True})
                break
    return {"port": port, "answers": answers}


datagrams.say({"ready": True})
for line in sys.stdin:
    try:
        datagrams.say(carry_out(json.loads(line)))
    except OSError as error:
        datagrams.say({"error": errno.errorcode.get(error.errno, str(error))})
