// PV Access between hosts, against a program that shares no code with it: who answers, from where, and on which interface.
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { type SearchTarget, searchTargets } from "../../examples/pva/addresses.ts";
import type { Dropped } from "../../examples/pva/ask.ts";
import { encode } from "../../examples/pva/codec.ts";
import { discover } from "../../examples/pva/discover.ts";
import { serve } from "../../examples/pva/responder.ts";
import { type Answer, search } from "../../examples/pva/search.ts";
import { type ServerEvent, servers } from "../../examples/pva/servers.ts";
import { interfaces, openUdpSocket, type SocketError } from "../../mod.ts";
import { randomWords } from "../address/random.ts";
import { python3, test, type TestOptions, within } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import type { Host } from "./lab.ts";
import { sendFrom } from "./peers.ts";
import type { Program } from "./process.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };
const ORDERS = ["big", "little"] as const;
const GUID = "000102030405060708090a0b";

/** Starts the Python peer. */
async function peer(host: Host, ...args: string[]): Promise<Program> {
  const file = fileURLToPath(new URL("../programs/pva_peer.py", import.meta.url));
  return await host.spawn(python3()!, ["-B", "-s", "-E", file, ...args]);
}

/** A server on a host, once it listens. */
async function serverOn(host: Host, ...args: string[]): Promise<Program> {
  const program = await peer(host, ...args);
  await program.nextJson();
  return program;
}

/** Collects until the search ends by itself, or 5 seconds have gone by. */
async function find(
  names: string[],
  targets: readonly SearchTarget[],
  options: { byteOrder?: "big" | "little"; dropped?: Dropped } = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const signal = AbortSignal.timeout(5_000);
  for await (const answer of search(names, { targets, signal, ...options })) answers.push(answer);
  assert(!signal.aborted, `only ${JSON.stringify(answers)}`);
  return answers;
}

/** What the example's own server needs to be running while something is done. */
async function whileServing(
  options: Omit<Parameters<typeof serve>[0], "signal">,
  run: () => Promise<void>,
): Promise<void> {
  const end = new AbortController();
  const errors: Error[] = [];
  const onError = (error: Error) => {
    // Who asked may have gone meanwhile.
    if ((error as SocketError).code !== "ECONNREFUSED") errors.push(error);
  };
  let done: Promise<void> | undefined;
  await within(
    5_000,
    new Promise<void>((ready) => {
      const { signal } = end;
      done = serve({ onError, ...options, signal }, () => ready());
    }),
  );
  try {
    await run();
  } finally {
    end.abort();
    await done;
  }
  assertEquals(errors, []);
}

for (const order of ORDERS) {
  const other = order === "big" ? "little" : "big";
  test(
    `a search in ${order}-endian finds a server that answers in ${other}-endian`,
    needs,
    async () => {
      await using net = await twoNetworks();
      const server = await serverOn(net.b, "--serve=LAB:B", `--order=${other}`);
      const { targets } = searchTargets({}, interfaces());
      const answers = await find(["LAB:B"], targets, { byteOrder: order });
      assertEquals(answers, [{
        name: "LAB:B",
        guid: GUID,
        address: "10.2.0.100:5075",
        protocol: "tcp",
        interface: "eth1",
        source: "10.2.0.100:5076",
        version: 2,
        byteOrder: other,
      }]);
      const heard = await server.nextJson<{ order: string; protocols: string[]; flags: number }>();
      assertEquals([heard.order, heard.protocols, heard.flags], [order, ["tcp"], 0]);
    },
  );
}

test("the same name on two networks is found twice, each on its interface", needs, async () => {
  await using net = await twoNetworks();
  await serverOn(net.a, "--serve=LAB:X", `--guid=${"aa".repeat(12)}`);
  await serverOn(net.b, "--serve=LAB:X", `--guid=${"bb".repeat(12)}`);
  const { targets } = searchTargets({}, interfaces());
  const found = (await find(["LAB:X"], targets)).map(({ guid, address, interface: name }) =>
    `${guid.slice(0, 2)} ${address} ${name}`
  );
  assertEquals(found.sort(), ["aa 10.1.0.100:5075 eth0", "bb 10.2.0.100:5075 eth1"]);
});

test(
  "a listed address is asked with the unicast flag, a group by the interface named",
  needs,
  async () => {
    await using net = await twoNetworks();
    const a = await serverOn(net.a, "--serve=LAB:A");
    const b = await serverOn(net.b, "--serve=LAB:B", "--family=6", "--join=ff02::42:1@eth0");
    const { targets, errors } = searchTargets({
      EPICS_PVA_ADDR_LIST: "10.1.0.100 [ff02::42:1],1@eth1",
      EPICS_PVA_AUTO_ADDR_LIST: "NO",
    }, interfaces());
    assertEquals([targets.length, errors], [2, []]);
    const answers = await find(["LAB:A", "LAB:B"], targets);
    const linkLocal = await net.b.linkLocal("eth0");
    assertEquals(answers.map(({ name, address, interface: on }) => [name, address, on]).sort(), [
      ["LAB:A", "10.1.0.100:5075", "eth0"],
      // Where to connect to needs the interface, which only the packet tells.
      ["LAB:B", `[${linkLocal}%eth1]:5075`, "eth1"],
    ]);
    assertEquals((await a.nextJson<{ flags: number }>()).flags, 0x80);
    assertEquals((await b.nextJson<{ flags: number }>()).flags, 0);
  },
);

