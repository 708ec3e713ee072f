/**
 * Opens things while the process has only so many descriptors left: none at first, then one more each time. Run with a
 * low limit (prlimit --nofile). Writes a line of JSON for each attempt.
 */
// deno-lint-ignore-file no-console
import fs from "node:fs";
import { interfaces, openUdpSocket, SocketError, watchInterfaces } from "../../mod.ts";

const OPENS: Record<string, () => () => unknown> = {
  socket: () => {
    const socket = openUdpSocket();
    return () => socket.close();
  },
  "socket of an interface": () => {
    const socket = openUdpSocket({ family: "IPv4", interface: "lo" });
    return () => socket.close();
  },
  "socket with groups": () => {
    const socket = openUdpSocket({ groups: ["239.255.12.1@lo", "ff02::c01%lo"] });
    return () => socket.close();
  },
  interfaces: () => {
    interfaces();
    return () => {};
  },
  watchInterfaces: () => {
    const watcher = watchInterfaces();
    return () => watcher.close();
  },
};

/** Opens descriptors until there are none left. */
function fill(): number[] {
  const opened: number[] = [];
  try {
    for (;;) opened.push(fs.openSync("/dev/null", "r"));
  } catch {
    return opened;
  }
}

const say = (what: object) => console.log(JSON.stringify(what));

// Whatever the runtime and the library open only once is open by then.
for (const open of Object.values(OPENS)) await open()();
say({});

const filled = fill();
for (const [name, open] of Object.entries(OPENS)) {
  for (let free = 0; free < 20; free++) {
    for (const fd of filled.splice(0, free)) fs.closeSync(fd);
    let failure: Record<string, unknown> = {};
    let close: () => unknown = () => {};
    try {
      close = open();
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      const { code, syscall, hint } = error;
      failure = { code, syscall, hint };
    }
    await close();
    // What was given back can be had again.
    const again = fill();
    filled.push(...again);
    say({ name, free, left: again.length, ...failure });
    if (failure.code === undefined) break;
  }
}
for (const fd of filled.splice(0)) fs.closeSync(fd);

const witness = openUdpSocket({ family: "IPv4" });
const receive = async () => {
  await witness.send("x", `127.0.0.3:${witness.port}`);
  const { destination, interfaceIndex } = await witness.receive();
  return [destination.address, interfaceIndex];
};
await receive();
filled.push(...fill());
// Others go on, and what cannot be asked is no interface that is missing.
say({ received: await receive() });
const refused = await witness.send("x", `239.255.12.1:9@lo`).then(
  () => null,
  (error) => error.code,
);
say({ refused });
for (const fd of filled) fs.closeSync(fd);
await witness.send("x", `239.255.12.1:9@lo`);
await witness.close();
say({ ended: true });
