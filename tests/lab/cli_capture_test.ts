// What the command line writes for Wireshark: tshark reads the same packets, destinations and interfaces in it.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { commandOf, test, within } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { sendFromBoth, stage } from "./stage.ts";

interface Shown {
  source: string;
  destination: string;
  interface: string;
  hops: number;
  trafficClass: number;
  data: string;
  time: string;
}

const FIELDS = [
  "frame.interface_name",
  "frame.time_epoch",
  "ip.src",
  "ip.dst",
  "ipv6.src",
  "ipv6.dst",
  "ip.ttl",
  "ipv6.hlim",
  "ip.dsfield",
  "ipv6.tclass",
  "udp.srcport",
  "udp.dstport",
  "udp.payload",
  "ip.checksum.status",
  "udp.checksum.status",
  "_ws.malformed",
];

test("tshark reads the same packets, destinations and interfaces in the pcapng file", {
  needs: ["lab", "python3", "tshark"],
}, async () => {
  await using net = await stage();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-capture-"));
  try {
    const file = path.join(folder, "packets.pcapng");
    const words = ["45671", "239.1.2.3:45672", "[ff02::1234]:45672", "--json", "--pcap", file];
    await using listen = await startProgram(
      "../../cli/main.ts",
      ["--allow-ffi", "--allow-write"],
      "listen",
      ...words,
    );
    await listen.waitForStderr(/listening on.*\n[^]*joined[^]*joined/);
    await sendFromBoth(net, "239.1.2.3", 45672, " group");
    await sendFromBoth(net, "ff02::1234", 45672, " group");
    const to = { port: 45671, interface: "eth0" };
    await net.onA.send({ ...to, to: "10.1.0.2", data: "odd", hops: 7, trafficClass: 0xb8 });
    await net.onA.send({ ...to, to: "10.1.0.255", data: "", broadcast: true });
    await net.onB.send({ ...to, to: "fd02::1", data: "x".repeat(1400), hops: 3, trafficClass: 4 });
    await net.onB.send({ ...to, to: "10.2.0.1", data: new Uint8Array([0, 255, 10, 13]) });
    const shown: Shown[] = [];
    while (shown.length < 8) shown.push(await listen.nextJson<Shown>());
    await net.here.run("kill", ["-INT", String(listen.pid)]);
    assertEquals(await within(5_000, listen.ended), "0");

    const out = await net.here.run("tshark", [
      ...["-r", file, "-n", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"],
      ...["-T", "fields", "-E", "separator=|"],
      ...FIELDS.flatMap((field) => ["-e", field]),
    ]);
    const read = out.trimEnd().split("\n").map((line) => {
      const [
        on,
        time,
        ip4s,
        ip4d,
        ip6s,
        ip6d,
        ttl,
        hlim,
        tos,
        tclass,
        sport,
        dport,
        data,
        ...rest
      ] = line.split("|");
      const address = (ip4: string, ip6: string, port: string) =>
        ip4 === "" ? `[${ip6}]:${port}` : `${ip4}:${port}`;
      return {
        source: address(ip4s, ip6s, sport),
        destination: address(ip4d, ip6d, dport),
        interface: on,
        hops: Number(ttl || hlim),
        trafficClass: Number(tos || tclass),
        data,
        time,
        // IPv4's header, UDP, and nothing malformed. 1: good.
        sums: rest,
      };
    });
    const withoutZone = (text: string) => text.replace(/%.*\]/, "]");
    // Those of several sockets are written in the order in which they are read, in both.
    assertEquals(
      read.map(({ time: _time, sums: _sums, ...packet }) => packet),
      shown.map(({ source, destination, interface: on, hops, trafficClass, data }) => ({
        source: withoutZone(source),
        destination: withoutZone(destination),
        interface: on,
        hops,
        trafficClass,
        data,
      })),
    );
    for (const [at, { source, time, sums }] of read.entries()) {
      assertEquals(sums, [source.startsWith("[") ? "" : "1", "1", ""], source);
      assert(Math.abs(Number(time) * 1000 - Date.parse(shown[at].time)) < 1.5, time);
    }
    // Each destination was there, on the interface on which it came in.
    const places = read.map(({ destination, interface: on }) => `${destination} ${on}`);
    assertEquals(
      places.sort(),
      [
        "10.1.0.255:45671 eth0",
        "10.1.0.2:45671 eth0",
        "10.2.0.1:45671 eth1",
        "239.1.2.3:45672 eth0",
        "239.1.2.3:45672 eth1",
        "[fd02::1]:45671 eth1",
        "[ff02::1234]:45672 eth0",
        "[ff02::1234]:45672 eth1",
      ].sort(),
    );
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test("a pipe into tshark is decoded while it goes on", {
  needs: ["lab", "python3", "tshark"],
}, async () => {
  await using net = await stage();
  const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
  const command = commandOf(main, ["--allow-ffi"], [
    "listen",
    "45671",
    "--pcap",
    "-",
    "--count",
    "1",
  ]).flat();
  const listen = command.map((word) => `'${word}'`).join(" ");
  const tshark = "tshark -l -n -i - -T fields -e frame.interface_name -e ip.dst -e udp.payload";
  await using pipe = await net.here.spawn("bash", ["-c", `${listen} | ${tshark}`]);
  await pipe.waitForStderr(/listening on/, 20_000);
  await net.onB.send({ to: "10.2.0.1", port: 45671, interface: "eth0", data: "hi" });
  assertEquals(await pipe.nextLine(20_000), "eth1\t10.2.0.1\t6869");
  // Both end: the one after a packet, the other when nothing comes any more.
  assertEquals(await within(10_000, pipe.ended), "0");
});
