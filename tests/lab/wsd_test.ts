// The WS-Discovery client beside wsdd, and beside hand-made messages.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Found } from "../../examples/found.ts";
import { type Counts, discover } from "../../examples/wsd/discover.ts";
import { VERSIONS } from "../../examples/wsd/message.ts";
import { findProgram, runtime, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { find, flood, nextFound } from "./findings.ts";
import type { Host } from "./lab.ts";
import { startReceiver, startTalker, type Talker } from "./peers.ts";
import type { Program } from "./process.ts";
import "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const MAIN = "../../examples/wsd/main.ts";
const noWsdd = findProgram("wsdd") === null && "needs wsdd";

function startWsdd(host: Host, name: string): Promise<Program> {
  return host.spawn("wsdd", ["-i", "eth0", "-n", name, "-w", "LAB"]);
}

function startClient(options?: { interfaces: string[] }) {
  const leave = new AbortController();
  const counts: Counts = { offLink: 0, malformed: 0, unasked: 0 };
  const findings = discover({ ...options, signal: leave.signal, counts });
  return {
    findings,
    counts,
    /** Leaves, and sees that the findings end. */
    async [Symbol.asyncDispose]() {
      leave.abort();
      while (!(await findings.next()).done);
    },
  };
}

test("computers on two networks are found by their names, over both families, and leave", {
  needs: ["lab"],
  skip: noWsdd,
}, async () => {
  await using net = await twoNetworks();
  const films = await startWsdd(net.a, "films");
  await startWsdd(net.b, "music");
  const client = await startProgram(MAIN, ["--allow-ffi", "--allow-net"], "--json");
  await using _client = client;
  const [localA, localB] = [await net.a.linkLocal("eth0"), await net.b.linkLocal("eth0")];
  const expected = new Map([
    ["10.1.0.100:5357", ["FILMS", "eth0"]],
    ["10.2.0.100:5357", ["MUSIC", "eth1"]],
    [`[${localA}%eth0]:5357`, ["FILMS", "eth0"]],
    [`[${localB}%eth1]:5357`, ["MUSIC", "eth1"]],
  ]);
  const found: Found[] = [];
  while (found.length < expected.size) {
    const one = await nextFound(client, ({ address }) => expected.has(address));
    const [name, on] = expected.get(one.address)!;
    assertEquals([one.protocol, one.kind, one.interface], ["wsd", "Computer", on]);
    // Deno's node:http cannot connect to an address with a zone.
    if (runtime === "deno" && one.address.includes("%")) {
      assertEquals(one.name, one.details!.endpoint);
      assertMatch(one.name, /^urn:uuid:/);
    } else {
      assertEquals([one.name, one.details!.membership], [name, "Workgroup:LAB"]);
    }
    found.push(one);
  }
  assertEquals(new Set(found.map(({ address }) => address)).size, expected.size);
  await films.stop("SIGTERM", 10_000);
  const gone = [await nextFound(client, () => true), await nextFound(client, () => true)];
  const addresses = gone.map(({ gone, address }) => gone === true && address);
  assertEquals(addresses.sort(), ["10.1.0.100:5357", `[${localA}%eth0]:5357`]);
  assertEquals(client.stderr, "");
});

test(
  "who comes later is heard of, if on an interface that was named; without permission it goes by its identifier",
  {
    needs: ["lab", "deno"],
    skip: noWsdd,
  },
  async () => {
    await using net = await twoNetworks();
    const client = await startProgram(
      MAIN,
      ["--allow-ffi"],
      ...["--json", "--interface", "eth1", "--for", "6"],
    );
    await using _client = client;
    await startWsdd(net.a, "films");
    await startWsdd(net.b, "music");
    const found = await nextFound(client, ({ address }) => address.startsWith("10."));
    assertEquals([found.address, found.interface, found.name], [
      "10.2.0.100:5357",
      "eth1",
      found.details!.endpoint,
    ]);
    assertEquals(await client.ended, "0");
  },
);

/** A message as a device would write it that has other prefixes. */
function message(
  version: typeof VERSIONS[number],
  action: string,
  body: string,
  relatesTo = "",
): string {
  return `<?xml version='1.0'?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
  xmlns="${version.discovery}" xmlns:w="${version.addressing}"><e:Header><w:Action>${version.discovery}/${action}</w:Action>
  <w:MessageID>urn:uuid:${action}</w:MessageID>${
    relatesTo && `<w:RelatesTo>${relatesTo}</w:RelatesTo>`
  }</e:Header><e:Body>${body}</e:Body></e:Envelope>`;
}

const target = (n: number, more = "") =>
  `<w:EndpointReference><w:Address>urn:uuid:${n}</w:Address></w:EndpointReference><Types>x:Camera</Types>${more}`;

const toGroup = (talker: Talker, data: string | Uint8Array, source?: string) =>
  talker.send({ to: "239.255.255.250", port: 3702, interface: "eth0", source, data });

test("a probe finds who has said hello long ago, on the interfaces that were named", {
  needs: ["lab"],
  skip: noWsdd,
}, async () => {
  await using net = await twoNetworks();
  await using hello = await startReceiver(net.here, {
    port: 3702,
    share: true,
    join: ["239.255.255.250@eth1"],
  });
  await startWsdd(net.a, "films");
  await startWsdd(net.b, "music");
  assertMatch((await hello.next(15_000)).text, /\/Hello</);
  // It says so twice: let both pass.
  assertMatch((await hello.next(15_000)).text, /\/Hello</);
  await using client = startClient({ interfaces: ["eth1"] });
  const found = await find(client.findings, ({ address }) => address.startsWith("10."));
  assertEquals([found.address, found.interface, found.kind], [
    "10.2.0.100:5357",
    "eth1",
    "Computer",
  ]);
});

test("a device of the version of 2009 that tells no address is asked for it in its own version", {
  needs: ["lab", "python3"],
}, async () => {
  const [, version] = VERSIONS;
  await using net = await twoNetworks();
  await using talker = await startTalker(net.a);
  await using receiver = await startReceiver(net.a, {
    port: 3702,
    share: true,
    join: ["239.255.255.250@eth0"],
  });
  await using client = startClient();
  const first = client.findings.next();
  await toGroup(talker, message(version, "Hello", `<Hello>${target(1)}</Hello>`));
  let question = await receiver.next();
  while (!question.text.includes("/Resolve</")) question = await receiver.next();
  assertMatch(question.text, /<a:Address>urn:uuid:1<\/a:Address>/);
  const id = /<a:MessageID>(.*)<\/a:MessageID>/.exec(question.text)![1];
  const addresses = "<XAddrs>http://203.0.113.7/ http://10.1.0.100:8899/onvif</XAddrs>";
  const answer = (to: string) =>
    talker.send({
      to: "10.1.0.1",
      port: question.source.port,
      data: message(
        version,
        "ResolveMatches",
        `<ResolveMatches><ResolveMatch>${target(1, addresses)}</ResolveMatch></ResolveMatches>`,
        to,
      ),
    });
  await answer("urn:uuid:somebody-else-asked");
  await answer(id);
  const { value } = await first;
  // Of its addresses, that on the link.
  assertEquals([value.address, value.kind, value.interface], [
    "10.1.0.100:8899",
    "Camera",
    "eth0",
  ]);
  assertEquals(client.counts, { offLink: 0, malformed: 0, unasked: 1 });
});

test("who does not tell its address goes by that of its packets", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using talker = await startTalker(net.a);
  await using client = startClient();
  const first = find(client.findings, () => true);
  await toGroup(talker, message(VERSIONS[0], "Hello", `<Hello>${target(1)}</Hello>`));
  const found = await first;
  assertMatch(found.address, /^10\.1\.0\.100:\d+$/);
  await toGroup(talker, message(VERSIONS[0], "Bye", `<Bye>${target(1)}</Bye>`));
  assertEquals(await find(client.findings, () => true), { ...found, gone: true });
});

