// The same calls on node:dgram and on ours: the same events, errors and messages, in the same order.
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import nodeDgram from "node:dgram";
import { once } from "node:events";
import { BlockList } from "node:net";
import process from "node:process";
import dgram, { type Lookup, type Socket } from "../../dgram/mod.ts";
import { has, runtime, test, within } from "../harness.ts";

/** What was seen, in words without ports that chance gave. */
type Log = (...words: unknown[]) => void;
type Script = (create: typeof dgram.createSocket, log: Log) => Promise<void> | void;

/** Node's older releases and the imitations of other runtimes word some errors differently. */
const reference = runtime === "node" && Number(process.versions.node.split(".")[0]) >= 24 &&
  has("linux");

function describe(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, code, errno, syscall, address, port } = value as
    & NodeJS.ErrnoException
    & { address?: string; port?: number };
  return JSON.stringify({ name, message, code, errno, syscall, address, port });
}

async function record(create: typeof dgram.createSocket, script: Script): Promise<string[]> {
  const lines: string[] = [];
  const sockets: Socket[] = [];
  const log: Log = (...words) => {
    // Ports that the OS chose.
    lines.push(
      words.map((word) => String(describe(word))).join(" ").replace(/\b[3-6]\d{4}\b/g, "P"),
    );
  };
  const creating = ((...args: Parameters<typeof dgram.createSocket>) => {
    const socket = create(...args);
    sockets.push(socket);
    return socket;
  }) as typeof dgram.createSocket;
  await within(10_000, Promise.resolve(script(creating, log)), "the script");
  for (const socket of sockets) {
    await new Promise<void>((resolve) => {
      try {
        socket.close(resolve);
      } catch {
        resolve();
      }
    });
  }
  return lines;
}

function same(name: string, script: Script): void {
  if (!reference) return;
  test(`as node:dgram does it: ${name}`, async () => {
    const theirs = await record(nodeDgram.createSocket as never, script);
    assertEquals(await record(dgram.createSocket, script), theirs);
  });
}

if (!reference) {
  test("as node:dgram does it: all of this", { skip: "needs Node 24 or later on Linux" }, () => {});
}

/** Returns whether nothing was thrown. */
function attempt(log: Log, what: string, call: () => unknown): boolean {
  try {
    const result = call();
    log(what, "returned", typeof result === "object" ? typeof result : result);
    return true;
  } catch (error) {
    log(what, "threw", error);
    return false;
  }
}

/** Logs every event. */
function watch(socket: Socket, log: Log, name = ""): Socket {
  for (const event of ["listening", "connect", "close", "error"] as const) {
    socket.on(event as "error", (error?: Error) => log(name, event, error ?? ""));
  }
  socket.on("message", (data, { address, family, size }) => {
    log(name, "message", data.toString(), address, family, size);
  });
  return socket;
}

same("createSocket's arguments", (create, log) => {
  const wrong: unknown[] = [
    undefined,
    null,
    "udp5",
    {},
    { type: "udp4", lookup: 5 },
    { type: "udp4", recvBufferSize: -1 },
    { type: "udp4", sendBufferSize: "x" },
    { type: "udp4", recvBufferSize: 1.5 },
    { type: "udp4", signal: {} },
    { type: "udp4", signal: null },
    { type: "udp4", receiveBlockList: [] },
    { type: "udp4", sendBlockList: "x" },
  ];
  for (const type of wrong) attempt(log, JSON.stringify(type), () => create(type as "udp4"));
});

same("calls on a socket that is not bound", (create, log) => {
  const socket = create("udp4");
  // deno-lint-ignore no-explicit-any -- wrong arguments on purpose
  const any = socket as any;
  const calls: Record<string, () => unknown> = {
    address: () => socket.address(),
    remoteAddress: () => socket.remoteAddress(),
    disconnect: () => socket.disconnect(),
    setTTL: () => socket.setTTL(5),
    setTTLText: () => any.setTTL("5"),
    setMulticastTTL: () => socket.setMulticastTTL(5),
    setBroadcast: () => socket.setBroadcast(true),
    setMulticastLoopback: () => socket.setMulticastLoopback(true),
    setMulticastInterface: () => socket.setMulticastInterface("0.0.0.0"),
    setMulticastInterfaceNumber: () => any.setMulticastInterface(5),
    recvBuffer: () => socket.getRecvBufferSize(),
    sendBuffer: () => socket.setSendBufferSize(8192),
    badBuffer: () => socket.setSendBufferSize(-1),
    addMembershipNothing: () => any.addMembership(),
    dropMembershipNothing: () => any.dropMembership(),
    addSourceNothing: () => any.addSourceSpecificMembership(),
    addSourceNumber: () => any.addSourceSpecificMembership("127.0.0.1", 5),
    connectPort: () => any.connect(0),
    connectNothing: () => any.connect(),
    connectAddress: () => any.connect(5, 5),
    sendto: () => any.sendto("x", 0, 1, 5),
    queue: () => socket.getSendQueueSize(),
  };
  for (const [name, call] of Object.entries(calls)) attempt(log, name, call);
});

