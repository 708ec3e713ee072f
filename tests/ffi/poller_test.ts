// The poller on a simulated kernel: one situation a test. poller_model_test.ts has the random ones.
import { assert, assertEquals } from "@std/assert";
import { Poller, READ, WRITE } from "../../ffi/poller.ts";
import { test } from "../harness.ts";
import { turn } from "./kernel.ts";
import { setUp, type Socket, tearDown } from "./poller_setup.ts";

const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;

test("epoll looks at nothing that was never waited for", async () => {
  const setup = setUp("epoll");
  const { kernel, open } = setup;
  const sender = open();
  const socket = open();
  assertEquals([kernel.looksAt(sender.fd), kernel.looksAt(socket.fd)], [false, false]);
  socket.registration.arm(READ);
  kernel.files.set(socket.fd, POLLIN);
  await kernel.settle();
  assertEquals([kernel.looksAt(sender.fd), kernel.looksAt(socket.fd)], [false, true]);
  assertEquals(socket.fired, [READ]);
  await tearDown(setup, sender, socket);
});

for (const kind of ["epoll", "poll"] as const) {
  test(`${kind}: nothing is called while nobody waits`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    kernel.files.set(socket.fd, POLLIN | POLLOUT);
    await turn();
    assertEquals([kernel.started, kernel.signals], [0, 0]);
    await tearDown(setup, socket);
  });

  test(`${kind}: an arming fires once`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await kernel.settle();
    assertEquals(kernel.pending, { held: 1, free: 0 });
    assertEquals(socket.fired, []);
    kernel.files.set(socket.fd, POLLIN);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    assertEquals(kernel.pending, { held: 0, free: 0 });
    assertEquals(socket.registration.interest, 0);
    // Still readable: it is the next arming that tells.
    socket.registration.arm(READ);
    await kernel.settle();
    assertEquals(socket.fired, [READ, READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: reading and writing are waited for apart from each other`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ | WRITE);
    kernel.files.set(socket.fd, POLLOUT);
    await kernel.settle();
    assertEquals(socket.fired, [WRITE]);
    assertEquals(socket.registration.interest, READ);
    assertEquals(kernel.pending.held, 1);
    kernel.files.set(socket.fd, POLLIN | POLLOUT);
    await kernel.settle();
    assertEquals(socket.fired, [WRITE, READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: interest that is added while a wait is pending is noticed`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const first = open();
    const second = open();
    first.registration.arm(READ);
    await kernel.settle();
    kernel.files.set(second.fd, POLLIN);
    kernel.files.set(first.fd, POLLOUT);
    second.registration.arm(READ);
    await kernel.settle();
    assertEquals([first.fired, second.fired], [[], [READ]]);
    first.registration.arm(WRITE);
    await kernel.settle();
    assertEquals(first.fired, [WRITE]);
    await tearDown(setup, first, second);
  });

  test(`${kind}: an error concerns whoever waits`, async () => {
    for (const interest of [READ, WRITE, READ | WRITE]) {
      const setup = setUp(kind);
      const { kernel, open } = setup;
      const socket = open();
      socket.registration.arm(interest);
      kernel.files.set(socket.fd, POLLERR);
      await kernel.settle();
      assertEquals(socket.fired, [interest]);
      await tearDown(setup, socket);
    }
  });

  test(`${kind}: an error that nobody waits for keeps nothing busy, and is told later`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const other = open();
    const socket = open();
    other.registration.arm(READ);
    kernel.files.set(socket.fd, POLLERR);
    await kernel.settle(5);
    assertEquals(socket.fired, []);
    socket.registration.arm(READ);
    await kernel.settle(5);
    assertEquals([socket.fired, other.fired], [[READ], []]);
    await tearDown(setup, socket, other);
  });

  test(`${kind}: the end of the last interest wakes the wait`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const first = open();
    const second = open();
    first.registration.arm(READ);
    second.registration.arm(WRITE);
    await kernel.settle();
    first.registration.disarm(READ);
    await kernel.settle();
    assertEquals(kernel.pending.held, 1);
    second.registration.disarm(READ);
    await kernel.settle();
    assertEquals(kernel.pending.held, 1, "that is not what it waits for");
    second.registration.disarm(WRITE);
    await kernel.settle();
    assertEquals(kernel.pending, { held: 0, free: 0 });
    assertEquals([first.fired, second.fired], [[], []]);
    await tearDown(setup, first, second);
  });

  test(`${kind}: what is disarmed and armed again before the wake-up arrives goes on`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await turn();
    socket.registration.disarm(READ);
    socket.registration.arm(READ);
    await kernel.settle();
    assertEquals(kernel.pending.held, 1);
    kernel.files.set(socket.fd, POLLIN);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: what is disarmed while its event is on the way hears nothing`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await turn();
    kernel.files.set(socket.fd, POLLIN);
    assert(kernel.complete(kernel.waits[0]));
    socket.registration.disarm(READ);
    await kernel.settle();
    assertEquals(socket.fired, []);
    socket.registration.arm(READ);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: what is armed again while its event is on the way hears of it`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await turn();
    kernel.files.set(socket.fd, POLLIN);
    assert(kernel.complete(kernel.waits[0]));
    socket.registration.disarm(READ);
    socket.registration.arm(READ);
    socket.registration.arm(WRITE);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    kernel.files.set(socket.fd, POLLOUT);
    await kernel.settle();
    assertEquals(socket.fired, [READ, WRITE]);
    await tearDown(setup, socket);
  });

  test(`${kind}: an event for a descriptor that left goes to nobody, nor to its successor`, async () => {
    const setup = setUp(kind);
    const { kernel, open, close } = setup;
    const other = open();
    other.registration.arm(READ);
    const socket = open();
    socket.registration.arm(READ);
    await turn();
    kernel.files.set(socket.fd, POLLIN);
    for (const wait of kernel.waits) kernel.complete(wait);
    const closing = close(socket);
    await turn();
    // epoll lets it go at once, and the number is used again; poll has to return first.
    const successor = open();
    if (kind === "epoll") assertEquals(successor.fd, socket.fd);
    else assert(successor.fd !== socket.fd);
    successor.registration.arm(READ);
    await kernel.settle();
    await closing;
    assertEquals([socket.fired, successor.fired, other.fired], [[], [], []]);
    await tearDown(setup, other, successor);
  });

  test(`${kind}: remove() of one of several lets the others wait on`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const first = open();
    const second = open();
    first.registration.arm(READ);
    second.registration.arm(READ);
    await kernel.settle();
    let closable = 0;
    const removal = first.registration.remove(() => {
      closable++;
      kernel.close(first.fd);
    });
    // epoll lets go at once; a poll(2) that is still looking at the descriptor must return first.
    assertEquals(closable, kind === "epoll" ? 1 : 0);
    await turn();
    assertEquals(closable, kind === "epoll" ? 1 : 0);
    await kernel.settle();
    await removal;
    assertEquals(closable, 1);
    first.registration.arm(READ);
    assertEquals(first.registration.interest, 0, "it is gone");
    kernel.files.set(second.fd, POLLIN);
    await kernel.settle();
    assertEquals(second.fired, [READ]);
    await tearDown(setup, second);
  });

  test(`${kind}: what nobody waits for is closable at once`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const first = open();
    const last = open();
    for (const { fd, registration } of [first, last]) {
      const removal = registration.remove(() => kernel.close(fd));
      assert(!kernel.files.has(fd));
      await removal;
    }
    await tearDown(setup);
  });

  test(`${kind}: the last one to leave closes the poller, after the wait has returned`, async () => {
    const setup = setUp(kind);
    const { kernel, open, closed } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await kernel.settle();
    const own = kernel.files.size - 1;
    let removed = false;
    const removal = socket.registration.remove(() => kernel.close(socket.fd))
      .then(() => removed = true);
    await turn();
    assertEquals([removed, closed()], [false, true]);
    assert(kernel.files.size >= own);
    await kernel.settle();
    await removal;
    assertEquals([...kernel.files.keys()], []);
  });

  test(`${kind}: one that waits without holding the process waits elsewhere`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.held = false;
    socket.registration.arm(READ);
    await kernel.settle();
    assertEquals(kernel.pending, { held: 0, free: 1 });
    kernel.files.set(socket.fd, POLLIN);
    await kernel.settle();
    assertEquals(socket.fired, [READ]);
    await tearDown(setup, socket);
  });

  test(`${kind}: held and free change places while they wait`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const first = open();
    const second = open();
    first.registration.arm(READ);
    second.registration.arm(READ);
    await kernel.settle();
    for (const [a, b] of [[false, true], [true, false], [false, false], [true, true]] as const) {
      first.registration.held = a;
      second.registration.held = b;
      await kernel.settle();
      if (a || b) assertEquals(kernel.pending.held, 1);
      else assertEquals(kernel.pending, { held: 0, free: 1 });
    }
    first.registration.held = false;
    second.registration.held = false;
    await kernel.settle();
    second.registration.held = true;
    await kernel.settle();
    kernel.files.set(first.fd, POLLIN);
    kernel.files.set(second.fd, POLLIN);
    await kernel.settle();
    assertEquals([first.fired, second.fired], [[READ], [READ]]);
    assertEquals(kernel.pending.held, 0);
    await tearDown(setup, first, second);
  });

  test(`${kind}: an old free wait does not hide what a held wait leaves behind`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const free = open();
    const held = open();
    free.registration.held = false;
    free.registration.arm(READ);
    await kernel.settle();
    held.registration.arm(READ);
    await kernel.settle();
    free.registration.arm(WRITE);
    await kernel.settle();
    // The held wait ends by an event; the one that stays has to know of WRITE.
    kernel.files.set(held.fd, POLLIN);
    await kernel.settle();
    assertEquals(held.fired, [READ]);
    assertEquals(kernel.pending, { held: 0, free: 1 });
    kernel.files.set(free.fd, POLLOUT);
    await kernel.settle();
    assertEquals(free.fired, [WRITE]);
    await tearDown(setup, free, held);
  });

  test(`${kind}: more ready descriptors than one wait can tell`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const sockets = Array.from({ length: 200 }, () => open());
    for (const { registration, fd } of sockets) {
      registration.arm(READ);
      kernel.files.set(fd, POLLIN);
    }
    await kernel.settle();
    for (const { fired } of sockets) assertEquals(fired, [READ]);
    await tearDown(setup, ...sockets);
  });

  test(`${kind}: callbacks arm, disarm and remove each other`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const sockets: Socket[] = [];
    const removals: Promise<void>[] = [];
    const remove = ({ registration, fd }: Socket) => {
      removals.push(registration.remove(() => kernel.close(fd)));
    };
    const react = () => {
      // Whoever is called first takes all others out of the game.
      for (const socket of sockets) {
        if (socket.fired.length === 0) remove(socket);
        else socket.registration.arm(READ);
      }
    };
    for (let i = 0; i < 5; i++) sockets.push(open(() => sockets[0].fired.length < 3 && react()));
    for (const { fd, registration } of sockets) {
      registration.arm(READ);
      kernel.files.set(fd, POLLIN);
    }
    await kernel.settle(10).catch(() => {});
    const called = sockets.filter(({ fired }) => fired.length > 0);
    assertEquals(called.length, 1);
    for (const { fd } of called) kernel.files.set(fd, 0);
    for (const socket of called) remove(socket);
    await kernel.settle();
    await Promise.all(removals);
  });

  test(`${kind}: a poller can be opened again after the last has closed`, async () => {
    const setup = setUp(kind);
    const first = setup.open();
    first.registration.arm(READ);
    await setup.kernel.settle();
    const removal = setup.close(first);
    // A successor while the first has not come to its end.
    const again = new Poller(setup.kernel.system, () => {});
    const fired: number[] = [];
    const fd = setup.kernel.socket();
    const registration = again.register(fd, (events) => fired.push(events));
    registration.arm(READ);
    setup.kernel.files.set(fd, POLLIN);
    await setup.kernel.settle();
    await removal;
    assertEquals(fired, [READ]);
    const end = registration.remove(() => setup.kernel.close(fd));
    await setup.kernel.settle();
    await end;
    assertEquals(setup.kernel.files.size, 0);
  });

  test(`${kind}: remove() twice closes once`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const socket = open();
    socket.registration.arm(READ);
    await kernel.settle();
    let closable = 0;
    const close = () => void closable++;
    const removals = [socket.registration.remove(close), socket.registration.remove(close)];
    await kernel.settle();
    await Promise.all(removals);
    assertEquals(closable, 1);
    assertEquals([...kernel.files.keys()], [socket.fd]);
  });
}
