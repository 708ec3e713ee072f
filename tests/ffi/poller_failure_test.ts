// The poller when calls, callbacks or the runtime fail.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import { Poller, pollerOf, READ, WRITE } from "../../ffi/poller.ts";
import { notUnder, test } from "../harness.ts";
import { uncaughtDuring } from "../uncaught.ts";
import { Kernel, turn } from "./kernel.ts";
import { setUp, tearDown } from "./poller_setup.ts";

const POLLIN = 1;
const EINTR = 4;
const EBADF = 9;
const EMFILE = 24;
const ENOSPC = 28;

/** Waits out the poller's pause, which began before: timers of equal length fire in order. */
const pauseIsOver = () => new Promise((resolve) => setTimeout(resolve, 50));

for (const kind of ["epoll", "poll"] as const) {
  test(`${kind}: waits that fail for good make everybody look for himself`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const call = kind === "epoll" ? "epoll_wait" : "poll";
    const first = open();
    const second = open();
    const idle = open();
    first.registration.arm(READ);
    second.registration.arm(READ | WRITE);
    kernel.failing.set(call, EBADF);
    await kernel.settle(50);
    assertEquals(
      [first.fired, second.fired, idle.fired],
      [[], [], []],
      "a failing wait is no busy loop",
    );
    await pauseIsOver();
    assertEquals([first.fired, second.fired, idle.fired], [[READ], [READ | WRITE], []]);
    assert(kernel.started > 1, "one failure is no reason to give up");
    assertEquals(kernel.pending, { held: 0, free: 0 });
    kernel.failing.clear();
    first.registration.arm(READ);
    kernel.files.set(first.fd, POLLIN);
    await kernel.settle();
    assertEquals(first.fired, [READ, READ]);
    await tearDown(setup, first, second, idle);
  });

  for (const refusal of ["throws", "rejects"] as const) {
    test(`${kind}: a wait that cannot even be started (it ${refusal}) is one that fails`, async () => {
      const uncaught = await uncaughtDuring(async () => {
        const setup = setUp(kind);
        const { kernel, open } = setup;
        const socket = open();
        kernel.refusal = refusal;
        socket.registration.arm(READ);
        for (let i = 0; i < 5; i++) await kernel.settle();
        await pauseIsOver();
        assertEquals(socket.fired, [READ]);
        kernel.refusal = null;
        socket.registration.arm(READ);
        kernel.files.set(socket.fd, POLLIN);
        await kernel.settle();
        assertEquals(socket.fired, [READ, READ]);
        await tearDown(setup, socket);
      });
      assertEquals(uncaught, []);
    });
  }

  test(`${kind}: a wait that fails now and then is tried again`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await turn();
    for (let i = 0; i < 5; i++) {
      kernel.failing.set(kind === "epoll" ? "epoll_wait" : "poll", EINTR);
      assert(kernel.complete(kernel.waits[0]));
      kernel.failing.clear();
      kernel.deliver(kernel.waits[0]);
      await turn();
    }
    assertEquals(socket.fired, []);
    kernel.files.set(socket.fd, POLLIN);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: a callback that throws costs nobody else an event`, {
    skip: notUnder("bun", "bun test takes every uncaught error for its own"),
  }, async () => {
    const uncaught = await uncaughtDuring(async () => {
      const setup = setUp(kind);
      const { kernel, open } = setup;
      const bad = () => {
        throw new Error("a callback's own fault");
      };
      const sockets = [open(bad), open(), open(bad), open()];
      for (const { fd, registration } of sockets) {
        registration.arm(READ);
        kernel.files.set(fd, POLLIN);
      }
      await kernel.settle();
      assertEquals(sockets.map(({ fired }) => fired), [[READ], [READ], [READ], [READ]]);
      sockets[1].registration.arm(READ);
      await kernel.settle();
      assertEquals(sockets[1].fired, [READ, READ]);
      await tearDown(setup, ...sockets);
    });
    assert(uncaught.length > 0, "it is not swallowed");
  });
}

test("epoll: the first descriptor that cannot be added leaves nothing behind", () => {
  const kernel = new Kernel("epoll");
  const poller = pollerOf(kernel.system);
  const fd = kernel.socket();
  kernel.failing.set("epoll_ctl", ENOSPC);
  assertThrows(() => poller.register(fd, () => {}));
  kernel.failing.clear();
  assertEquals([...kernel.files.keys()], [fd], "the poller's own descriptors are closed");
  assert(pollerOf(kernel.system) !== poller, "the next one gets a new poller");
});

const MAKING = {
  epoll: ["eventfd", "epoll_create1", "epoll_ctl"],
  poll: ["socket", "bind", "getsockname", "connect"],
};
for (const kind of ["epoll", "poll"] as const) {
  test(`${kind}: a poller that cannot be made closes what it had opened`, () => {
    for (const call of MAKING[kind]) {
      const kernel = new Kernel(kind);
      kernel.failing.set(call, EMFILE);
      assertThrows(() => new Poller(kernel.system, () => {}), SocketError, "EMFILE");
      assertEquals([kernel.files.size, kernel.allocated], [0, 0], call);
    }
  });
}

test("epoll: a descriptor that was closed behind our back can still be removed", async () => {
  const kernel = new Kernel("epoll");
  let closed = false;
  const poller = new Poller(kernel.system, () => closed = true);
  const fd = kernel.socket();
  const registration = poller.register(fd, () => {});
  kernel.close(fd);
  let closable = 0;
  await registration.remove(() => closable++).catch(() => {});
  assertEquals(closable, 1, "its owner still closes it");
  assert(closed);
  assertEquals(kernel.files.size, 0, "epoll and eventfd are closed");
});
