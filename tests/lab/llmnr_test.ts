// The LLMNR example and systemd-resolved find each other; the same name on two networks is two hosts.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { lookup } from "../../examples/llmnr/lookup.ts";
import { answerFor } from "../../examples/llmnr/responder.ts";
import { commandOf, test, within } from "../harness.ts";
import { runProgram } from "../kernel/support.ts";
import { noResolved, startResolved } from "./resolved.ts";
import { twoNetworks } from "./topologies.ts";

const main = fileURLToPath(new URL("../../examples/llmnr/main.ts", import.meta.url));

test("a name on two networks has on each the addresses of its host there, and none twice", {
  needs: ["lab"],
}, async () => {
  await using net = await twoNetworks();
  for (const host of [net.a, net.b]) {
    await host.spawn(...commandOf(main, ["--allow-ffi"], ["--answer", "box"]));
  }
  const found = new Map<string, Set<string>>();
  // They first ask whether the name is somebody's.
  while (found.size < 2) {
    found.clear();
    for await (const { address, interface: on } of lookup("Box")) {
      const known = found.get(on) ?? new Set();
      assert(!known.has(address));
      found.set(on, known.add(address));
    }
  }
  for (const [on, addresses] of found) {
    const others = [...addresses].filter((address) => !address.startsWith("fe80::"));
    const network = on === "eth0" ? 1 : 2;
    assertEquals(others.sort(), [`10.${network}.0.100`, `fd0${network}::100`]);
  }
});

test("a name that another host has is not answered for", { needs: ["lab"] }, async () => {
  await using net = await twoNetworks();
  const ready = await net.a.spawn(...commandOf(main, ["--allow-ffi"], ["--answer", "box"]));
  for (let there = false; !there;) {
    for await (const _ of lookup("box")) there = true;
  }
  await ready.nextLine();
  const names = answerFor("box");
  const error = await assertRejects(() => names.next(), Error);
  assert(/^box is the name of \S+ on eth0/.test(error.message), error.message);
});

test("systemd-resolved answers us, and the program says where", {
  needs: ["lab"],
  skip: noResolved,
}, async () => {
  await using net = await twoNetworks();
  await using _resolved = await startResolved(net.a, "box", "eth0");
  const lines = (await runProgram("../../examples/llmnr/main.ts", ["--allow-ffi"], "box")).split(
    "\n",
  );
  assert(
    lines.some((line) => /^box is 10\.1\.0\.100 on eth0, says \S+$/.test(line)),
    lines.join("\n"),
  );
  assert(lines.every((line) => line.includes(" on eth0, ")), lines.join("\n"));
});

test("systemd-resolved is answered with our address on its network", {
  needs: ["lab"],
  skip: noResolved,
}, async () => {
  await using net = await twoNetworks();
  await using resolved = await startResolved(net.b, "other", "eth0");
  const leave = new AbortController();
  const asked = answerFor("mybox", { signal: leave.signal });
  const first = asked.next();
  // We ask for two seconds whether it is somebody's; it asks again until then.
  const addresses = (await resolved.resolve("mybox").catch(() => resolved.resolve("mybox")))
    .map(({ address }) => address);
  assertEquals((await within(5_000, first, "a question")).value, "eth1");
  const own = ["10.2.0.1", "fd02:0000:0000:0000:0000:0000:0000:0001"];
  assert(addresses.length > 0);
  assert(
    addresses.every((address) => own.includes(address) || address.startsWith("fe80:")),
    addresses.join(),
  );
  leave.abort();
  while (!(await asked.next()).done);
});