same("send's arguments", (create, log) => {
  const socket = create("udp4");
  const bytes = Buffer.from("hello");
  const wrong: unknown[][] = [
    [],
    ["x"],
    ["x", 0],
    ["x", 65536],
    ["x", "abc"],
    ["x", ""],
    ["x", -1],
    ["x", 1.5],
    ["x", 9, 5],
    ["x", 9, {}],
    [5, 9],
    [null, 9],
    [{}, 9],
    [[bytes, 5], 9],
    [[5], 9],
    [bytes, 6, 1, 9, "127.0.0.1"],
    [bytes, 0, 6, 9, "127.0.0.1"],
    [bytes, 0, 5, 0, "127.0.0.1"],
    [5, 0, 1, 9, "127.0.0.1"],
  ];
  // deno-lint-ignore no-explicit-any -- wrong arguments on purpose
  for (const args of wrong) attempt(log, args.join(), () => (socket.send as any)(...args));
});

same("bind, and binding again", async (create, log) => {
  const socket = watch(create("udp4"), log);
  attempt(log, "bind", () => socket.bind(0, "127.0.0.2", () => log("callback")));
  attempt(log, "again", () => socket.bind(0));
  process.nextTick(() => log("tick"));
  await once(socket, "listening");
  attempt(log, "again", () => socket.bind(0));
  const { address, family } = socket.address();
  log(address, family);
  const second = watch(create("udp4"), log, "second");
  second.bind(socket.address().port, "127.0.0.2", () => log("never"));
  await once(second, "listening").catch(() => {});
  second.bind(0, "127.0.0.2");
  await once(second, "listening");
});

same("addresses that cannot be bound", async (create, log) => {
  for (const address of ["192.0.2.77", "::1", "255.255.255.256.1"]) {
    const socket = create("udp4");
    socket.bind(0, address);
    await once(socket, "listening").catch((error) => log(address, error.code, error.syscall));
  }
});

same("close", async (create, log) => {
  const socket = watch(create("udp4"), log);
  socket.bind(0, "127.0.0.2");
  await once(socket, "listening");
  attempt(log, "close", () => socket.close(() => log("callback")));
  process.nextTick(() => log("tick"));
  for (const name of ["close", "address", "bind", "send", "getSendQueueSize"] as const) {
    // deno-lint-ignore no-explicit-any -- all without arguments that matter
    if (name !== "getSendQueueSize") attempt(log, name, () => (socket as any)[name]("x", 9));
  }
  await once(socket, "close");
  attempt(log, "ref", () => socket.ref() === socket);
  attempt(log, "dispose", () => socket[Symbol.asyncDispose]());
});

same("a conversation", async (create, log) => {
  const server = watch(create("udp4"), log, "server");
  const client = watch(create("udp4"), log, "client");
  server.bind(0, "127.0.0.2");
  await once(server, "listening");
  const { port } = server.address();
  server.on("message", (data, { port, address }) => server.send(`re ${data}`, port, address));
  for (const text of ["one", "two"]) {
    const answered = once(client, "message");
    client.send(text, port, "127.0.0.2", (error, bytes) => log("sent", error, bytes));
    await answered;
  }
  client.connect(port, "127.0.0.2", () => log("connected"));
  attempt(log, "twice", () => client.connect(port));
  await once(client, "connect");
  const answered = once(client, "message");
  attempt(log, "to", () => client.send("x", 0, 1, port, "127.0.0.2"));
  client.send(Buffer.from("three"), (error, bytes) => log("sent", error, bytes));
  await answered;
  log(client.remoteAddress().address, client.address().address);
  client.disconnect();
  attempt(log, "disconnect", () => client.disconnect());
});

/** A socket's word to itself: whatever was due before has come by then. */
async function roundTrip(create: typeof dgram.createSocket): Promise<void> {
  const socket = create("udp4");
  socket.bind(0, "127.0.0.7");
  await once(socket, "listening");
  const arrived = once(socket, "message");
  socket.send("x", socket.address().port, "127.0.0.7");
  await arrived;
}

