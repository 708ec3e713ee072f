// Multicast DNS between hosts: which packets count, and what an interface that goes takes along.
import { assert, assertEquals } from "@std/assert";
import { MdnsClient } from "../../examples/mdns/client.ts";
import { browse, discover } from "../../examples/mdns/discover.ts";
import { decode, encode, type Resource } from "../../examples/mdns/packet.ts";
import type { RecordChange } from "../../examples/mdns/cache.ts";
import { openUdpSocket } from "../../mod.ts";
import { hostile, sorts } from "../examples/dns_hostile.ts";
import { commandOf, test, within } from "../harness.ts";
import { turn } from "../kernel/support.ts";
import { fileURLToPath } from "node:url";
import { startReceiver } from "./peers.ts";
import { stage } from "./stage.ts";
import { lan } from "./topologies.ts";

const GROUP = "224.0.0.251", PORT = 5353;
const ours = { port: PORT, sourcePort: PORT, interface: "eth0", hops: 255 };

function answer(name: string, data: string, ttl = 120): Uint8Array {
  const record: Resource = { name: `${name}.local`, type: "A", ttl, flush: true, data };
  return encode({ response: true, answers: [record] });
}

const said = ({ type, link, record }: RecordChange) => `${type} ${link.name} ${record.name}`;

test("answers from another link, another port, or without sense are counted, and not listened to", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await stage();
  const { onA, onB } = net;
  await net.a.ip("addr add 10.9.0.1/24 dev eth0");
  const leave = new AbortController();
  await using client = new MdnsClient({ signal: leave.signal });
  const changes = client.changes();
  const first = changes.next();
  await onA.send({ ...ours, to: GROUP, hops: 254, data: answer("far", "192.0.2.1") });
  await onA.send({ ...ours, to: "10.1.0.1", source: "10.9.0.1", data: answer("far", "192.0.2.2") });
  await onA.send({ ...ours, to: "fd01::1", hops: 64, data: answer("far", "192.0.2.3") });
  await onA.send({ ...ours, to: GROUP, sourcePort: 5354, data: answer("port", "192.0.2.4") });
  await onA.send({ ...ours, to: GROUP, data: answer("short", "192.0.2.5").slice(0, 20) });
  // These count: by multicast from whatever address, by unicast from this network.
  await onA.send({ ...ours, to: GROUP, source: "10.9.0.1", data: answer("one", "10.9.0.1") });
  assertEquals(said((await within(5_000, first, "an answer")).value!), "added eth0 one.local");
  await onA.send({ ...ours, to: "fd01::1", data: answer("two", "10.1.0.100") });
  assertEquals(said((await changes.next()).value!), "added eth0 two.local");
  await onB.send({ ...ours, to: "10.2.0.1", data: answer("one", "10.2.0.100") });
  assertEquals(said((await changes.next()).value!), "added eth1 one.local");
  assertEquals(client.refused, { offLink: 3, wrongPort: 1, malformed: 1 });
  const pending = changes.next();
  leave.abort();
  assertEquals((await within(5_000, pending, "the end")).done, true);
});

test(
  "an interface that goes takes along what was heard there, and is asked again when it returns",
  {
    needs: ["lab", "python3"],
  },
  async () => {
    await using net = await stage();
    const leave = new AbortController();
    await using client = new MdnsClient({ signal: leave.signal });
    client.ask({ name: "_ipp._tcp.local", type: "PTR" });
    const changes = client.changes();
    const heard = changes.next();
    await net.onB.send({ ...ours, to: GROUP, data: answer("one", "10.2.0.100") });
    assertEquals(said((await within(5_000, heard, "an answer")).value!), "added eth1 one.local");
    await using peer = await startReceiver(net.b, { port: PORT, join: [`${GROUP}@eth0`] });
    const gone = changes.next();
    await net.here.ip("link set eth1 down");
    assertEquals(said((await within(5_000, gone, "the end")).value!), "removed eth1 one.local");
    const pending = changes.next();
    await net.here.ip("link set eth1 up");
    const { data, source, hops } = await peer.next(10_000);
    assertEquals(decode(data)?.questions, [
      { name: "_ipp._tcp.local", type: "PTR", unicast: false },
    ]);
    assertEquals([source.address, hops], ["10.2.0.1", 255]);
    leave.abort();
    await pending;
  },
);

