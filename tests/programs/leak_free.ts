/** Tests for `deno test --trace-leaks`: whatever sockets do, once they are closed nothing of it is left. */
import { interfaces, openUdpSocket, waitForLinkLocal, watchInterfaces } from "../../mod.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";

// As docs/guide.md says: the C library is opened at the first call and stays, so that call is made outside of tests.
const lo = interfaces().find(({ loopback }) => loopback)!.name;

function strict(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, sanitizeExit: true, fn });
}

strict("opened, and closed", async () => {
  await using _ = openUdpSocket();
});

strict("joined, sent, read and answered", async () => {
  await using socket = openUdpSocket({ groups: [`239.255.81.1@${lo}`] });
  using _ = socket.join("239.255.81.2", { interface: lo });
  const waiting = socket.receive();
  await socket.send("x", `127.0.0.3:${socket.port}`);
  await socket.reply(await waiting, "y");
  for await (const _ of socket) break;
});

strict("closed with reads pending", async () => {
  const socket = openUdpSocket({ busyPoll: 100 });
  const waits = [socket.receive(), socket.receiveMany(), socket.readable.getReader().read()];
  await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all([socket.close(), Promise.allSettled(waits)]);
});

strict("closed with sends that wait by timer, and with reads that rest from errors", async () => {
  const library = new FakeLibrary();
  for (const name of ["sendto", "sendmsg"]) library.on(name, () => library.refuse("ENOBUFS"));
  for (const name of ["recvmmsg", "recvmsg"]) {
    library.on(name, () => library.refuse("ECONNREFUSED"));
  }
  const socket = library.openSocket({ family: "IPv4" });
  const waits = [
    socket.send("x", "127.0.0.3:9"),
    socket.send("x", "127.0.0.3:9"),
    socket.receive(),
  ];
  // There is something to be read, and each try fails.
  await using other = openUdpSocket();
  await other.send("x", `127.0.0.3:${socket.port}`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([socket.close(), Promise.allSettled(waits)]);
});

strict("aborted", async () => {
  await using socket = openUdpSocket();
  const controller = new AbortController();
  const { signal } = controller;
  const waits: Promise<unknown>[] = [
    socket.receive({ signal }),
    socket.packets({ signal }).next(),
    watchInterfaces({ signal }).next(),
    waitForLinkLocal(lo, { signal }),
  ];
  setTimeout(() => controller.abort(), 5);
  await Promise.allSettled(waits);
});

strict("watched", async () => {
  await using watcher = watchInterfaces();
  const end = watcher.next();
  setTimeout(() => watcher.close(), 5);
  await end;
});
