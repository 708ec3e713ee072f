"""The other end of a long run: echoes, sends numbered datagrams, asks questions, and sends what is none of anybody's.

Each line of JSON on standard input is a command, each is answered by a line.

    {"do": "echo", "port": N}                              both families, from now on
    {"do": "send", "id": N, "to": .., "port": N, "every": SECONDS, "interface": ..}
    {"do": "ask", ...}                                     the same from a connected socket; answers are compared
    {"do": "garbage", ...}                                 the same with random contents
    {"do": "stop", "id": N}                                {"sent": N, "answered": N, "wrong": N}; "send" goes on from there

A datagram is as tests/soak/ledger.ts writes it.
"""

import argparse
import json
import random
import select
import signal
import socket
import struct
import sys
import time

import datagrams

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=int, required=True, help="then it ends by itself")
parser.add_argument("--seed", type=int, required=True)
options = parser.parse_args()

signal.alarm(options.seconds)
chance = random.Random(options.seed)


def payload(stream, number, length):
    head = struct.pack("!4sII", b"pksk", stream, number)
    mixed = number ^ (number >> 8) ^ (number >> 16) ^ (number >> 24)
    return head + bytes((mixed * 31 + at * 7 + stream) & 0xFF for at in range(12, max(12, length)))


class Job:
    def __init__(self, command):
        self.kind, self.id = command["do"], command["id"]
        self.every, self.due = command["every"], time.monotonic()
        self.sent = self.answered = self.wrong = 0
        self.open = set()
        self.running = True
        self.interface = command.get("interface")
        family = datagrams.family_of(command["to"])
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.to = datagrams.sockaddr(command["to"], command["port"], self.interface)
        if self.kind == "ask":
            self.sock.connect(self.to)

    def contents(self):
        if self.kind == "garbage":
            data = chance.randbytes(chance.choice([0, 1, 11, 12, 40, 300, 1400]))
            return b"?" + data[1:] if data[:4] == b"pksk" else data
        return payload(self.id, self.sent, 12 + self.sent % 500)

    def send(self):
        data = self.contents()
        if self.interface:
            datagrams.set_sending(self.sock, self.interface)
        if self.kind == "ask":
            self.open.add(data)
            self.sock.send(data)
        else:
            self.sock.sendto(data, self.to)
        self.sent += 1

    def answer(self):
        data = self.sock.recv(65536)
        if data in self.open:
            self.open.remove(data)
            self.answered += 1
        else:
            self.wrong += 1

    def counts(self):
        return {"sent": self.sent, "answered": self.answered, "wrong": self.wrong}


jobs = {}
echoes = []


def carry_out(command):
    kind = command["do"]
    if kind == "echo":
        for family, wildcard in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            sock = datagrams.open_socket(family)
            sock.bind((wildcard, command["port"]))
            echoes.append(sock)
        return {}
    job = jobs.get(command["id"])
    if kind == "stop":
        job.running = False
        return job.counts()
    if job is None:
        jobs[command["id"]] = Job(command)
    else:
        job.running, job.due = True, time.monotonic()
    return {}


datagrams.say({"ready": True})
while True:
    due = min((job.due for job in jobs.values() if job.running), default=None)
    wait = None if due is None else max(0, due - time.monotonic())
    asking = {job.sock: job for job in jobs.values() if job.kind == "ask"}
    ready, _, _ = select.select([sys.stdin, *echoes, *asking], [], [], wait)
    for sock in ready:
        if sock is sys.stdin:
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            datagrams.say(carry_out(json.loads(line)))
        elif sock in asking:
            asking[sock].answer()
        else:
            data, source = sock.recvfrom(65536)
            sock.sendto(data, source)
    now = time.monotonic()
    for job in jobs.values():
        if job.running and job.due <= now:
            # One that has fallen behind does not hurry.
            job.due = max(job.due + job.every, now)
            try:
                job.send()
            except OSError as error:
                datagrams.say({"error": f"{job.kind} {job.id}: {error}"})
                sys.exit(1)
