// The doctor disturbs nobody: none of its packets leave the host, and it changes nothing. And a device that waits for its program.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { diagnose } from "../../doctor/mod.ts";
import { openUdpSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { descriptors } from "../kernel/support.ts";
import { capture } from "./capture.ts";
import { assertHeals, assertHealthy, brief, healthyHost, serious } from "./doctor_support.ts";
import type { Host } from "./lab.ts";
import { startTapHolder } from "./tap.ts";

test("no packet of its tests leaves the host", { needs: ["lab", "tshark"] }, async () => {
  await using net = await healthyHost();
  await using wire = await capture(net.here, ["eth0", "eth1"], "udp");
  const groups = ["224.0.0.251:5353", "[ff02::fb]:5353", "239.1.2.3", "ff05::1:3"];
  await assertHealthy({ groups });
  // A packet that does leave comes behind all of them.
  await using socket = openUdpSocket();
  for (const name of ["eth0", "eth1"]) {
    await socket.send("marker", `239.1.2.3:9@${name}`);
    const frame = await wire.find((frame) => frame.interface === name);
    assertEquals(frame.text, "marker");
  }
  assertEquals((await wire.stop()).map(({ text }) => text), []);
});

/** What can be configured, as ip(8) and the kernel show it. */
async function configuration(host: Host): Promise<string> {
  const shown = [];
  for (
    const what of [
      "link",
      "address",
      "route show table all",
      "-6 route show table all",
      "rule",
      "-6 rule",
    ]
  ) {
    shown.push(await host.ip(what));
  }
  shown.push(await host.run("sh", ["-c", "cat /proc/net/igmp /proc/net/igmp6 | cut -c1-60"]));
  // Timers count, and lifetimes run.
  return shown.join("\n").replaceAll(/(?:expires|timer) \S+/g, "");
}

test("it changes nothing and leaves nothing open, also when two look at once", {
  needs: ["lab"],
}, async () => {
  await using net = await healthyHost();
  await diagnose();
  const [before, open] = [await configuration(net.here), descriptors()];
  const both = await Promise.all([diagnose(), diagnose({ groups: ["ff02::fb"] })]);
  for (const { healthy } of both) assertEquals(healthy, true);
  assertEquals(await configuration(net.here), before);
  assertEquals(descriptors(), open);
});

test("a TAP device is not running until its program opens it", {
  needs: ["lab", "tun", "python3"],
}, async () => {
  await using net = await healthyHost();
  await net.lab.ip("tuntap add tap0 mode tap");
  await net.lab.ip("link set tap0 up");
  // Without an address nothing is expected of it.
  await assertHealthy();
  await net.lab.ip("address add 10.9.0.1/24 broadcast + dev tap0");
  const ill = await diagnose();
  assertEquals(brief(serious(ill)), ["problem not-running tap0 -"]);
  assertStringIncludes(serious(ill)[0].remedy!.text, "program");
  await using holder = await startTapHolder(net.here);
  await holder.open("tap0");
  await assertHeals();
  const { interfaces } = await diagnose({ interfaces: ["tap0"] });
  assert(interfaces[0].tests.every(({ receive }) => receive === "works"));
});
