// What other systems want of a socket when it is opened, and when its peer is taken back.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { OptionRow } from "../../ffi/platform/platform.ts";
import { openUdpSocket, SocketError, UnsupportedError } from "../../mod.ts";
import { test } from "../harness.ts";
import { type Change, quirks, Simulation, withoutOptions } from "./simulated.ts";
import { at, next, text } from "./support.ts";

/** Puts an option of Linux', of another meaning, in the place of one that Linux lacks: one can see it set. */
function standIn(
  option: "useMinimumMtu" | "receiveInterface" | "exclusive",
  row: OptionRow,
): Change {
  return ({ options: { IPv4, IPv6 } }) => ({
    options: { IPv4: { ...IPv4, [option]: row }, IPv6: { ...IPv6, [option]: row } },
  });
}

/** 1 unless it is set to 0: fragmenting as the path wants it, or never asking the path. */
const MTU_DISCOVER: OptionRow = {
  level: 41,
  name: 23,
  kind: "int",
  cName: "IPV6_MTU_DISCOVER",
};
const PRIORITY: OptionRow = { level: 1, name: 12, kind: "int", cName: "SO_PRIORITY" };

/** The order of bind and of one option's settings. */
function order(simulated: Simulation, option: "share" | "exclusive"): string[] {
  const row = simulated.system.platform.options.IPv4[option]!;
  const calls: string[] = [];
  simulated.on("bind", (_, call) => (calls.push("bind"), call()));
  simulated.on("setsockopt", ([, level, name], call) => {
    if (level === row.level && name === row.name) calls.push(option);
    return call();
  });
  return calls;
}

test("IPv6 multicasts are not confined to 1,280 bytes", { needs: ["linux", "ipv6"] }, async () => {
  const simulated = new Simulation(standIn("useMinimumMtu", MTU_DISCOVER));
  await using _socket = simulated.openSocket();
  const value = (nth: number) =>
    simulated.system.getOption(simulated.sockets[nth], "IPv6", "useMinimumMtu");
  assertEquals(value(1), 0);
  // Only IPv6 has it.
  const calls = new Simulation(standIn("useMinimumMtu", { ...MTU_DISCOVER, level: 0, name: 10 }));
  await using _four = calls.openSocket({ family: "IPv4" });
  assertEquals(calls.system.getOption(calls.sockets[0], "IPv4", "useMinimumMtu"), 1);
});

test("an option that a system turns out to lack keeps no socket from opening", {
  needs: ["linux"],
}, async () => {
  const unknown = { level: 0, name: 9999, kind: "int", cName: "IP_NONE" } as const;
  for (const option of ["useMinimumMtu", "receiveInterface"] as const) {
    const simulated = new Simulation(standIn(option, unknown));
    await using socket = simulated.openSocket();
    await socket.send("x", at(socket));
    assertEquals(text(await next(socket)), "x");
  }
});

test("the interface of a datagram is asked for where that is an option of its own", {
  needs: ["linux"],
}, async () => {
  const simulated = new Simulation(standIn("receiveInterface", PRIORITY));
  await using _socket = simulated.openSocket({ family: "IPv4" });
  const [fd] = simulated.sockets;
  assertEquals(simulated.system.getOption(fd, "IPv4", "receiveInterface"), 1);
});

test("without packet information no socket is opened", { needs: ["linux"] }, () => {
  const simulated = new Simulation(withoutOptions("packetInfo"));
  assertThrows(() => simulated.openSocket(), UnsupportedError, "packetInfo for IPv4");
  assertEquals(simulated.open.size, 0);
});

