// The field guide (docs/multicast.md): its commands print what it shows, and what no other test proves is proved here.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import path from "node:path";
import process from "node:process";
import { openUdpSocket, SocketError } from "../../mod.ts";
import { type Command, GUIDE, isPrinted, readGuide } from "../field_guide.ts";
import { type Need, python3, test, type TestOptions } from "../harness.ts";
import { type Host, Lab } from "./lab.ts";
import { type Plain, plain } from "./plain.ts";
import { startReceiver } from "./peers.ts";
import { next, textOf } from "./sockets.ts";
import { twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

// ---- The commands of the guide ----

/** Printed behind every command, to tell what each has printed. */
const END = "-- end of command --";

/** Runs commands in one shell and returns what each has printed. */
async function runAll(host: Host, commands: readonly Command[]): Promise<string[][]> {
  const script = commands.map(({ text }) => `${text}\necho '${END}'\n`).join("");
  const PATH = `${path.dirname(process.execPath)}:${
    path.dirname(python3() ?? "/")
  }:${process.env.PATH}`;
  const output = await host.run("sh", ["-c", `exec 2>&1\n${script}`], {
    env: { PATH, NO_COLOR: "1" },
    timeout: 50_000,
  });
  return output.split(`${END}\n`).map((text) => text.split("\n").filter((line) => line !== ""));
}

const guide = readGuide();
/** What the reader is asked to do first. */
const [prepare, ...experiments] = guide.filter(({ commands }) => commands.length > 0);

for (const { heading, commands } of experiments) {
  const uses = (word: string) => commands.some(({ text }) => text.includes(word));
  const missing: Need[] = ["lab"];
  if (uses("python3")) missing.push("python3");
  if (uses("tuntap")) missing.push("tun");
  test(`the guide's commands print what it shows: ${heading}`, { needs: missing }, async () => {
    await using lab = new Lab();
    const host = await lab.host("reader");
    const all = [...prepare.commands, ...commands];
    const printed = await runAll(host, all);
    all.forEach(({ text, prints, line }, index) => {
      const same = printed[index].length === prints.length &&
        prints.every((shown, row) => isPrinted(shown, printed[index][row]));
      const where = `${GUIDE}:${line}: ${text}\n`;
      assert(same, `${where}prints:\n${printed[index].join("\n")}\nnot:\n${prints.join("\n")}`);
    });
  });
}

// ---- Scopes ----

test(
  "a packet to ff01:: is heard on the interface by which it was sent, and on no other",
  needs,
  async () => {
    await using _net = await twoNetworks();
    await using member = openUdpSocket({ groups: ["ff01::1234@eth0"] });
    await using sender = openUdpSocket();
    const to = { address: "ff01::1234", port: member.port };
    await sender.send("by eth1", { ...to, interface: "eth1" });
    await sender.send("by eth0", { ...to, interface: "eth0" });
    const packet = await next(member);
    assertEquals([textOf(packet), packet.interfaceName], ["by eth0", "eth0"]);
    assertEquals(member.stats.filtered, 0);
  },
);

// ---- IPv4 groups in IPv6's clothes ----

test(
  "an IPv4 group written ::ffff: ignores the interface, hops and zone that its IPv6 socket was given",
  needs,
  async () => {
    await using net = await twoNetworks();
    const { here } = net;
    const [a, b] = await Promise.all(
      [net.a, net.b].map((host) =>
        startReceiver(host, { family: "IPv4", port: 5000, join: ["239.1.2.3@eth0"] })
      ),
    );
    const mapped: Plain = { to: "::ffff:239.1.2.3", port: 5000 };
    // It is IPv4's routing table that is asked.
    assertEquals((await plain(here, { ...mapped, scope: "eth1" })).send, "ENETUNREACH");
    await here.ip("route add 239.0.0.0/8 dev eth0");
    for (
      const [data, told] of [
        ["interface", { multicastInterface: "eth1" }],
        ["zone", { scope: "eth1" }],
        ["hops", { multicastInterface: "eth1", multicastHops: 7 }],
      ] as const
    ) {
      assertEquals((await plain(here, { ...mapped, ...told, data })).send, null);
      const packet = await a.next();
      assertEquals([packet.text, packet.hops, packet.source.address], [data, 1, "10.1.0.1"]);
    }
    // What it cannot ignore it refuses.
    assertEquals((await plain(here, { ...mapped, packetInfo: "eth1" })).send, "EINVAL");
    assertEquals((await plain(here, { ...mapped, join: "::ffff:239.1.2.3@eth1" })).join, "EINVAL");
    assertEquals((await plain(here, { ...mapped, onlyIpv6: true })).send, "ENETUNREACH");
    assertEquals(b.pending(), []);

    // The library refuses the mapped form, and one of its sockets serves both families.
    await using socket = openUdpSocket({ multicastInterface: "eth1", multicastHops: 7 });
    const error = await assertRejects(() => socket.send("x", "[::ffff:239.1.2.3]:5000"), TypeError);
    assertStringIncludes(error.message, "239.1.2.3");
    await socket.send("IPv4", "239.1.2.3:5000");
    const packet = await b.next();
    assertEquals([packet.text, packet.hops, packet.source.address], ["IPv4", 7, "10.2.0.1"]);
  },
);

// ---- bind ----

test("a plain socket bound to a group hears that group only, and can send", needs, async () => {
  await using net = await twoNetworks();
  for (
    const [group, own, to] of [
      ["239.1.2.3", "10.1.0.1", "239.1.2.3@eth0"],
      ["ff15::1234", "fd01::1", "[ff15::1234]@eth0"],
    ]
  ) {
    await using bound = await startReceiver(net.here, {
      bind: group,
      join: [`${group}@eth0`],
      echo: true,
    });
    await using client = openUdpSocket({ interface: "eth0" });
    await client.send("unicast", { address: own, port: bound.port }).catch(() => {});
    await client.send("group", to.replace("@", `:${bound.port}@`));
    assertEquals((await bound.next()).text, "group");
    const echo = await next(client);
    assertEquals([textOf(echo), echo.source.port], ["group", bound.port]);
    assert(echo.source.address !== group);
  }
});

test(
  "the kernel delivers IPv6 by group, not by interface; IPv4 by both",
  needs,
  async () => {
    await using net = await twoNetworks();
    for (
      const [group, others] of [["239.1.2.3", []], ["ff15::1234", ["a member on eth1"]]] as const
    ) {
      const join = (name: string) => ({ port: 5000, share: true, join: [`${group}@${name}`] });
      const family = group.includes(":") ? "IPv6" : "IPv4";
      // Both switch off IP_MULTICAST_ALL or IPV6_MULTICAST_ALL: they are to hear what they joined themselves.
      await using onEth0 = await startReceiver(net.here, { family, ...join("eth0") });
      await using onEth1 = await startReceiver(net.here, { family, ...join("eth1") });
      await using ours = openUdpSocket({ port: 5000, share: true, groups: [`${group}@eth1`] });
      await using sender = openUdpSocket();
      await sender.send("by eth0", { address: group, port: 5000, interface: "eth0" });
      assertEquals((await onEth0.next()).interfaceName, "eth0");
      await sender.send("by eth1", { address: group, port: 5000, interface: "eth1" });
      const heard = await onEth1.next();
      assertEquals(heard.interfaceName, others.length > 0 ? "eth0" : "eth1");
      // The library compares the interface.
      assertEquals(textOf(await next(ours)), "by eth1");
      assertEquals(ours.stats.filtered, others.length);
    }
  },
);

// ---- Sending without an interface ----

test(
  "without an interface IPv4 asks its routes and IPv6 takes the first ff00::/8",
  needs,
  async () => {
    await using net = await twoNetworks();
    const { here } = net;
    const hosts = { eth0: net.a, eth1: net.b };
    const join = (group: string) => ({ port: 5000, join: [`${group}@eth0`] });
    const v4 = await Promise.all(
      Object.values(hosts).map((host) => startReceiver(host, join("239.1.2.3"))),
    );
    const v6 = await Promise.all(
      Object.values(hosts).map((host) =>
        startReceiver(host, { family: "IPv6", ...join("ff15::1234") })
      ),
    );
    await using socket = openUdpSocket();
    const error = await assertRejects(() => socket.send("x", "239.1.2.3:5000"), SocketError);
    assertEquals(error.code, "ENETUNREACH");
    assertStringIncludes(error.hint ?? "", "name an interface");
    // With an interface no route is needed.
    await socket.send("eth1", "239.1.2.3:5000@eth1");
    assertEquals((await v4[1].next()).text, "eth1");
    await here.ip("route add default via 10.1.0.100 dev eth0");
    await socket.send("default route", "239.1.2.3:5000");
    assertEquals((await v4[0].next()).text, "default route");

    const routes = await here.ip("-6 route show table local type multicast");
    const order = [...routes.matchAll(/^multicast ff00::\/8 dev (\S+)/gm)].map(([, name]) => name);
    assertEquals([...order].sort(), ["eth0", "eth1"]);
    const peers = order[0] === "eth0" ? v6 : [...v6].reverse();
    // IPv6's default route is not asked, since the groups' routes are in the table before it.
    await here.ip(`-6 route add default dev ${order[1]}`);
    await socket.send("first", "[ff15::1234]:5000");
    assertEquals((await peers[0].next()).text, "first");
    // An interface that was down comes back as the last.
    await here.ip(`link set ${order[0]} down`);
    await here.ip(`link set ${order[0]} up`);
    await here.settled(order[0]);
    await socket.send("second", "[ff15::1234]:5000");
    assertEquals((await peers[1].next()).text, "second");
    assertEquals([...v4, ...v6].flatMap((peer) => peer.pending()), []);
  },
);

// ---- What differs between systems ----

/** One line for each of the table's rows that no other test shows. */
const ROWS = `
import socket, struct
def wildcards(first, second, only_ipv6):
    with socket.socket(first, socket.SOCK_DGRAM) as a, socket.socket(second, socket.SOCK_DGRAM) as b:
        for sock in a, b:
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_ipv6)
        a.bind(("", 5000))
        try:
            b.bind(("", 5000))
            return "both"
        except OSError:
            return "one"
v4, v6 = socket.AF_INET, socket.AF_INET6
print(wildcards(v4, v6, 0), wildcards(v6, v4, 0), wildcards(v4, v6, 1), wildcards(v6, v4, 1))

index = socket.if_nametoindex("eth0")
early = socket.socket(v6, socket.SOCK_DGRAM)
early.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(v6, "ff15::1234") + struct.pack("=I", index))
early.bind(("::", 5000))
early.settimeout(5)
# Not by the address' scope id: the kernel reads that for link-local groups alone, and would ask its routes.
early.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
early.sendto(bytes(1400), ("ff15::1234", 5000))
length = len(early.recvfrom(2000)[0])
fragments = [line.split()[1] for line in open("/proc/net/snmp6") if line.startswith("Ip6FragCreates")]
print(length, fragments[0])
`;

test(
  "Linux as the guide's table has it: wildcards of both families, joining before binding, the MTU of groups",
  needs,
  async () => {
    await using net = await twoNetworks();
    const printed = await net.here.run(python3()!, ["-c", ROWS]);
    assertEquals(printed.trim().split("\n"), ["one one both both", "1400 0"]);
  },
);
