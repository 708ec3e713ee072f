/** What the tests of lifecycles share. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandOf, runtime, runtimeProgram } from "../harness.ts";
import { thorough } from "../figures.ts";
import type { FakeLibrary } from "../kernel/fake_library.ts";

/** Everything is done as often as it is to be: not again where other ways through the library are forced. */
export const full: boolean = thorough && process.env.PKTINFO_FORCE === undefined;

/** The command of a program of tests/programs that collects garbage on demand and may read /proc. */
export function collectingCommand(
  program: string,
  args: readonly string[] = [],
): [program: string, args: string[]] {
  const file = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  if (runtime === "deno") {
    // /proc takes all permissions, without any that is denied.
    const options = ["--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc"];
    return [runtimeProgram, ["run", ...options, file, ...args]];
  }
  const [command, words] = commandOf(file, [], args);
  return [command, runtime === "node" ? ["--expose-gc", ...words] : words];
}

/**
 * Notes in `library.stray` also who closes, waits for or wakes by a descriptor that is not open: what the library
 * itself notes is other calls on sockets.
 */
export function watchDescriptors<L extends FakeLibrary>(library: L): L {
  const others = new Set<number>();
  const isOpen = (fd: number) => library.open.has(fd) || others.has(fd);
  for (const name of ["epoll_create1", "eventfd"]) {
    library.on(name, (_, call) => {
      const fd = call();
      if (fd >= 0) others.add(fd);
      return fd;
    });
  }
  library.on("epoll_ctl", ([epoll, , fd], call) => {
    // The poller's own descriptor that wakes it may be a socket that the library does not tell of.
    if (!isOpen(epoll) || (!isOpen(fd) && library.calls.includes("eventfd"))) {
      library.stray.push("epoll_ctl");
    }
    return call();
  });
  for (const name of ["read", "write"]) {
    library.on(name, ([fd], call) => {
      if (!others.has(fd)) library.stray.push(name);
      return call();
    });
  }
  library.on("close", ([fd], call) => {
    if (!isOpen(fd)) library.stray.push("close");
    others.delete(fd);
    return call();
  });
  return library;
}

/** What a promise comes to, in a word: a code, the name of another error, or the value. */
export function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => typeof value === "object" ? "a packet" : String(value),
    (error) => error?.code ?? error?.name ?? String(error),
  );
}