test("hostile packets end nothing: what is there is found behind them", {
  needs: ["lab"],
}, async () => {
  await using _net = await lan(2);
  const leave = new AbortController();
  const found = discover({ signal: leave.signal });
  const first = found.next();
  // From this host, as it hears its own multicasts.
  await using socket = openUdpSocket({ port: PORT, share: true, multicastHops: 255 });
  const to = { address: GROUP, port: PORT, interface: "eth0" };
  const sample = answer("box", "10.3.0.1");
  for (const sort of sorts) {
    let sent = 0;
    for (const data of hostile(sort, [sample])) {
      if (++sent > 300) break;
      // The largest do not go as one packet; fragments arrive as well.
      await socket.send(data, to);
      if (sent % 20 === 0) await turn();
    }
  }
  const instance = "Ink._ipp._tcp.local", target = "box.local";
  const answers: Resource[] = [
    {
      name: "_services._dns-sd._udp.local",
      type: "PTR",
      ttl: 9,
      flush: false,
      data: "_ipp._tcp.local",
    },
    { name: "_ipp._tcp.local", type: "PTR", ttl: 9, flush: false, data: instance },
    {
      ...{ name: instance, type: "SRV", ttl: 9, flush: true },
      data: { priority: 0, weight: 0, port: 631, target },
    },
  ];
  // Room for damaged ones that were believed to be gone.
  await socket.send(encode({ response: true, answers }), to);
  await socket.send(sample, to);
  const { value } = await within(10_000, first, "a service");
  assert(value);
  const { name, kind, interface: on } = value;
  assertEquals([name, kind, on], ["Ink", "_ipp._tcp", "eth0"]);
  const pending = found.next();
  leave.abort();
  await pending;
});

test("of two hosts that want one name at the same moment one takes another", {
  needs: ["lab"],
}, async () => {
  await using net = await lan(3);
  const main = fileURLToPath(new URL("../../examples/mdns/main.ts", import.meta.url));
  const args = ["announce", "Ink", "_ipp._tcp", "631"];
  const programs = await Promise.all(
    net.hosts.slice(1).map((host) => host.spawn(...commandOf(main, ["--allow-ffi"], args))),
  );
  const signal = AbortSignal.timeout(30_000);
  const names = new Set<string>();
  for await (const { type, service } of browse({ types: ["_ipp._tcp"] }, { signal })) {
    if (type === "lost") names.delete(service.name);
    else names.add(service.name);
    if (names.size === 2) break;
  }
  assertEquals(names, new Set(["Ink", "Ink (2)"]));
  for (const program of programs) await program.stop("SIGINT");
});

test("a service that is announced is seen with its addresses on both networks, by one program", {
  needs: ["lab"],
}, async () => {
  await using net = await stage();
  const main = fileURLToPath(new URL("../../examples/mdns/main.ts", import.meta.url));
  for (const host of [net.a, net.b]) {
    const args = ["announce", "Same", "_http._tcp", "80", "path=/"];
    await host.spawn(...commandOf(main, ["--allow-ffi"], args));
  }
  const leave = new AbortController();
  const rows = new Set<string>();
  for await (const found of discover({ signal: leave.signal, interfaces: ["eth0", "eth1"] })) {
    // What belongs together may come in several packets.
    if (!found.details?.path || found.address.startsWith("[")) continue;
    rows.add(
      `${found.interface} ${found.name} ${found.kind} ${found.address} ${found.details?.path}`,
    );
    if (rows.size === 2) break;
  }
  assertEquals(
    rows,
    new Set(["eth0 Same _http._tcp 10.1.0.100:80 /", "eth1 Same _http._tcp 10.2.0.100:80 /"]),
  );
});
