/**
 * Has everything pending that can be: reads, some of them unref'd, sends that wait for room by readiness and by timer,
 * watchers. Says "ready", and leaves as the argument says, or waits for a signal.
 */
// deno-lint-ignore-file no-console
import process from "node:process";
import { interfaces, openUdpSocket, waitForLinkLocal, watchInterfaces } from "../../mod.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";

const [mode] = process.argv.slice(2);
const lo = interfaces().find(({ loopback }) => loopback)!.name;
const controller = new AbortController();
const { signal } = controller;

/** A socket of which every send is refused. */
function fullSocket(code: string) {
  const library = new FakeLibrary();
  for (const name of ["sendto", "sendmsg", "sendmmsg"]) {
    library.on(name, () => library.refuse(code));
  }
  return library.openSocket({ signal });
}

function everything(): Promise<unknown>[] {
  const [held, free] = [openUdpSocket({ signal }), openUdpSocket({ signal })];
  free.unref();
  const full = [fullSocket("EAGAIN"), fullSocket("ENOBUFS")];
  return [
    held.receive(),
    free.receive(),
    held.readable.getReader().read(),
    openUdpSocket({ signal, groups: [`239.255.82.1@${lo}`] }).receiveMany(),
    ...full.flatMap((socket) => [
      socket.send("x", "127.0.0.3:9"),
      socket.sendMany([{ data: "x", to: "127.0.0.3:9" }, { data: "x", to: "127.0.0.4:9" }]),
    ]),
    watchInterfaces({ signal }).next(),
    waitForLinkLocal(lo, { signal }),
  ];
}

const ways: Record<string, () => unknown> = {
  exit: () => process.exit(3),
  "exit-later": () => setTimeout(() => process.exit(4), 20),
  "exit-in-a-callback"() {
    const socket = openUdpSocket({ address: "127.0.0.3" });
    socket.receive().then(() => process.exit(5));
    return socket.send("x", `127.0.0.3:${socket.port}`);
  },
  throw: () =>
    setTimeout(() => {
      throw new Error("nobody catches this");
    }, 20),
  reject: () => void openUdpSocket({ signal: AbortSignal.timeout(20) }).receive(),
  abort: () => controller.abort(),
  /** How a program is ended by hand, and leaves in order. */
  handle() {
    const stop = () => {
      process.off("SIGTERM", stop);
      process.off("SIGINT", stop);
      controller.abort();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  },
  wait() {},
};

process.on("exit", (code) => console.log(`exit ${code}`));
const pending = everything();
for (const one of pending) one.catch(() => {});
// All waits are under way.
await new Promise((resolve) => setTimeout(resolve, 20));
if (mode === "handle") ways.handle();
console.log("ready");
if (mode !== "handle") await ways[mode]();