/** A callback that tells how it was called. */
function told(log: Log, name: string) {
  return (...args: unknown[]) => log(name, args.length, ...args);
}

const nowhere: Lookup = (hostname, _, callback) => {
  process.nextTick(callback, Object.assign(new Error(`no ${hostname}`), { code: "EFAKE" }), "", 4);
};

same("a lookup of one's own", async (create, log) => {
  const lookup: Lookup = (hostname, family, callback) => {
    log("lookup", hostname, family);
    process.nextTick(callback, null, "127.0.0.2", 4);
  };
  const socket = watch(create({ type: "udp4", lookup }), log);
  socket.bind(0, told(log, "bound"));
  await once(socket, "listening");
  const { port } = socket.address();
  for (const to of [[], ["somewhere"], ["127.0.0.3"], [""]]) {
    const arrived = once(socket, "message");
    (socket.send as (...args: unknown[]) => void)("x", port, ...to, told(log, "sent"));
    await arrived;
  }
  socket.connect(port, "elsewhere", told(log, "connected"));
  await once(socket, "connect");
  log(socket.remoteAddress().address);
});

same("a lookup that fails", async (create, log) => {
  const unbound = watch(create({ type: "udp4", lookup: nowhere }), log, "unbound");
  unbound.bind(0, "here", told(log, "bound"));
  await roundTrip(create);
  unbound.send("x", 9, "a", told(log, "sent"));
  unbound.send("x", 9, "b");
  await roundTrip(create);
  log(unbound.listenerCount("listening"), unbound.listenerCount("error"));
  unbound.connect(9, "c", told(log, "connected"));
  await roundTrip(create);
  attempt(log, "again", () => unbound.connect(9, "c"));

  const lookup: Lookup = (hostname, family, callback) =>
    hostname === "0.0.0.0" ? callback(null, hostname, 4) : nowhere(hostname, family, callback);
  const bound = watch(create({ type: "udp4", lookup }), log, "bound");
  bound.bind(0);
  bound.send("x", 9, "a", told(log, "sent"));
  bound.send("x", 9, "b");
  await roundTrip(create);
  for (const callback of [told(log, "connected"), undefined]) {
    bound.connect(9, "c", callback);
    attempt(log, "disconnect", () => bound.disconnect());
    await roundTrip(create);
  }
});

same("closing while something is under way", async (create, log) => {
  const started: Record<string, (socket: Socket) => void> = {
    nothing: () => {},
    bind: (socket) => socket.bind(0, told(log, "bound")),
    send: (socket) => socket.send("x", 9, "127.0.0.1", told(log, "sent")),
    connect: (socket) => socket.connect(9, "127.0.0.1", told(log, "connected")),
  };
  for (const [name, start] of Object.entries(started)) {
    for (const bound of [false, true]) {
      if (name === "bind" && bound) continue;
      const socket = watch(create("udp4"), log, `${name} ${bound}`);
      if (bound) await once(socket.bind(0), "listening");
      start(socket);
      attempt(log, "close", () => socket.close(told(log, "closed")));
      await roundTrip(create);
    }
  }
});

same("signals", async (create, log) => {
  const abort = (): [AbortController, Socket] => {
    const controller = new AbortController();
    return [controller, watch(create({ type: "udp4", signal: controller.signal }), log)];
  };
  const early = watch(create({ type: "udp4", signal: AbortSignal.abort() }), log, "early");
  attempt(log, "bind", () => early.bind(0));
  const [controller, socket] = abort();
  socket.bind(0);
  controller.abort();
  const [other, closed] = abort();
  await once(closed.bind(0), "listening");
  closed.close();
  other.abort();
  await roundTrip(create);
});

same("bind's forms", async (create, log) => {
  const forms: unknown[][] = [
    [],
    [null],
    [undefined],
    [0, null],
    ["0"],
    [0, ""],
    [0, "localhost"],
    [0, "127.0.0.2", null, "x"],
    [0, 5],
    [{}],
    [{ port: null }],
    [{ port: "0", address: "" }],
    [{ port: 0, address: "127.0.0.4", exclusive: true }],
    [{ fd: -1 }],
    [{ fd: 0 }],
    [{ fd: "3" }],
    [{ recvStart: 1 }],
  ];
  for (const form of forms) {
    const socket = create("udp4");
    const listening = once(socket, "listening");
    // deno-lint-ignore no-explicit-any -- wrong arguments on purpose
    const bind = () => (socket.bind as any)(...form) === socket;
    if (attempt(log, JSON.stringify(form), bind)) await listening;
    attempt(log, "address", () => socket.address().address);
  }
});

