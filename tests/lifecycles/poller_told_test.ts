// A callback of the poller may close other sockets, which were to be told something as well.
import { assertEquals } from "@std/assert";
import { READ } from "../../ffi/poller.ts";
import { test } from "../harness.ts";
import { setUp, type Socket, tearDown } from "../ffi/poller_setup.ts";

const POLLIN = 1;
const EBADF = 9;

for (const kind of ["epoll", "poll"] as const) {
  for (const fails of [false, true]) {
    const when = fails ? "when waits fail and all are told" : "when both are ready at once";
    test(`${kind}: who is removed by another's callback hears nothing any more, ${when}`, async () => {
      const setup = setUp(kind);
      const { kernel, open, close } = setup;
      const sockets: Socket[] = [];
      let closed: Promise<void> | undefined;
      for (let i = 0; i < 2; i++) {
        // Whichever comes first closes the other.
        sockets.push(open(() => closed ??= close(sockets[1 - i])));
      }
      for (const { registration } of sockets) registration.arm(READ);
      if (fails) {
        kernel.failing.set(kind === "epoll" ? "epoll_wait" : "poll", EBADF);
        await kernel.settle(50);
        await new Promise((resolve) => setTimeout(resolve, 50));
        kernel.failing.clear();
      } else {
        for (const { fd } of sockets) kernel.files.set(fd, POLLIN);
      }
      await kernel.settle();
      await closed;
      assertEquals(sockets.map(({ fired }) => fired).sort(), [[], [READ]]);
      await tearDown(setup, ...sockets.filter(({ fd }) => kernel.files.has(fd)));
    });
  }
}
