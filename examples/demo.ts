/**
 * Sends itself packets on loopback and shows what arrived: from where, to where, on which
 * interface. It needs no network and disturbs none.
 *
 *     deno run --allow-ffi examples/demo.ts
 */
// deno-lint-ignore-file no-console

import { interfaces, openUdpSocket, type Packet, SocketError } from "../mod.ts";

const loopback = interfaces().find((item) => item.loopback && item.up);
if (!loopback) throw new Error("this host has no loopback interface that is up");

const GROUP4 = "239.255.76.67";
const GROUP6 = "ff02::4c43";
const on = loopback.name;

await using socket = openUdpSocket({
  broadcast: true,
  groups: [`${GROUP4}@${on}`, `${GROUP6}@${on}`],
});
const { port } = socket;
console.log(`listening on ${socket.localAddresses.join(" and ")}\n`);

/** What to send where, and with which options. */
const datagrams = [
  { text: "unicast", to: `127.0.0.1:${port}` },
  { text: "to another of our addresses", to: `127.0.0.7:${port}`, source: "127.0.0.2" },
  { text: "with 9 hops", to: `127.0.0.8:${port}`, source: "127.0.0.3", hops: 9 },
  { text: "broadcast", to: `127.255.255.255:${port}`, source: "127.0.0.4" },
  { text: "multicast", to: `${GROUP4}:${port}@${on}`, source: "127.0.0.5" },
  { text: "mapped, sent as IPv4", to: `[::ffff:127.0.0.9]:${port}`, source: "127.0.0.6" },
  { text: "unicast", to: `[::1]:${port}` },
  { text: "with 9 hops", to: `[::1]:${port}`, hops: 9 },
  { text: "multicast", to: `[${GROUP6}%${on}]:${port}` },
];

const packets: Packet[] = [];
const missing: string[] = [];
for (const { text, to, ...options } of datagrams) {
  try {
    await socket.send(text, to, options);
    packets.push(await socket.receive({ signal: AbortSignal.timeout(2000) }));
  } catch (error) {
    // A host without IPv6, or without the route that IPv6 multicast on loopback needs.
    if (error instanceof SocketError) {
      missing.push(`${text} to ${to}: ${error.code}\n  ${error.hint ?? error.message}`);
    } else if (error instanceof DOMException && error.name === "TimeoutError") {
      missing.push(`${text} to ${to}: sent, but something dropped it`);
    } else throw error;
  }
}

const text = new TextDecoder();
const rows = [
  ["source", "destination", "interface", "cast", "hops", "data"],
  ...packets.map(({ source, destination, interfaceName, cast, hops, data }) =>
    [source, destination, interfaceName, cast, hops, text.decode(data)].map(String)
  ),
];
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) {
  console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}
if (missing.length > 0) console.log(`\nnot arrived:\n${missing.join("\n")}`);
