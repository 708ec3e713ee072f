// Quiet registrations: no reason to wait, but heard of with the waits of others, or after a while without any.
import { assertEquals } from "@std/assert";
import { READ } from "../../ffi/poller.ts";
import { test } from "../harness.ts";
import type { Kernel } from "./kernel.ts";
import { setUp, tearDown } from "./poller_setup.ts";

const POLLIN = 1;

/** The time of all timers has come. */
function elapse({ timers }: Kernel) {
  for (const callback of [...timers]) {
    timers.delete(callback);
    callback();
  }
}

for (const kind of ["epoll", "poll"] as const) {
  test(`${kind}: what is quiet starts no wait, and one that holds nothing after a while`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    quiet.registration.arm(READ);
    kernel.files.set(quiet.fd, POLLIN);
    await kernel.settle();
    assertEquals([kernel.started, kernel.timers.size, quiet.fired], [0, 1, []]);
    quiet.registration.arm(READ);
    assertEquals(kernel.timers.size, 1);
    elapse(kernel);
    await kernel.settle();
    assertEquals([kernel.started, quiet.fired], [1, [READ]]);
    assertEquals(kernel.timers.size, 0, "nothing is armed");
    quiet.registration.arm(READ);
    kernel.files.set(quiet.fd, 0);
    elapse(kernel);
    await kernel.settle();
    assertEquals(kernel.pending, { held: 0, free: 1 });
    kernel.files.set(quiet.fd, POLLIN);
    await kernel.settle();
    assertEquals(quiet.fired, [READ, READ]);
    await tearDown(setup, quiet);
  });

  test(`${kind}: what is quiet comes along with the waits of others`, async () => {
    for (const quietFirst of [true, false]) {
      for (const held of [true, false]) {
        const setup = setUp(kind);
        const { kernel, open } = setup;
        const quiet = open(() => {}, true);
        const socket = open();
        socket.registration.held = held;
        if (quietFirst) quiet.registration.arm(READ);
        socket.registration.arm(READ);
        await kernel.settle();
        if (!quietFirst) quiet.registration.arm(READ);
        await kernel.settle();
        assertEquals(kernel.pending, held ? { held: 1, free: 0 } : { held: 0, free: 1 });
        kernel.files.set(quiet.fd, POLLIN);
        await kernel.settle();
        assertEquals([quiet.fired, socket.fired], [[READ], []]);
        assertEquals(kernel.pending, held ? { held: 1, free: 0 } : { held: 0, free: 1 });
        await tearDown(setup, quiet, socket);
        assertEquals(kernel.timers.size, 0);
      }
    }
  });

  test(`${kind}: a timer that comes while others wait does nothing, and there is another when they end`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    const socket = open();
    quiet.registration.arm(READ);
    socket.registration.arm(READ);
    await kernel.settle();
    elapse(kernel);
    await kernel.settle();
    assertEquals([kernel.pending, kernel.timers.size], [{ held: 1, free: 0 }, 0]);
    kernel.files.set(socket.fd, POLLIN);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    assertEquals([kernel.pending, kernel.timers.size], [{ held: 0, free: 0 }, 1]);
    kernel.files.set(quiet.fd, POLLIN);
    elapse(kernel);
    await kernel.settle();
    assertEquals(quiet.fired, [READ]);
    await tearDown(setup, quiet, socket);
  });

  test(`${kind}: what is disarmed before its time gets no wait`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    quiet.registration.arm(READ);
    quiet.registration.disarm(READ);
    kernel.files.set(quiet.fd, POLLIN);
    elapse(kernel);
    await kernel.settle();
    assertEquals([kernel.started, kernel.timers.size, quiet.fired], [0, 0, []]);
    await tearDown(setup, quiet);
  });

  test(`${kind}: a held wait takes the place of a quiet one's, and leaves it to it again`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    const socket = open();
    quiet.registration.arm(READ);
    elapse(kernel);
    await kernel.settle();
    assertEquals(kernel.pending, { held: 0, free: 1 });
    for (let round = 1; round <= 3; round++) {
      socket.registration.arm(READ);
      await kernel.settle();
      assertEquals(kernel.pending, { held: 1, free: 0 });
      kernel.files.set(socket.fd, POLLIN);
      await kernel.settle();
      kernel.files.set(socket.fd, 0);
      assertEquals(kernel.pending.held, 0, "nothing quiet holds the process");
      elapse(kernel);
      await kernel.settle();
      assertEquals(kernel.pending, { held: 0, free: 1 });
    }
    kernel.files.set(quiet.fd, POLLIN);
    await kernel.settle();
    assertEquals(quiet.fired, [READ]);
    await tearDown(setup, quiet, socket);
  });

  test(`${kind}: the last to leave cancels the timer`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    quiet.registration.arm(READ);
    assertEquals(kernel.timers.size, 1);
    await tearDown(setup, quiet);
    assertEquals(kernel.timers.size, 0);
  });

  test(`${kind}: where no wait can be had, what is quiet is told to look for itself, now and then`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const quiet = open(() => {}, true);
    kernel.refusal = "rejects";
    quiet.registration.arm(READ);
    // Each of the waits that fail is followed by a pause: nothing spins.
    for (let i = 0; i < 20 && quiet.fired.length === 0; i++) {
      elapse(kernel);
      await kernel.settle();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(quiet.fired, [READ]);
    kernel.refusal = null;
    quiet.registration.arm(READ);
    kernel.files.set(quiet.fd, POLLIN);
    elapse(kernel);
    await kernel.settle();
    assertEquals(quiet.fired, [READ, READ]);
    await tearDown(setup, quiet);
  });
}
