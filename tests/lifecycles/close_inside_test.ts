// The caller's own code runs inside of calls of ours: a getter, an iterator, a listener. It may close the socket.
import { assertEquals } from "@std/assert";
import { test, within } from "../harness.ts";
import type { UdpSocket } from "../../mod.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { lo, turn } from "../kernel/support.ts";
import { outcome, watchDescriptors } from "./support.ts";

/** An object whose property closes the socket when it is looked at. */
// deno-lint-ignore no-explicit-any -- stands for options of every kind
function trap(socket: UdpSocket, property: string, value: unknown, others: object = {}): any {
  return Object.defineProperty({ ...others }, property, {
    enumerable: true,
    get: () => {
      void socket.close();
      return value;
    },
  });
}

const to = "127.0.0.3:9";
const signal = new AbortController().signal;
const group = "239.255.79.1";

const calls: [what: string, call: (socket: UdpSocket) => unknown, end: string][] = [
  ["receive", (socket) => socket.receive(trap(socket, "signal", signal)), "EBADF"],
  ["receiveMany's max", (socket) => socket.receiveMany(trap(socket, "max", 3)), "EBADF"],
  ["an iteration", (socket) => socket.packets(trap(socket, "signal", signal)).next(), "a packet"],
  [
    "send's destination",
    (socket) => socket.send("x", trap(socket, "port", 9, { address: "127.0.0.3" })),
    "ECANCELED",
  ],
  ["send's options", (socket) => socket.send("x", to, trap(socket, "hops", 3)), "ECANCELED"],
  ["sendMany's items", (socket) =>
    socket.sendMany(function* () {
      yield { data: "x", to };
      void socket.close();
      yield { data: "x", to };
    }()), "EBADF"],
  ["the end of sendMany's items", (socket) =>
    socket.sendMany(function* () {
      yield { data: "x", to };
      void socket.close();
    }()), "ECANCELED"],
  ["sendMany's data", (socket) => socket.sendMany([trap(socket, "data", "x", { to })]), "EBADF"],
  [
    "connect",
    (socket) => socket.connect(trap(socket, "port", 9, { address: "127.0.0.3" })),
    "EBADF",
  ],
  ["set", (socket) => socket.set(trap(socket, "hops", 3)), "EBADF"],
  [
    "join on one interface",
    (socket) => socket.join(group, trap(socket, "interface", lo.name)),
    "EBADF",
  ],
  ["join everywhere", (socket) => socket.join(group, trap(socket, "source", undefined)), "EBADF"],
  ["leave", (socket) => socket.leave(group, trap(socket, "interface", lo.name)), "EBADF"],
  [
    "blockSource",
    (socket) => socket.blockSource(group, "127.0.0.2", trap(socket, "interface", lo.name)),
    "EBADF",
  ],
  [
    "unblockSource",
    (socket) => socket.unblockSource(group, "127.0.0.2", trap(socket, "interface", lo.name)),
    "EBADF",
  ],
];

for (const [what, call, end] of calls) {
  test(`a socket that the caller's own code closes inside of it is not used any more: ${what}`, async () => {
    const library = watchDescriptors(new FakeLibrary());
    // Nothing is to be joined on this machine's other interfaces.
    library.onMembership(["join", "joinSource", "leave", "block", "unblock"], () => 0);
    const socket = library.openSocket();
    socket.join(group, { interface: lo.name });
    const called = outcome((async () => await call(socket))());
    assertEquals(await within(2_000, called, "its end"), end);
    await socket.close();
    await turn();
    assertEquals(library.stray, []);
    assertEquals([...library.open], []);
  });
}
