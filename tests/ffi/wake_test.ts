// What ends a pending wait: an eventfd, or a socket that sends to itself.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import { READ } from "../../ffi/poller.ts";
import { openWake } from "../../ffi/wake.ts";
import { test } from "../harness.ts";
import { Kernel } from "./kernel.ts";
import { setUp, tearDown } from "./poller_setup.ts";

const POLLIN = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const EAFNOSUPPORT = 97;
const EADDRNOTAVAIL = 99;
const ENOBUFS = 105;

for (const kind of ["epoll", "poll"] as const) {
  const what = kind === "epoll" ? "an eventfd" : "a socket of its own";

  test(`${what} is readable from when it is set until it is cleared`, () => {
    const kernel = new Kernel(kind);
    const wake = openWake(kernel.system);
    assertEquals([kernel.files.get(wake.fd), wake.clear()], [0, false]);
    wake.set();
    assertEquals(kernel.files.get(wake.fd), POLLIN);
    assertEquals([wake.clear(), kernel.files.get(wake.fd), wake.clear()], [true, 0, false]);
    wake.set();
    assertEquals(wake.clear(), true);
    wake.close();
    assertEquals(kernel.files.size, 0);
  });

  test(`${what} that is set many times is cleared once`, () => {
    const kernel = new Kernel(kind);
    const wake = openWake(kernel.system);
    for (let i = 0; i < 1000; i++) wake.set();
    // A socket's queue has an end, an eventfd's number has none that matters.
    if (kind === "poll") assertEquals(kernel.signals, 1);
    assertEquals([wake.clear(), wake.clear()], [true, false]);
    wake.close();
  });
}

test("a socket that could not send is not set, and sends the next time", () => {
  const kernel = new Kernel("poll");
  const wake = openWake(kernel.system);
  kernel.failing.set("sendto", ENOBUFS);
  wake.set();
  assertEquals(wake.clear(), false);
  kernel.failing.clear();
  wake.set();
  assertEquals([kernel.signals, wake.clear()], [1, true]);
  wake.close();
});

test("a datagram that is still on its way is waited for, not sent again and not forgotten", () => {
  const kernel = new Kernel("poll");
  const wake = openWake(kernel.system);
  wake.set();
  // Elsewhere loopback is a queue of its own: recv may come before the datagram does.
  kernel.failing.set("recv", 11);
  assertEquals(wake.clear(), false);
  kernel.failing.clear();
  wake.set();
  assertEquals([kernel.signals, wake.clear(), wake.clear()], [1, true, false]);
  wake.close();
});

/** A kernel of which a test says what a family's sockets answer; returns the calls that were made. */
function withFamilies(refuse: (call: string, family: number) => number | null) {
  const kernel = new Kernel("poll");
  const symbols = kernel.system.library.symbols as Record<string, (...args: unknown[]) => number>;
  const calls: string[] = [];
  let errno = 0;
  const families = new Map<number, number>();
  for (const call of ["socket", "bind", "connect"]) {
    const real = symbols[call];
    symbols[call] = (...args) => {
      const first = args[0] as number;
      const family = call === "socket" ? first : families.get(first)!;
      calls.push(`${call} ${family}`);
      const refused = refuse(call, family);
      if (refused !== null) {
        errno = refused;
        return -1;
      }
      const result = real(...args);
      if (call === "socket") families.set(result, family);
      return result;
    };
  }
  const { library } = kernel.system;
  const own = library.errno.bind(library);
  library.errno = () => errno || own();
  return { kernel, calls };
}

test("without IPv4 it is a socket of IPv6's loopback", () => {
  for (const [without, errno] of [["socket", EAFNOSUPPORT], ["bind", EADDRNOTAVAIL]] as const) {
    const { kernel, calls } = withFamilies((call, family) =>
      call === without && family === AF_INET ? errno : null
    );
    const wake = openWake(kernel.system);
    assertEquals(calls.filter((call) => call.endsWith(` ${AF_INET6}`)).length, 3);
    assertEquals(kernel.files.size, 1, "the other one is closed");
    wake.set();
    assert(wake.clear());
    wake.close();
    assertEquals(kernel.files.size, 0);
  }
});

test("without any loopback there is none, and nothing is left open", () => {
  const { kernel } = withFamilies((call, family) =>
    call === "bind" ? family === AF_INET ? EADDRNOTAVAIL : EAFNOSUPPORT : null
  );
  const error = assertThrows(() => openWake(kernel.system), SocketError);
  assertEquals([error.code, error.syscall], ["EADDRNOTAVAIL", "bind"], "what IPv4 said");
  assertEquals(kernel.files.size, 0);
});

test("poll: a wait that is woken twice before it returns is woken once", async () => {
  const setup = setUp("poll");
  const { kernel, open } = setup;
  const first = open();
  const second = open();
  first.registration.arm(READ);
  await kernel.settle();
  const before = kernel.signals;
  // Each restarts the pending wait.
  second.registration.arm(READ);
  second.registration.disarm(READ);
  second.registration.arm(READ);
  assert(kernel.signals - before <= 1, `${kernel.signals - before} signals`);
  await kernel.settle();
  kernel.files.set(second.fd, POLLIN);
  await kernel.settle();
  assertEquals([first.fired, second.fired], [[], [READ]]);
  await tearDown(setup, first, second);
});
