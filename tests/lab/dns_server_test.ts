// A name server on a host with several addresses and two networks, asked by dig.
import { assertEquals, assertMatch } from "@std/assert";
import { findProgram, test } from "../harness.ts";
import { startProgram } from "../kernel/support.ts";
import type { Host } from "./lab.ts";
import { twoNetworks } from "./topologies.ts";

const noDig = findProgram("dig") === null && "needs dig (Debian: bind9-dnsutils)";

/** dig fails if the answer comes from another address than it has asked: it goes on waiting for one from there. */
async function dig(host: Host, server: string, type: string): Promise<string[]> {
  const answer = await host.run("dig", [
    ...[`@${server}`, "-p", "5300", "+tries=1", "+timeout=2", "+short"],
    ...["router.lab", type],
  ]);
  return answer.trim().split("\n").sort();
}

test("every address answers for itself, and names the addresses of the network that asks", {
  needs: ["lab"],
  skip: noDig,
}, async () => {
  await using net = await twoNetworks();
  const server = await startProgram(
    "../../examples/dns_server/main.ts",
    ["--allow-ffi"],
    ...["router.lab", "5300"],
  );
  await using _server = server;
  assertMatch(await server.nextLine(), /^serving router\.lab on /);

  const local = await net.here.linkLocal("eth0");
  for (const address of ["10.1.0.1", "10.1.0.2", "fd01::1", "fd01::2", local]) {
    const zone = address === local ? "%eth0" : "";
    assertEquals(await dig(net.a, address + zone, "TXT"), [`"you asked ${address} on eth0"`]);
  }
  assertEquals(await dig(net.a, "10.1.0.2", "A"), ["10.1.0.1", "10.1.0.2"]);
  assertEquals(await dig(net.a, "10.1.0.2", "AAAA"), ["fd01::1", "fd01::2"]);
  assertEquals(await dig(net.b, "fd02::1", "A"), ["10.2.0.1"]);

  // An address of the other network is asked by way of this one.
  await net.a.ip("route add 10.2.0.0/24 via 10.1.0.1");
  assertEquals(await dig(net.a, "10.2.0.1", "TXT"), ['"you asked 10.2.0.1 on eth0"']);
  assertEquals(server.stderr, "");
});

test("questions that are none are not answered, and end nothing", {
  needs: ["lab", "python3"],
  skip: noDig,
}, async () => {
  await using net = await twoNetworks();
  const server = await startProgram(
    "../../examples/dns_server/main.ts",
    ["--allow-ffi"],
    ...["router.lab", "5300"],
  );
  await using _server = server;
  await server.nextLine();
  await net.a.run("python3", [
    "-c",
    `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for data in (b"", b"x", b"\\xc0" * 12, b"\\0" * 4 + b"\\xff" * 8, b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\xc0\\x0c\\0\\1\\0\\1"):
    s.sendto(data, ("10.1.0.1", 5300))
`,
  ]);
  assertEquals(await dig(net.a, "10.1.0.1", "TXT"), ['"you asked 10.1.0.1 on eth0"']);
  const refused = await net.a.run("dig", [
    ...["@10.1.0.1", "-p", "5300", "+tries=1", "+timeout=2", "example.com"],
  ]);
  assertMatch(refused, /status: REFUSED/);
  assertEquals(server.stderr, "");
});