test(
  "a send buffer that is too small for the largest datagram is enlarged, unless one was chosen",
  {
    needs: ["linux"],
  },
  async () => {
    // Linux grants up to net.core.wmem_max, and doubles what it grants.
    await using plain = openUdpSocket({ family: "IPv4" });
    const own = plain.stats.sendBufferSize!;
    const size = async (smallestSendBuffer: number | null, sendBufferSize?: number) => {
      const simulated = new Simulation(quirks({ smallestSendBuffer }));
      await using socket = simulated.openSocket({ family: "IPv4", sendBufferSize });
      return socket.stats.sendBufferSize!;
    };
    assertEquals(await size(null), own);
    assertEquals(await size(own), own, "large enough");
    assertEquals(await size(own - 1), own);
    assert(await size(own + 1) > own);
    assertEquals(await size(own + 1, 10_000), 20_000, "the caller knows better");
    // A system that grants none goes on with what it has.
    const simulated = new Simulation(quirks({ smallestSendBuffer: own + 1 }));
    simulated.on(
      "setsockopt",
      ([, level, option], call) =>
        level === 1 && option === 7 ? simulated.refuse("ENOBUFS") : call(),
    );
    await using socket = simulated.openSocket({ family: "IPv4" });
    assertEquals(socket.stats.sendBufferSize, own);
  },
);

test("a chosen port is shared before the socket is bound; any port is, where it must be", {
  needs: ["linux"],
}, async () => {
  const opened = async (shareOnlyBeforeBind: boolean, port: number, share = true) => {
    const simulated = new Simulation(quirks({ shareOnlyBeforeBind }));
    const calls = order(simulated, "share");
    await using socket = simulated.openSocket({ family: "IPv4", port, share });
    return { calls, port: socket.port };
  };
  // Otherwise the OS could choose a port that others share.
  assertEquals((await opened(false, 0)).calls, ["bind", "share"]);
  const { calls, port } = await opened(true, 0);
  assertEquals(calls, ["share", "bind"]);
  assertEquals((await opened(false, port)).calls, ["share", "bind"]);
  assertEquals((await opened(true, port)).calls, ["share", "bind"]);
  assertEquals((await opened(true, 0, false)).calls, ["bind"]);
});

test("a port is shared on purpose only, where everybody might", { needs: ["linux"] }, async () => {
  const opened = async (share: boolean, reusePort = false) => {
    const simulated = new Simulation(standIn("exclusive", PRIORITY));
    const calls = order(simulated, "exclusive");
    await using _socket = simulated.openSocket({ family: "IPv4", share, reusePort });
    return calls;
  };
  assertEquals(await opened(false), ["exclusive", "bind"]);
  assertEquals(await opened(true), ["bind"]);
  assertEquals(await opened(false, true), ["bind"]);
});

test("what a system answers when the peer is taken back is passed over", {
  needs: ["linux"],
}, async () => {
  for (const answer of ["EAFNOSUPPORT", "EINVAL", "EADDRNOTAVAIL"]) {
    const simulated = new Simulation(quirks({ disconnectAnswers: [answer] }));
    // It has done what it should before it looks at the null address.
    let taken = 0;
    simulated.on("connect", ([, name], call) => {
      const result = call();
      return name[0] === 0 && name[1] === 0 ? (taken++, simulated.refuse(answer)) : result;
    });
    await using socket = simulated.openSocket({ family: "IPv4" });
    const { port } = socket;
    await using peer = openUdpSocket({ address: "127.0.0.2" });
    await using stranger = openUdpSocket({ address: "127.0.0.3" });
    socket.connect(at(peer, "127.0.0.2"));
    await socket.send("x");
    assertEquals(`${(await next(peer)).source.port}`, `${port}`);
    socket.disconnect();
    assertEquals([taken, socket.port], [1, port]);
    await stranger.send("anybody", at(socket));
    assertEquals(text(await next(socket)), "anybody");
    // Connecting itself is not forgiven.
    simulated.on("connect", () => simulated.refuse(answer));
    assertThrows(() => socket.connect(at(peer, "127.0.0.2")), SocketError, answer);
  }
  const strict = new Simulation();
  await using socket = strict.openSocket({ family: "IPv4" });
  socket.connect(at(socket));
  strict.on("connect", () => strict.refuse("EINVAL"));
  assertThrows(() => socket.disconnect(), SocketError, "EINVAL");
});
