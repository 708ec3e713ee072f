// SSDP's client and device beside minidlna and gssdp.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { Found } from "../../examples/found.ts";
import { commandOf, runtime, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { find, nextFound } from "./findings.ts";
import { startReceiver } from "./peers.ts";
import "./sockets.ts";
import {
  noGssdp,
  noMinidlna,
  SERVER_TYPE,
  startClient,
  startGssdp,
  startMinidlna,
  temporary,
} from "./ssdp_peers.ts";
import { twoNetworks } from "./topologies.ts";

const MAIN = "../../examples/ssdp/main.ts";
const ROUTER_TYPE = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";

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
    await publisher.stop("SIGTERM", 10_000);
    // It begins with a goodbye, too, lest somebody believe what was before.
    const gone = await find(findings, (finding) => wanted(finding) && finding.gone === true);
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
