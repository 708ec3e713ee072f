// Descriptors that somebody else has closed, while the poller looked at them.
import { assert, assertEquals } from "@std/assert";
import { READ } from "../../ffi/poller.ts";
import { test } from "../harness.ts";
import { setUp, tearDown } from "./poller_setup.ts";

for (const kind of ["epoll", "poll"] as const) {
  test(`${kind}: a descriptor that is looked at and gone can be removed, and the others go on`, async () => {
    const setup = setUp(kind);
    const { kernel, open } = setup;
    const [gone, other] = [open(), open()];
    gone.registration.arm(READ);
    other.registration.arm(READ);
    await kernel.settle();
    if (kind === "epoll") assert(kernel.looksAt(gone.fd));
    kernel.files.delete(gone.fd);
    if (kind === "epoll") kernel.failing.set("epoll_ctl", 9);
    let closable = 0;
    const removed = gone.registration.remove(() => closable++);
    kernel.failing.clear();
    await kernel.settle();
    await removed;
    assertEquals(closable, 1);
    kernel.files.set(other.fd, kernel.platform.constants.POLLIN);
    await kernel.settle();
    assertEquals(other.fired, [READ]);
    await tearDown(setup, other);
  });
}
