// Descriptors that Node's own event loop looks at: what happens at and after the end of that.
import { assertEquals } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { emptyWords } from "../../ffi/sockaddr.ts";
import { runtime as on, test, type TestOptions } from "../harness.ts";
import { until } from "../kernel/support.ts";

const here = system();
const options: TestOptions = {
  skip: (on === "deno" || here.runtime.watch === null) && "only Node lends its event loop",
};

/** A socket that is ready to be read from. */
function readySocket(): number {
  const fd = here.openSocket("IPv4");
  here.bind(fd, { ...emptyWords(), w0: 0x7f000001 }, {});
  const own = here.localAddress(fd);
  const name = new Uint8Array(here.sockaddr.size);
  const length = here.sockaddr.write(new DataView(name.buffer), 0, own);
  here.send(fd, new Uint8Array(1), name, length);
  return fd;
}

test(
  "koffi: who is no longer looked at hears nothing of what was on its way",
  options,
  async () => {
    const fds = [readySocket(), readySocket()];
    const heard: number[] = [];
    const watches = fds.map((fd, nth) =>
      here.runtime.watch!(fd, () => {
        heard.push(nth);
        // Both are ready in the same round of the loop: whichever is first ends the other.
        watches[1 - nth].close();
        watches[nth].wait(false, false);
      })
    );
    for (const watch of watches) {
      watch.hold(true);
      watch.wait(true, false);
    }
    await until(() => heard.length > 0, "the first");
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(heard.length, 1);
    for (const watch of watches) watch.close();
    for (const watch of watches) {
      // It is all the same by now.
      watch.close();
      watch.hold(true);
      watch.hold(false);
      watch.wait(true, true);
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(heard.length, 1);
    for (const fd of fds) here.close(fd);
  },
);

test("koffi: who waits for room only is told of an error, too, until it is taken", {
  ...options,
  needs: ["linux"],
}, async () => {
  const [fd, gone] = [here.openSocket("IPv4"), here.openSocket("IPv4")];
  here.bind(gone, { ...emptyWords(), w0: 0x7f000003 }, {});
  const nobody = here.localAddress(gone);
  here.close(gone);
  here.connect(fd, nobody, {});
  const heard: boolean[][] = [];
  const watch = here.runtime.watch!(fd, (...ready) => {
    heard.push(ready);
    if (heard.length === 3) watch.wait(false, false);
  });
  watch.hold(true);
  // Refused at once, on loopback; told to the next call.
  here.send(fd, new Uint8Array(1), null, 0);
  watch.wait(false, true);
  await until(() => heard.length === 3, "the error, again and again");
  assertEquals(heard[0], [true, true]);
  assertEquals(here.receive(fd, new Uint8Array(1)), -here.errnoOf("ECONNREFUSED"));
  watch.close();
  here.close(fd);
});
