// What SSDP's client believes, of whom, and for how long.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Found } from "../../examples/found.ts";
import { advertise } from "../../examples/ssdp/advertise.ts";
import { formatByebye, formatNotify } from "../../examples/ssdp/message.ts";
import { staysPending, test } from "../harness.ts";
import { find, flood } from "./findings.ts";
import { startReceiver, startTalker } from "./peers.ts";
import "./sockets.ts";
import { SERVER_TYPE, startClient } from "./ssdp_peers.ts";
import { twoNetworks } from "./topologies.ts";

test("a device speaks again before it would be forgotten", { needs: ["lab"] }, async () => {
  await using _net = await twoNetworks();
  await using client = startClient("upnp:rootdevice");
  const leave = new AbortController();
  const device = {
    ...{ uuid: "1", type: "urn:schemas-upnp-org:device:Basic:1", port: 80, path: "/" },
    server: "Test/1 UPnP/1.0 Lamp/1",
    maxAgeSeconds: 1,
  };
  // Its first words are said within three seconds; without more it would be gone after four.
  const advertising = advertise(device, { interfaces: ["eth1"], signal: leave.signal });
  const own = (found: Found) => found.address === "10.2.0.1:80";
  const found = await find(client.findings, own);
  const gone = find(client.findings, own);
  assert(await staysPending(6_000, gone));
  leave.abort();
  await advertising;
  assertEquals(await gone, { ...found, gone: true });
  assertEquals(found.interface, "eth1");
});

test("announcements from off the link are dropped and counted, and hostile ones end nothing", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using talker = await startTalker(net.a);
  await using client = startClient();
  const { findings, counts } = client;
  const notify = (address: string, n: number) =>
    formatNotify("239.255.255.250", {
      type: SERVER_TYPE,
      usn: `uuid:${n}::${SERVER_TYPE}`,
      location: `http://${address}/`,
      server: "Test/1 UPnP/1.0 Peer/1",
      maxAgeSeconds: 1800,
    });
  const group = { to: "239.255.255.250", port: 1900, interface: "eth0" };
  await net.a.addAddresses("eth0", ["192.0.2.7/24"]);
  // The first read joins the groups.
  const first = find(findings, () => true);
  await talker.send({ ...group, source: "192.0.2.7", data: notify("192.0.2.7", 1) });
  await talker.send({ ...group, data: "NOTIFY * HTTP/1.1\r\nNTS" });
  await talker.send({ ...group, data: new Uint8Array(1400).fill(0xff) });
  // From the link, and with a location that is not on it: told, but with the sender's address.
  await talker.send({ ...group, source: "10.1.0.100", data: notify("203.0.113.5", 2) });
  const found = await first;
  assertMatch(found.address, /^10\.1\.0\.100:\d+$/);
  assertEquals([found.details!.usn, found.name], [`uuid:2::${SERVER_TYPE}`, "Peer/1"]);
  assertEquals(counts, { offLink: 1, malformed: 2 });
});

test("thousands of broken announcements end nothing", { needs: ["lab"] }, async () => {
  await using net = await twoNetworks();
  await using client = startClient();
  const about = {
    type: SERVER_TYPE,
    usn: `uuid:1::${SERVER_TYPE}`,
    location: "",
    server: "",
    maxAgeSeconds: 1800,
  };
  const samples = [formatNotify("ff02::c", about), formatByebye("ff02::c", about)];
  const usn = `uuid:last::${SERVER_TYPE}`;
  const found = find(client.findings, ({ details }) => details!.usn === usn);
  await flood(
    { address: "ff02::c", port: 1900, interface: "eth0" },
    samples.map((text) => new TextEncoder().encode(text)),
    formatNotify("ff02::c", { ...about, usn }),
    found,
  );
  const { address } = await found;
  assert(address.startsWith(`[${await net.here.linkLocal("eth0")}%eth0]:`), address);
  assert(client.counts.malformed > 1000, `${client.counts.malformed}`);
});

test("a device that is silent for longer than it said is gone", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using talker = await startTalker(net.a);
  await using client = startClient();
  const { findings } = client;
  const first = find(findings, () => true);
  const about = {
    type: SERVER_TYPE,
    usn: `uuid:1::${SERVER_TYPE}`,
    location: "",
    server: "",
    maxAgeSeconds: 1,
  };
  await talker.send({
    to: "ff02::c",
    port: 1900,
    interface: "eth0",
    data: formatNotify("ff02::c", about),
  });
  const found = await first;
  assertEquals(found.name, about.usn);
  assertEquals(await find(findings, () => true), { ...found, gone: true });
});

test("an interface that comes later is searched on as well", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using client = startClient();
  const { findings } = client;
  const never = findings.next();
  await net.lab.link(
    { host: net.here, name: "late0", addresses: ["10.9.0.1/24"] },
    { host: net.b, name: "late0", addresses: ["10.9.0.2/24"] },
  );
  await using receiver = await startReceiver(net.b, {
    port: 1900,
    share: true,
    join: ["239.255.255.250@late0"],
  });
  const search = await receiver.next();
  assertMatch(search.text, /^M-SEARCH \* HTTP\/1\.1\r\nHOST: 239\.255\.255\.250:1900\r\n/);
  assertEquals(search.source.address, "10.9.0.1");
  await client[Symbol.asyncDispose]();
  assertEquals((await never).done, true);
});
