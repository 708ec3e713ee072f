// Which interface a DHCP client asks on: udhcpc on two networks.
import { assertEquals, assertMatch } from "@std/assert";
import { findProgram, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import { Lab } from "./lab.ts";
import { sendFrom } from "./peers.ts";

const noUdhcpc = findProgram("udhcpc") === null && "needs udhcpc";
const WATCH = "../../examples/dhcp_watch/main.ts";

test("clients without address are told apart by the interface they ask on", {
  needs: ["lab"],
  skip: noUdhcpc,
}, async () => {
  await using lab = new Lab();
  const { here } = lab;
  const watch = await startProgram(WATCH, ["--allow-ffi"], "--json");
  await using _watch = watch;
  await watch.waitForStderr(/:67\n[^]*:68\n/);
  for (const [name, own] of [["eth0", "10.1.0.1/24"], ["eth1", "10.2.0.1/24"]]) {
    const client = await lab.host(`client-${name}`);
    await lab.link({ host: here, name, addresses: [own] }, { host: client, name: "eth0" });
    const asking = await client.spawn("udhcpc", [
      ...["-f", "-i", "eth0", "-s", "/bin/true", "-x", `hostname:on-${name}`],
    ]);
    const message = await watch.nextJson<Record<string, string | null>>(10_000);
    assertEquals([message.type, message.interface, message.source], ["DISCOVER", name, "0.0.0.0"]);
    assertEquals(message.mac, (await client.show("eth0")).address);
    assertEquals(message.hostname, `on-${name}`);
    assertMatch(message.vendor!, /^udhcp /);
    await asking.stop("SIGKILL");
    // It may have asked again meanwhile.
    watch.takeLines();
  }
});

test("a server that answers to everybody is seen, and where it is", {
  needs: ["lab", "python3"],
}, async () => {
  await using lab = new Lab();
  const { here } = lab;
  const rogue = await lab.host("rogue");
  await lab.link({ host: here, name: "eth0", addresses: ["10.1.0.1/24"] }, {
    host: rogue,
    name: "eth0",
    addresses: ["10.1.0.66/24"],
  });
  const watch = await startProgram(WATCH, ["--allow-ffi"]);
  await using _watch = watch;
  await watch.waitForStderr(/:67\n[^]*:68\n/);
  const offer = new Uint8Array(250);
  offer.set([2, 1, 6]);
  offer.set([10, 1, 0, 7], 16);
  offer.set([2, 0, 0x5e, 0x10, 0, 1], 28);
  offer.set([0x63, 0x82, 0x53, 0x63, 53, 1, 2, 54, 4, 10, 1, 0, 66, 255], 236);
  const to = { to: "255.255.255.255", port: 68, sourcePort: 67, interface: "eth0" };
  await sendFrom(rogue, { ...to, broadcast: true, data: "no DHCP" });
  await sendFrom(rogue, { ...to, broadcast: true, data: offer });
  assertEquals(
    await watch.nextLine(),
    "OFFER on eth0 from 10.1.0.66: 02:00:5e:10:00:01 is given 10.1.0.7",
  );
});
