"""Holds TAP devices open, as a VPN or a hypervisor does: those named as arguments until it is killed, others on command.

One command a line on standard input, one line of JSON back when it is done:

    open NAME    {"open": NAME}: the carrier is there, so an interface that is up is RUNNING from now on
    close NAME   {"closed": NAME}: the carrier is gone; a device made by "ip tuntap add" stays, another one vanishes
    frames NAME  {"frames": COUNT}: how many frames the host has sent into the device since it was asked last

What the kernel refuses is {"error": "EBUSY"}. Without arguments the end of standard input ends the program.
"""

import errno
import fcntl
import os
import signal
import struct
import sys

import datagrams

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# A test that dies cannot stop this program: it ends by itself after five minutes.
signal.alarm(300)

devices = {}


def open_device(name):
    """Attaches to the device of that name; makes one where there is none."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError:
        os.close(device)
        raise
    devices[name] = device
    return {"open": name}


def close_device(name):
    os.close(devices.pop(name))
    return {"closed": name}


def count_frames(name):
    count = 0
    while True:
        try:
            os.read(devices[name], 65536)
        except BlockingIOError:
            return {"frames": count}
        count += 1


COMMANDS = {"open": open_device, "close": close_device, "frames": count_frames}

for name in sys.argv[1:]:
    open_device(name)
datagrams.say({"ready": True})
for line in sys.stdin:
    command, name = line.split()
    try:
        datagrams.say(COMMANDS[command](name))
    except OSError as error:
        datagrams.say({"error": errno.errorcode.get(error.errno, str(error))})
    except KeyError:
        datagrams.say({"error": "not open: " + name})
while devices and len(sys.argv) > 1:
    signal.pause()
