// What the field guide (docs/multicast.md) says of interfaces: which are joined, what becomes of memberships, TAP devices.
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fs from "node:fs";
import {
  interfaces,
  openUdpSocket,
  SocketError,
  type UdpSocket,
  waitForLinkLocal,
  watchInterfaces,
} from "../../mod.ts";
import { staysPending, test, type TestOptions, within } from "../harness.ts";
import { Lab } from "./lab.ts";
import { sendFrom, startReceiver } from "./peers.ts";
import { next, textOf } from "./sockets.ts";
import { startTapHolder } from "./tap.ts";
import { type TwoNetworks, twoNetworks } from "./topologies.ts";

const needs: TestOptions = { needs: ["lab", "python3"] };

// ---- Which interfaces ----

test("joining everywhere leaves lo out, unless it was told to do multicast", needs, async () => {
  await using net = await twoNetworks();
  const joined = (socket: UdpSocket, group: string) => {
    using membership = socket.join(group);
    return membership.interfaces.map(({ name }) => name).sort();
  };
  await using socket = openUdpSocket();
  for (const group of ["239.1.2.3", "ff15::1234"]) {
    assertEquals(joined(socket, group), ["eth0", "eth1"]);
    await net.here.ip("link set lo multicast on");
    try {
      assertEquals(joined(socket, group), ["eth0", "eth1", "lo"]);
    } finally {
      await net.here.ip("link set lo multicast off");
    }
  }
});

// ---- Interfaces that come and go ----

/** Takes eth1 and its cable away and lays a new one. */
async function replaceEth1({ lab, here, b }: TwoNetworks) {
  await here.ip("link del eth1");
  await lab.link(
    { host: here, name: "eth1", addresses: ["10.2.0.1/24", "fd02::1/64"] },
    { host: b, name: "eth0", addresses: ["10.2.0.100/24", "fd02::100/64"] },
  );
}

for (const [group, own] of [["239.1.2.3", "10.2.0.1"], ["ff15::1234", "fd02::1"]]) {
  test(`a plain membership of ${group} is gone with its interface`, needs, async () => {
    await using net = await twoNetworks();
    await using plain = await startReceiver(net.here, {
      family: group.includes(":") ? "IPv6" : "IPv4",
      port: 5000,
      join: [`${group}@eth1`],
    });
    const send = (to: string, data: string) =>
      sendFrom(net.b, { to, port: 5000, interface: "eth0", data });
    await send(group, "before");
    assertEquals((await plain.next()).text, "before");
    await replaceEth1(net);
    await send(group, "after");
    await send(own, "marker");
    assertEquals((await plain.next()).text, "marker");
  });

  test(`a membership of ${group} without an interface follows to the new one`, needs, async () => {
    await using net = await twoNetworks();
    await using socket = openUdpSocket({ port: 5000 });
    const membership = socket.join(group);
    const news: string[] = [];
    const again = new Promise<void>((resolve) =>
      membership.addEventListener("change", ({ joined, left }) => {
        news.push(...left.map(({ name }) => `- ${name}`), ...joined.map(({ name }) => `+ ${name}`));
        if (news.includes("+ eth1")) resolve();
      })
    );
    const before = membership.interfaces.find(({ name }) => name === "eth1");
    await replaceEth1(net);
    await within(5_000, again, "the new eth1");
    assertEquals(news.slice(0, 2), ["- eth1", "+ eth1"]);
    const after = membership.interfaces.find(({ name }) => name === "eth1");
    assert(before && after && before.index !== after.index);
    await sendFrom(net.b, { to: group, port: 5000, interface: "eth0", data: "after" });
    const packet = await next(socket);
    assertEquals([textOf(packet), packet.interfaceName], ["after", "eth1"]);
  });
}

// ---- Limits ----

/** Kernels before 6.8 have one value for all network namespaces, which is not for a test to change. */
const OPTION_MEMORY = "/proc/sys/net/core/optmem_max";

test("IPv6 groups are limited by the memory for socket options, and the hint says so", {
  needs: ["lab"],
  skip: !fs.existsSync(OPTION_MEMORY) && "needs Linux 6.8, where each namespace has optmem_max",
}, async () => {
  await using net = await twoNetworks();
  const before = fs.readFileSync(OPTION_MEMORY, "utf8").trim();
  await net.here.sysctl({ "net.core.optmem_max": "4096" });
  try {
    await using socket = openUdpSocket({ family: "IPv6" });
    const join = (number: number) =>
      socket.join(`ff15::${number.toString(16)}`, { interface: "eth0" });
    let count = 0;
    const error = assertThrows(() => {
      while (count < 1000) {
        join(count + 1);
        count++;
      }
    }, SocketError);
    assertEquals(error.code, "ENOMEM");
    // IPv4's limit is 20, whatever memory there is; IPv6's depends on the size of a kernel's record.
    assert(count > 20, `${count} groups`);
    const [, command] = error.hint?.match(/as root: (.*)$/) ?? [];
    assertStringIncludes(command, "sysctl net.core.optmem_max=");
    const [program, ...args] = command.split(" ");
    await net.here.run(program, args);
    join(count + 1);
  } finally {
    await net.here.sysctl({ "net.core.optmem_max": before });
  }
});

// ---- The link-local address ----

test("a TAP device has its link-local address only once a program has opened it", {
  needs: ["lab", "python3", "tun"],
}, async () => {
  await using lab = new Lab({ duplicateAddressDetection: true });
  const { here } = lab;
  await using holder = await startTapHolder(here);
  await here.ip("tuntap add dev tap0 mode tap");
  await here.ip("link set tap0 up");
  const tap = () => interfaces().find(({ name }) => name === "tap0")!;
  assertEquals([tap().up, tap().running, tap().addresses], [true, false, []]);
  // Nor is there a route for groups.
  await using socket = openUdpSocket();
  const send = () => socket.send("x", `[ff02::1234%tap0]:5000`);
  assertEquals((await assertRejects(send, SocketError)).code, "ENETUNREACH");
  const found = waitForLinkLocal("tap0");
  assert(await staysPending(300, found));

  // So that it takes three seconds and not one.
  await here.sysctl({ "net.ipv6.conf.tap0.dad_transmits": "3" });
  await using changes = watchInterfaces();
  await holder.open("tap0");
  const end = performance.now() + 5_000;
  while (tap().addresses.length === 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(tap().addresses.map(({ tentative }) => tentative), [true]);
  // A group has a route by now, but the packet no source.
  assertEquals((await assertRejects(send, SocketError)).code, "EADDRNOTAVAIL");
  const { address, zone, scopeId } = await within(10_000, found, "the link-local address");
  assertEquals([zone, scopeId], ["tap0", tap().index]);
  assertEquals(tap().addresses.map((own) => [own.address, own.tentative]), [[address, false]]);
  await using bound = openUdpSocket({ address: `${address}%tap0` });
  assertEquals(bound.localAddresses[0].address, address);
  await send();

  // Of an address that it makes by itself the kernel tells only now.
  for (;;) {
    const { value } = await within(5_000, changes.next(), "the news of the address");
    if (value === undefined || !("address" in value)) continue;
    assertEquals([value.type, value.address.tentative], ["address-added", false]);
    break;
  }

  // It stays while the interface is up, with or without a carrier.
  await holder.close("tap0");
  assertEquals((await here.show("tap0")).addr_info.map(({ local }) => local), [address]);
  await here.ip("link set tap0 down");
  assertEquals((await here.show("tap0")).addr_info, []);
});
