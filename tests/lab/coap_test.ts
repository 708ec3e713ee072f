// CoAP group discovery beside libcoap's server.
import { assertEquals } from "@std/assert";
import type { Server } from "../../examples/coap/find.ts";
import { findProgram, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import type { Host } from "./lab.ts";
import { twoNetworks } from "./topologies.ts";

const noLibcoap = findProgram("coap-server-notls") === null &&
  "needs coap-server-notls (Debian: libcoap3-bin)";

/** A server that listens to a group. */
function startServer(host: Host, address: string, group: string) {
  return host.spawn("coap-server-notls", ["-A", address, "-g", group, "-G", "eth0"]);
}

test("CoAP servers on two networks are found with what they have, over both families", {
  needs: ["lab"],
  skip: noLibcoap,
}, async () => {
  await using net = await twoNetworks();
  await startServer(net.a, "0.0.0.0", "224.0.1.187");
  await startServer(net.b, "::", "ff02::fd");
  const local = await net.b.linkLocal("eth0");
  const expected = new Map([
    ["10.1.0.100:5683", "eth0"],
    [`[${local}%eth1]:5683`, "eth1"],
  ]);
  // What was sent before a server was there is lost: ask until both have answered.
  const found = new Map<string, Server>();
  while (found.size < expected.size) {
    const program = await startProgram(
      "../../examples/coap/main.ts",
      ["--allow-ffi"],
      ...["--json", "--for", "3"],
    );
    await program.ended;
    for (const line of program.takeLines()) {
      const server: Server = JSON.parse(line);
      found.set(server.address, server);
    }
    assertEquals(program.stderr, "");
  }
  for (const [address, on] of expected) {
    const server = found.get(address)!;
    assertEquals(server.interface, on);
    const time = server.links.find(({ path }) => path === "/time")!;
    assertEquals([time.attributes.if, time.attributes.rt], ["clock", "ticks"]);
  }
});
