// SSDP's client and device beside minidlna and gssdp.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Found } from "../../examples/found.ts";
import { type Counts, discover } from "../../examples/ssdp/discover.ts";
import { formatByebye, formatNotify } from "../../examples/ssdp/message.ts";
import { commandOf, findProgram, runtime, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { find, flood, nextFound } from "./findings.ts";
import type { Host } from "./lab.ts";
import { startReceiver, startTalker } from "./peers.ts";
import type { Program } from "./process.ts";
import "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const MAIN = "../../examples/ssdp/main.ts";
const SERVER_TYPE = "urn:schemas-upnp-org:device:MediaServer:1";
const ROUTER_TYPE = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";

const noMinidlna = findProgram("minidlnad") === null && "needs minidlnad (Debian: minidlna)";
const noGssdp = !fs.existsSync("/usr/share/doc/gir1.2-gssdp-1.6") &&
  "needs GSSDP 1.6 (Debian: python3-gi, gir1.2-gssdp-1.6)";

/** minidlna on a host, with settings and a database of its own. */
async function startMinidlna(host: Host, folder: string, name: string): Promise<Program> {
  const config = path.join(folder, `${name}.conf`);
  fs.mkdirSync(path.join(folder, name));
  fs.writeFileSync(
    config,
    [
      "network_interface=eth0",
      "port=8200",
      `media_dir=${path.join(folder, name)}`,
      `db_dir=${path.join(folder, name)}`,
      `log_dir=${path.join(folder, name)}`,
      `friendly_name=${name}`,
      "inotify=no",
      "root_container=B",
      "",
    ].join("\n"),
  );
  return await host.spawn("minidlnad", [
    "-S",
    "-f",
    config,
    "-P",
    path.join(folder, `${name}.pid`),
  ]);
}

/** Debian's own Python has GObject; the one in PATH need not. */
function startGssdp(host: Host, ...args: string[]): Promise<Program> {
  const file = fileURLToPath(new URL("../programs/gssdp.py", import.meta.url));
  return host.spawn("/usr/bin/python3", ["-B", file, ...args]);
}

function temporary(): { folder: string } & Disposable {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-ssdp-"));
  return { folder, [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** A client in this process. */
function startClient(target?: string) {
  const leave = new AbortController();
  const counts: Counts = { offLink: 0, malformed: 0 };
  const findings = discover({ signal: leave.signal, counts, target });
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

test(
  "media servers on two networks are found by their names, each on its interface, and said goodbye to",
  {
    needs: ["lab"],
    skip: noMinidlna,
  },
  async () => {
    using temp = temporary();
    await using net = await twoNetworks();
    const client = await startProgram(MAIN, ["--allow-ffi", "--allow-net"], "--json", SERVER_TYPE);
    await using _client = client;
    const servers = [
      await startMinidlna(net.a, temp.folder, "Films"),
      await startMinidlna(net.b, temp.folder, "Music"),
    ];
    const found = new Map<string, Found>();
    while (found.size < 2) {
      const one = await nextFound(client, () => true);
      found.set(one.name, one);
    }
    const films = found.get("Films")!;
    assertEquals([films.protocol, films.kind, films.address, films.interface], [
      "ssdp",
      "MediaServer:1",
      "10.1.0.100:8200",
      "eth0",
    ]);
    assertMatch(films.details!.usn, /^uuid:.*::urn:schemas-upnp-org:device:MediaServer:1$/);
    const music = found.get("Music")!;
    assertEquals([music.address, music.interface], ["10.2.0.100:8200", "eth1"]);

    await servers[0].stop("SIGTERM");
    const gone = await nextFound(client, ({ gone }) => gone === true);
    assertEquals([gone.name, gone.interface], ["Films", "eth0"]);
    await client.stop("SIGTERM");
    assertEquals(client.stderr, "");
  },
);

test(
  "a search finds who has announced itself long ago; without permission it goes by its product",
  {
    needs: ["lab", "deno"],
    skip: noMinidlna,
  },
  async () => {
    using temp = temporary();
    await using net = await twoNetworks();
    const listener = await startReceiver(net.here, {
      port: 1900,
      share: true,
      join: ["239.255.255.250@eth1"],
    });
    await startMinidlna(net.b, temp.folder, "Music");
    // It has said so when nobody of ours was listening yet.
    assertMatch((await listener.next(15_000)).text, /^NOTIFY /);
    await listener[Symbol.asyncDispose]();
    const client = await startProgram(MAIN, ["--allow-ffi"], "--json", "--interface", "eth1");
    await using _client = client;
    const found = await nextFound(client, ({ kind }) => kind === "MediaServer:1");
    assertMatch(found.name, /^MiniDLNA\//);
    assertEquals([found.address, found.interface], ["10.2.0.100:8200", "eth1"]);
  },
);

for (const [family, address] of [["IPv4", "10.2.0.100"], ["IPv6", "link-local"]] as const) {
  test(`what gssdp publishes over ${family} is found, and gone when it leaves`, {
    needs: ["lab"],
    skip: noGssdp,
  }, async () => {
    await using net = await twoNetworks();
    const own = address === "link-local" ? await net.b.linkLocal("eth0") : address;
    const host = own.includes(":") ? `[${own}]` : own;
    const usn = `uuid:4b1d0c6e-0000-4000-8000-0000000000b1::${ROUTER_TYPE}`;
    const publisher = await startGssdp(
      net.b,
      ...["publish", "eth0", own, ROUTER_TYPE, usn, `http://${host}:49000/desc.xml`],
    );
    await publisher.nextJson();
    await using client = startClient();
    const { findings } = client;
    const wanted = ({ details }: Found) => details?.usn === usn;
    const found = await find(findings, wanted);
    const zone = own.includes(":") ? "%eth1" : "";
    assertEquals([found.kind, found.interface], ["InternetGatewayDevice:2", "eth1"]);
    assertEquals(found.address, own.includes(":") ? `[${own}${zone}]:49000` : `${own}:49000`);
    await publisher.stop("SIGTERM");
    const gone = await find(findings, wanted);
    assertEquals(gone, { ...found, gone: true });
  });

  test(`gssdp finds our device over ${family}, with an address of the network it asks from`, {
    needs: ["lab"],
    skip: noGssdp,
  }, async () => {
    await using net = await twoNetworks();
    const device = await startProgram(
      MAIN,
      ["--allow-ffi", "--allow-net"],
      ...["--advertise", "Lamp & <shade>", "--port", "8080"],
    );
    await using _device = device;
    const uuid = /(uuid:\S+),/.exec(await device.nextLine())![1];
    for (
      const [host, here, name] of [[net.a, "10.1.0.1", "eth0"], [
        net.b,
        "10.2.0.1",
        "eth1",
      ]] as const
    ) {
      const local = await host.linkLocal("eth0");
      const browser = await startGssdp(
        host,
        ...["browse", "eth0", family === "IPv4" ? here.replace(/1$/, "100") : local],
        "urn:schemas-upnp-org:device:Basic:1",
      );
      await browser.nextJson();
      const { usn, locations } = await browser.nextJson<{ usn: string; locations: string[] }>(
        10_000,
      );
      assertEquals(usn, `${uuid}::urn:schemas-upnp-org:device:Basic:1`);
      const own = family === "IPv4" ? here : `[${await net.here.linkLocal(name)}]`;
      assert(locations.every((url) => new URL(url).hostname === own), `${locations} but ${own}`);
      await browser.stop("SIGTERM");
    }
    const browser = await startGssdp(
      net.a,
      ...["browse", "eth0", family === "IPv4" ? "10.1.0.100" : await net.a.linkLocal("eth0")],
      "ssdp:all",
    );
    await browser.nextJson();
    await browser.nextJson(10_000);
    await device.stop("SIGTERM");
    for (;;) if ((await browser.nextJson<{ gone?: string }>(10_000)).gone === uuid) break;
  });
}

test("our client finds our device, and fetches its name also from a link-local address", {
  needs: ["lab"],
}, async () => {
  await using net = await twoNetworks();
  await using client = startClient("upnp:rootdevice");
  const { findings } = client;
  const main = fileURLToPath(new URL("../../examples/ssdp/main.ts", import.meta.url));
  const device = await net.a.spawn(
    ...commandOf(main, ["--allow-ffi", "--allow-net"], [
      ...["--advertise", "Lamp & <shade>", "--port", "8080"],
    ]),
  );
  await device.nextLine(15_000);
  const linkLocal = await net.a.linkLocal("eth0");
  const wanted = new Set([
    "10.1.0.100:8080",
    `[${linkLocal}%eth0]:8080`,
    "[fd01::100]:8080",
  ]);
  while (wanted.size > 0) {
    const found = await find(findings, ({ address }) => wanted.delete(address));
    // Deno's node:http cannot connect to an address with a zone.
    const undescribed = runtime === "deno" && found.address.includes("%");
    assertEquals([found.name, found.details!.model, found.interface], [
      ...undescribed ? ["pktinfo/0.1", undefined] : ["Lamp & <shade>", "example"],
      "eth0",
    ]);
  }
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