same("both families on one socket", async (create, log) => {
  const six = watch(create("udp6"), log, "six");
  const four = watch(create("udp4"), log, "four");
  await once(six.bind(0), "listening");
  await once(four.bind(0, "127.0.0.3"), "listening");
  const { port } = four.address();
  const exchange = async (to: Socket, send: () => void) => {
    const arrived = once(to, "message");
    send();
    await arrived;
  };
  await exchange(six, () => four.send("hi", six.address().port, "127.0.0.1"));
  await exchange(four, () => six.send("yo", port, "::ffff:127.0.0.3", told(log, "sent")));
  six.connect(port, "::ffff:127.0.0.3", told(log, "connected"));
  await once(six, "connect");
  log(six.remoteAddress().address, six.remoteAddress().family, six.address().address);
  await exchange(four, () => six.send("you", told(log, "sent")));
  attempt(log, "4 to 6", () => four.connectSync(9, "::1"));
  for (const [type, address] of [["udp4", "::1"], ["udp6", "127.0.0.1"]] as const) {
    attempt(log, `${type} on ${address}`, () => create(type).bindSync({ address }));
    const socket = watch(create(type), log, type);
    socket.connect(9, address, told(log, "connected"));
    await roundTrip(create);
  }
});

same("one sender of a group", async (create, log) => {
  const socket = create("udp4");
  await once(socket.bind(0), "listening");
  const [lo, group] = ["127.0.0.1", "232.7.7.7"];
  attempt(log, "leave", () => socket.dropSourceSpecificMembership("127.0.0.4", group, lo));
  for (const sender of ["127.0.0.4", "127.0.0.4", "127.0.0.5", "x"]) {
    attempt(log, sender, () => socket.addSourceSpecificMembership(sender, group, lo));
  }
  for (const sender of ["127.0.0.6", "127.0.0.4", "127.0.0.4", "127.0.0.5"]) {
    attempt(log, sender, () => socket.dropSourceSpecificMembership(sender, group, lo));
  }
  attempt(log, "leave", () => socket.dropSourceSpecificMembership("127.0.0.4", group, lo));
  attempt(log, "no group", () => socket.addSourceSpecificMembership("127.0.0.4", lo, lo));
});

same("what the network refuses", async (create, log) => {
  const socket = watch(create("udp4"), log);
  const send = (...args: unknown[]) =>
    new Promise<void>((resolve) => {
      // deno-lint-ignore no-explicit-any -- several overloads
      (socket.send as any)(...args, (error: Error | null, bytes: number) => {
        log("sent", error, bytes);
        resolve();
      });
    });
  await send(Buffer.alloc(65508), 9, "127.0.0.1");
  await send("x", 9, "127.255.255.255");
  await send("x", 9, "::1");
  const list = new BlockList();
  list.addAddress("127.0.0.9");
  const careful = create({ type: "udp4", sendBlockList: list });
  await new Promise<void>((resolve) => {
    careful.send(
      "x",
      9,
      "127.0.0.9",
      (...args) => (log("blocked", args.length, ...args), resolve()),
    );
  });
  await new Promise<void>((resolve) => {
    careful.connect(9, "127.0.0.9", (error) => (log("blocked", error), resolve()));
  });
});

same("options of a bound socket", async (create, log) => {
  const socket = create("udp4");
  socket.bind(0, "127.0.0.2");
  await once(socket, "listening");
  for (const ttl of [1, 255, 0, 256, -1, 1000]) {
    attempt(log, `ttl ${ttl}`, () => socket.setTTL(ttl));
    attempt(log, `multicast ttl ${ttl}`, () => socket.setMulticastTTL(ttl));
  }
  for (const size of [0, 8192, 30_000, -1, 1.5, 2 ** 32]) {
    attempt(log, `size ${size}`, () => socket.setRecvBufferSize(size));
    log(socket.getRecvBufferSize());
    attempt(log, `size ${size}`, () => socket.setSendBufferSize(size));
    log(socket.getSendBufferSize());
  }
  for (const place of ["0.0.0.0", "127.0.0.1", "", "nonsense", "192.0.2.77", "1.2.3"]) {
    attempt(log, `interface ${place}`, () => socket.setMulticastInterface(place));
  }
  const groups = ["239.255.7.7", "239.255.7.7", "127.0.0.1", "x", "256.1.1.1"];
  for (const group of groups) {
    attempt(log, `join ${group}`, () => socket.addMembership(group, "127.0.0.1"));
  }
  for (const group of groups) {
    attempt(log, `leave ${group}`, () => socket.dropMembership(group, "127.0.0.1"));
  }
});
