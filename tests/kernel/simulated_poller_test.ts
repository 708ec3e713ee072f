// Every way to wait with every way to be woken, on the real kernel.
import { assert, assertEquals } from "@std/assert";
import type { Platform } from "../../ffi/platform/platform.ts";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, SocketError, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { openWith } from "../../socket/open.ts";
import { checkOptions } from "../../socket/options.ts";
import { staysPending, test, within } from "../harness.ts";
import { linux } from "../../ffi/platform/linux.ts";
import { at, descriptors, next, text, turn, until } from "./support.ts";

/** Whatever this run was forced to: epoll and eventfd as Linux has them. */
const TABLES = linux("x86_64");

const WAYS: [string, Partial<Platform>][] = [
  ["epoll woken by a socket", { epoll: system().platform.epoll ?? TABLES.epoll, wake: "socket" }],
  ["poll woken by a socket", { epoll: null, wake: "socket" }],
  ["poll woken by an eventfd", { epoll: null, wake: TABLES.wake }],
];

/** A system of its own, and with it a poller. */
function open(way: Partial<Platform>): (options?: UdpSocketOptions) => UdpSocket {
  const { platform, runtime, library } = system();
  const own = new System({ ...platform, ...way }, runtime, library);
  return (options = {}) => openWith(own, checkOptions(options));
}

for (const [name, way] of WAYS) {
  test(`${name}: a packet is waited for, and the next one`, { needs: ["linux"] }, async () => {
    const socketOn = open(way);
    await using socket = socketOn();
    await using peer = openUdpSocket();
    for (const data of ["first", "second", "third"]) {
      const waiting = socket.receive();
      assert(await staysPending(1, waiting));
      await peer.send(data, at(socket, "127.0.0.3"));
      assertEquals(text(await within(5_000, waiting)), data);
    }
  });

  test(`${name}: a wait that begins while another is pending is noticed`, {
    needs: ["linux"],
  }, async () => {
    const socketOn = open(way);
    await using first = socketOn();
    await using second = socketOn();
    await using third = socketOn();
    await using peer = openUdpSocket();
    const waiting = first.receive();
    await turn();
    const others = [second.receive(), third.receive()];
    await turn();
    await peer.send("3", at(third));
    assertEquals(text(await within(5_000, others[1])), "3");
    await peer.send("2", at(second));
    assertEquals(text(await within(5_000, others[0])), "2");
    await peer.send("1", at(first));
    assertEquals(text(await within(5_000, waiting)), "1");
  });

  test(`${name}: a wait is ended by a signal and by closing`, { needs: ["linux"] }, async () => {
    const before = descriptors();
    const socketOn = open(way);
    const socket = socketOn();
    const stays = socketOn();
    const controller = new AbortController();
    const aborted = socket.receive({ signal: controller.signal }).catch((error) => error);
    const closed = socket.receive().catch((error) => error);
    const other = stays.receive();
    await turn();
    controller.abort("enough");
    assertEquals(await within(5_000, aborted), "enough");
    await within(5_000, socket.close(), "the end of closing");
    const error = await within(5_000, closed);
    assert(error instanceof SocketError);
    assertEquals(error.code, "ECANCELED");
    // The other one was woken, and waits on.
    const socketOther = openUdpSocket();
    await socketOther.send("still here", at(stays));
    assertEquals(text(await within(5_000, other)), "still here");
    await Promise.all([stays.close(), socketOther.close()]);
    await until(() => descriptors() === before, "the end of all descriptors");
  });

  test(`${name}: waits that hold the process and waits that do not`, {
    needs: ["linux"],
  }, async () => {
    const socketOn = open(way);
    await using held = socketOn();
    await using free = socketOn();
    free.unref();
    await using peer = openUdpSocket();
    const waiting = [held.receive(), free.receive()];
    await turn();
    await peer.send("free", at(free));
    assertEquals(text(await within(5_000, waiting[1])), "free");
    await peer.send("held", at(held));
    assertEquals(text(await within(5_000, waiting[0])), "held");
    const again = free.receive();
    await turn();
    free.ref();
    await peer.send("free", at(free));
    assertEquals(text(await within(5_000, again)), "free");
  });

  test(`${name}: many wake-ups leave none behind`, { needs: ["linux"] }, async () => {
    const socketOn = open(way);
    await using socket = socketOn();
    await using other = socketOn();
    for (let i = 0; i < 30; i++) {
      const controller = new AbortController();
      const waiting = [
        socket.receive({ signal: controller.signal }),
        other.receive({ signal: controller.signal }),
      ];
      if (i % 3 === 0) await turn();
      controller.abort();
      await Promise.allSettled(waiting);
    }
    await other.send("after all", at(socket));
    assertEquals(text(await next(socket)), "after all");
  });
}