test(
  "answers that were not asked for and datagrams that are none are dropped and counted",
  needs,
  async () => {
    await using net = await twoNetworks();
    const server = await serverOn(net.a, "--serve=LAB:A");
    const dropped: Dropped = { malformed: 0, unasked: 0 };
    const { targets } = searchTargets({}, interfaces());
    const end = new AbortController();
    const options = { targets, dropped, signal: end.signal, lingerMs: 60_000 };
    const answers = search(["LAB:A"], options);
    const first = await within(5_000, answers.next());
    assertEquals(first.value?.interface, "eth0");
    const { port } = await server.nextJson<{ port: number }>();
    const stranger = "ca02c004 0000002d" + GUID + "deadbeef" + "00".repeat(16) +
      "13d3 03746370 01" +
      "0001 00000000";
    const second = answers.next();
    for (const data of [stranger.replaceAll(" ", ""), "ca02", "ffffffffffffffffffff"]) {
      const bytes = Uint8Array.from(data.match(/../g)!, (digits) => parseInt(digits, 16));
      await sendFrom(net.a, { to: "10.1.0.1", port, data: bytes });
    }
    // They come in order: when the last is counted, all are.
    await within(
      5_000,
      (async () => {
        while (dropped.malformed < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      })(),
    );
    end.abort();
    assertEquals([await second, dropped], [
      { value: undefined, done: true },
      { malformed: 2, unasked: 1 },
    ]);
  },
);

for (const order of ORDERS) {
  test(
    `our server answers a ${order}-endian search from the address that was asked`,
    needs,
    async () => {
      await using net = await twoNetworks();
      const byteOrder = order === "big" ? "little" : "big";
      await whileServing({ names: ["LAB:HERE"], guid: GUID, byteOrder }, async () => {
        const linkLocal = await net.here.linkLocal("eth0");
        for (
          const [to, source] of [
            // The host's second address: by way of loopback, since others share the port.
            ["10.1.0.2", "10.1.0.2"],
            ["10.1.0.255", "10.1.0.1"],
            ["fd01::2", "fd01::2"],
            [`${linkLocal}%eth0`, linkLocal],
            ["ff02::42:1", linkLocal],
          ]
        ) {
          const client = await peer(
            net.a,
            ...["--search=LAB:NOT", "--search=LAB:HERE", `--to=${to}`, `--order=${order}`],
            "--interface=eth0",
            ...(to.includes(":") ? ["--reply-to=::"] : []),
          );
          const answer = await client.nextJson<Record<string, unknown>>();
          assertEquals(answer, {
            source,
            command: 4,
            flags: order === "big" ? 0x40 : 0xc0,
            guid: GUID,
            sequence: 0x01020304,
            address: "00".repeat(16),
            port: 5075,
            protocol: "tcp",
            found: 1,
            ids: [0x0a000001],
          }, to);
        }
      });
    },
  );
}

test(
  "a unicast search reaches every server of a host, whichever of them the kernel gives it to",
  needs,
  async () => {
    await using net = await twoNetworks();
    const serving = (name: string, run: () => Promise<void>) =>
      whileServing({ names: [name] }, run);
    await serving("LAB:FIRST", () =>
      serving("LAB:SECOND", async () => {
        for (const name of ["LAB:FIRST", "LAB:SECOND"]) {
          const args = [`--search=${name}`, "--to=10.1.0.2", "--interface=eth0"];
          const answer = await (await peer(net.a, ...args)).nextJson<{ source: string }>();
          assertEquals(answer.source, "10.1.0.2", name);
        }
      }));
  },
);

test("programs of the same host find each other by loopback", needs, async () => {
  await using _net = await twoNetworks();
  const targets = searchTargets({}, interfaces()).targets.filter(({ replyTo }) => replyTo);
  await whileServing({ names: ["LAB:HERE"] }, async () => {
    const [answer, ...others] = await find(["LAB:HERE"], targets);
    assertEquals([answer.address, answer.interface, others], ["127.0.0.1:5075", "lo", []]);
  });
});

/** Reads events until one is what is wanted. */
async function eventually(
  events: AsyncIterator<ServerEvent>,
  wanted: (event: ServerEvent) => boolean,
): Promise<ServerEvent> {
  return await within(
    8_000,
    (async () => {
      for (;;) {
        const { value, done } = await events.next();
        if (done) throw new Error("it ended");
        if (wanted(value)) return value;
      }
    })(),
  );
}

for (const order of ORDERS) {
  test(
    `servers are heard by their ${order}-endian beacons, and are gone when they are silent`,
    needs,
    async () => {
      await using net = await twoNetworks();
      const end = new AbortController();
      // Nobody is asked.
      const events = servers({ targets: [], signal: end.signal, lifetimeMs: 400 });
      const online = eventually(events, ({ type }) => type === "online");
      // Not before it listens.
      await within(
        5_000,
        (async () => {
          while (!(await net.here.run("ss", ["-Hlun", "sport = :5076"])).includes("5076")) {
            /* again */
          }
        })(),
      );
      await serverOn(net.b, "--serve=LAB:B", "--beacon-to=10.2.0.255", `--order=${order}`);
      const { server } = await online;
      assertEquals([server.guid, server.address, server.interface, server.byteOrder], [
        GUID,
        "10.2.0.100:5075",
        "eth1",
        order,
      ]);
      const gone = await eventually(events, ({ type }) => type === "gone");
      assertEquals(gone.server, server);
      const last = events.next();
      end.abort();
      assertEquals((await within(2_000, last)).done, true);
    },
  );
}

test("a server on a network that comes later is found", needs, async () => {
  await using net = await twoNetworks();
  await serverOn(net.b, "--serve=LAB:B");
  await net.lab.ip("link set eth1 down");
  const end = new AbortController();
  const found = discover({ signal: end.signal, interfaces: ["eth1"] });
  const first = found.next();
  // It has asked, where it could.
  await net.here.run("sh", ["-c", "until ss -Hlun 'sport = :5076' | grep -q 5076; do :; done"]);
  await net.lab.ip("link set eth1 up");
  const { value } = await within(10_000, first);
  assertEquals([value?.address, value?.interface], ["10.2.0.100:5075", "eth1"]);
  end.abort();
  assertEquals((await within(2_000, found.next())).done, true);
});

test(
  "discovery tells servers with address and interface, asked and by beacon, and ends with its signal",
  needs,
  async () => {
    await using net = await twoNetworks();
    await serverOn(net.a, "--serve=LAB:A", `--guid=${"aa".repeat(12)}`);
    const end = new AbortController();
    const errors: Error[] = [];
    const found: string[] = [];
    const beaconTargets = searchTargets({}, interfaces(), ["eth1"]).targets;
    await whileServing({ names: [], guid: "cc".repeat(12), beaconTargets }, async () => {
      const all = discover({ signal: end.signal, onError: (error) => errors.push(error) });
      for await (const item of all) {
        assertEquals([item.protocol, item.kind, item.gone], ["pva", "PV server", undefined]);
        found.push(`${item.name.slice(0, 2)} ${item.address} ${item.interface}`);
        const complete = ["aa 10.1.0.100:5075 eth0", "cc 127.0.0.1:5075 lo"];
        if (complete.every((text) => found.includes(text))) end.abort();
      }
    });
    assertEquals(errors, []);
    assertEquals(new Set(found).size, found.length);
  },
);

test("a hundred thousand hostile datagrams end nothing, and only the beacon behind them is told", {
  needs: ["lab"],
}, async () => {
  await using _net = await twoNetworks();
  const end = new AbortController();
  const dropped: Dropped = { malformed: 0, unasked: 0 };
  const events = servers({ targets: [], signal: end.signal, dropped });
  const online = events.next();
  await using socket = openUdpSocket({ address: "127.0.0.2" });
  const to = "127.0.0.3:5076";
  const beacon = encode({
    type: "beacon",
    guid: GUID,
    sequence: 0,
    changes: 0,
    address: null,
    port: 5075,
    protocol: "tcp",
  }, "little");
  const next = randomWords(7);
  for (let sent = 0; sent < 100_000; sent += 50) {
    const items = Array.from({ length: 50 }, () => {
      const data = beacon.slice(0, 1 + next() % (beacon.length - 1));
      data[next() % data.length] = next();
      return { data, to };
    });
    await socket.sendMany(items);
    // The listener has its turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await socket.send(beacon, to);
  const { value } = await within(5_000, online);
  assertEquals([value?.server.guid, value?.server.address], [GUID, "127.0.0.2:5075"]);
  // The kernel may have had no room for some, and a few are still whole.
  assert(dropped.malformed > 50_000, `only ${dropped.malformed} arrived`);
  const last = events.next();
  end.abort();
  assertEquals((await within(2_000, last)).done, true);
});

test("the program finds a name, says who has it, and what nobody has", needs, async () => {
  await using net = await twoNetworks();
  await serverOn(net.b, "--serve=LAB:B");
  await using program = await startProgram(
    "../../examples/pva/main.ts",
    ["--allow-ffi", "--allow-env"],
    "search",
    "LAB:B",
  );
  assertEquals(await program.ended, "0", program.stderr);
  assertEquals(program.takeLines(), [`LAB:B  10.2.0.100:5075 on eth1  guid ${GUID}`]);
});
