"""SSDP by gssdp (GNOME), over GObject introspection: Debian's own python3 has it.

    gssdp.py publish INTERFACE ADDRESS TYPE USN LOCATION   says {"ready": true}; goodbye on SIGTERM
    gssdp.py browse INTERFACE ADDRESS TYPE                 says {"ready": true}, then what it finds

ADDRESS is one of the interface's: its family is that of the messages.
"""
import json
import signal
import sys

import gi

gi.require_version("GSSDP", "1.6")
from gi.repository import Gio, GLib, GSSDP  # noqa: E402


def say(**what):
    print(json.dumps(what), flush=True)


def main():
    mode, interface, address, target, *rest = sys.argv[1:]
    inet = Gio.InetAddress.new_from_string(address)
    client = GSSDP.Client.new_full(interface, inet, 0, GSSDP.UDAVersion.VERSION_1_1)
    loop = GLib.MainLoop()
    if mode == "publish":
        usn, location = rest
        group = GSSDP.ResourceGroup.new(client)
        group.add_resource_simple(target, usn, location)
        group.set_available(True)

        started = GLib.get_monotonic_time()

        def goodbye():
            group.set_available(False)
            GLib.timeout_add(700, loop.quit)

        def leave():
            # Messages wait in a queue, 120 ms apart, and answers up to a second: what is not yet said then would come
            # after the goodbye. Our client searches for a second and a half.
            elapsed_ms = (GLib.get_monotonic_time() - started) // 1000
            GLib.timeout_add(max(0, 3500 - elapsed_ms), goodbye)

        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, leave)
    else:
        browser = GSSDP.ResourceBrowser.new(client, target)
        browser.connect("resource-available", lambda _, usn, urls: say(usn=usn, locations=list(urls)))
        browser.connect("resource-unavailable", lambda _, usn: say(gone=usn))
        browser.set_active(True)
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    say(ready=True)
    loop.run()


main()