test("messages from off the link are dropped and counted, and hostile ones end nothing", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using talker = await startTalker(net.a);
  await using client = startClient();
  await net.a.addAddresses("eth0", ["192.0.2.7/24"]);
  const first = find(client.findings, () => true);
  const hello = (n: number) =>
    message(
      VERSIONS[0],
      "Hello",
      `<Hello>${target(n, `<XAddrs>http://10.1.0.100:${n}/</XAddrs>`)}</Hello>`,
    );
  await toGroup(talker, hello(1), "192.0.2.7");
  await toGroup(talker, "<".repeat(1400));
  await toGroup(talker, `<!DOCTYPE e [<!ENTITY a "b">]>${hello(2)}`);
  await toGroup(talker, hello(3), "10.1.0.100");
  assertEquals((await first).address, "10.1.0.100:3");
  assertEquals(client.counts, { offLink: 1, malformed: 2, unasked: 0 });
});

test("thousands of broken messages end nothing", { needs: ["lab"] }, async () => {
  await using _net = await twoNetworks();
  await using client = startClient();
  const hello = (n: number) =>
    message(
      VERSIONS[0],
      "Hello",
      `<Hello>${target(n, `<XAddrs>http://10.1.0.100:${n}/</XAddrs>`)}</Hello>`,
    );
  const found = find(client.findings, ({ details }) => details!.endpoint === "urn:uuid:2");
  await flood(
    { address: "239.255.255.250", port: 3702, interface: "eth0" },
    [new TextEncoder().encode(hello(1))],
    hello(2),
    found,
  );
  assertEquals((await found).address, "10.1.0.100:2");
  assert(client.counts.malformed > 1000, `${client.counts.malformed}`);
});
