// The lab itself: if its wires are wrong, no test in it means anything. Python at both ends, the library at none.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import os from "node:os";
import { test } from "../harness.ts";
import { capture } from "./capture.ts";
import { Lab } from "./lab.ts";
import { request, sendFrom, startClient, startReceiver } from "./peers.ts";
import { lan, twoNetworks } from "./topologies.ts";

test("a lab starts empty and leaves nothing behind", { needs: ["lab"] }, async () => {
  // Some kernels put tunnel devices (sit0, tunl0) into every namespace: compare instead of expecting lo alone.
  const links = async () => {
    await using lab = new Lab();
    const list: { ifname: string }[] = JSON.parse(await lab.ip("-j link show"));
    return list.map((link) => link.ifname);
  };
  const before = await links();
  for (let turn = 0; turn < 2; turn++) {
    await using net = await twoNetworks();
    assertEquals(Object.keys(os.networkInterfaces()).sort(), ["eth0", "eth1", "lo"]);
    assertEquals((await net.lab.ip("netns list")).match(/^\w+/gm)?.sort(), ["a", "b"]);
  }
  assertEquals(await links(), before);
  assertEquals(await new Lab().ip("netns list"), "");
});

test("two networks: every address answers, on its own interface", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  const { here, a, b } = net;
  const cases = [
    { host: a, bind: "0.0.0.0", from: "10.1.0.1", to: "10.1.0.100" },
    { host: a, bind: "0.0.0.0", from: "10.1.0.2", to: "10.1.0.100" },
    { host: a, bind: "::", from: "fd01::2", to: "fd01::100" },
    { host: b, bind: "0.0.0.0", from: "10.2.0.1", to: "10.2.0.100" },
    { host: b, bind: "::", from: "fd02::1", to: "fd02::100" },
  ];
  for (const { host, bind, from, to } of cases) {
    await using receiver = await startReceiver(host, { bind, echo: true });
    const answer = await request(here, {
      to,
      port: receiver.port,
      source: from,
      data: "ping",
      connect: true,
      hops: 7,
      trafficClass: 0x28,
    });
    assertEquals([answer.text, answer.source.address, answer.destination], [
      "ping",
      to,
      from,
    ]);
    assertEquals(answer.interfaceName, host === a ? "eth0" : "eth1");
    const seen = await receiver.next();
    assertEquals(seen.source.address, from);
    assertEquals(seen.destination, to);
    assertEquals([seen.interfaceName, seen.interfaceIndex], [
      "eth0",
      await host.index("eth0"),
    ]);
    assertEquals([seen.hops, seen.trafficClass, seen.text, seen.length], [
      7,
      0x28,
      "ping",
      4,
    ]);
  }
});

test("two networks: nothing crosses from one to the other", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await twoNetworks();
  await using onB = await startReceiver(net.b, {
    port: 5000,
    join: ["239.1.2.3@eth0"],
  });
  await sendFrom(net.here, {
    to: "239.1.2.3",
    port: 5000,
    interface: "eth0",
    data: "to A",
  });
  await sendFrom(net.here, {
    to: "239.1.2.3",
    port: 5000,
    interface: "eth1",
    data: "to B",
  });
  const seen = await onB.next();
  assertEquals([seen.text, seen.source.address, seen.destination], [
    "to B",
    "10.2.0.1",
    "239.1.2.3",
  ]);
});

test(
  "link-local addresses are usable at once",
  { needs: ["lab", "python3"] },
  async () => {
    await using net = await twoNetworks();
    const theirs = await net.b.linkLocal("eth0");
    const ours = await net.here.linkLocal("eth1");
    await using receiver = await startReceiver(net.b, { bind: "::" });
    await sendFrom(net.here, {
      to: `${theirs}%eth1`,
      port: receiver.port,
      source: ours,
      data: "x",
      interface: "eth1",
    });
    const seen = await receiver.next();
    assertEquals(seen.source.address, ours);
    assertEquals(seen.source.scope, await net.b.index("eth0"));
    assertEquals(seen.destination, theirs);
  },
);

test("a LAN: multicast and broadcast reach every host that asks for them", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await lan(3);
  const [here, first, second] = net.hosts;
  for (
    const [bind, group, source] of [["0.0.0.0", "239.1.2.3", "10.3.0.2"], [
      "::",
      "ff15::1234",
      "fd03::2",
    ]]
  ) {
    await using atHere = await startReceiver(here, {
      bind,
      port: 5000,
      join: [`${group}@eth0`],
    });
    await using atSecond = await startReceiver(second, {
      bind,
      port: 5000,
      join: [`${group}@eth0@${source}`],
    });
    const options = {
      to: group,
      port: 5000,
      interface: "eth0",
      source,
      hops: 3,
    };
    await sendFrom(first, { ...options, data: "all" });
    for (const receiver of [atHere, atSecond]) {
      const seen = await receiver.next();
      assertEquals([seen.text, seen.destination, seen.hops], ["all", group, 3]);
      assertEquals(seen.source.address, source);
    }
  }
  await using everybody = await startReceiver(second, { port: 5001 });
  await sendFrom(here, {
    to: "10.3.0.255",
    port: 5001,
    broadcast: true,
    data: "hello",
  });
  assertEquals((await everybody.next()).destination, "10.3.0.255");
});

test("a client reports a refused request and one that nobody answers", {
  needs: ["lab", "python3"],
}, async () => {
  await using net = await lan(2);
  await using refused = await startClient(net.hosts[1], {
    to: "10.3.0.1",
    port: 9,
    connect: true,
  });
  assertEquals(await refused.answer(), "refused");
  await using silent = await startReceiver(null, { port: 5000 });
  await using ignored = await startClient(net.hosts[1], {
    to: "10.3.0.1",
    port: silent.port,
    timeout: 0.2,
  });
  assertEquals(await ignored.answer(), "timeout");
});

test(
  "tshark sees what is on the wire",
  { needs: ["lab", "python3", "tshark"] },
  async () => {
    await using net = await twoNetworks();
    await using wire = await capture(
      net.here,
      ["eth0", "eth1"],
      "udp port 5353",
    );
    const common = {
      port: 5353,
      sourcePort: 5353,
      data: "abc",
      trafficClass: 0x20,
      hops: 9,
    };
    await sendFrom(net.here, {
      ...common,
      to: "224.0.0.251",
      interface: "eth1",
      source: "10.2.0.1",
    });
    await sendFrom(net.a, { ...common, to: "fd01::2", source: "fd01::100" });
    const frames = [await wire.next(), await wire.next()];
    // Several interfaces come in no particular order.
    const [second, first] = frames.sort((x, y) => x.interface < y.interface ? -1 : 1);
    assertEquals(
      [first, second].map((
        frame,
      ) => [frame.interface, frame.family, frame.source, frame.destination]),
      [["eth1", "IPv4", "10.2.0.1", "224.0.0.251"], [
        "eth0",
        "IPv6",
        "fd01::100",
        "fd01::2",
      ]],
    );
    for (const frame of [first, second]) {
      assertEquals([frame.hops, frame.trafficClass, frame.length, frame.text], [
        9,
        0x20,
        3,
        "abc",
      ]);
      assertEquals([frame.sourcePort, frame.destinationPort], [5353, 5353]);
    }
    assertEquals(first.macDestination, "01:00:5e:00:00:fb");
    assertEquals(await wire.stop(), []);
  },
);

test(
  "failures name the command and what it said",
  { needs: ["lab"] },
  async () => {
    await using lab = new Lab();
    const host = await lab.host("alone");
    const error = await assertRejects(
      () => host.ip("addr add 10.0.0.1/24 dev nowhere"),
      Error,
      "nowhere",
    );
    assertStringIncludes(
      error.message,
      "ip -n alone addr add 10.0.0.1/24 dev nowhere",
    );
    await assertRejects(
      () => lab.here.run("no-such-program", []),
      Error,
      "no-such-program",
    );
    await assertRejects(
      () => lab.here.run("sleep", ["20"], { timeout: 50 }),
      Error,
      "sleep 20: the end of",
    );
    await using program = await host.spawn("sh", [
      "-c",
      "echo one; echo two >&2; exit 3",
    ]);
    assertEquals(await program.nextLine(), "one");
    const ended = await assertRejects(
      () => program.nextLine(),
      Error,
      "ended with 3",
    );
    assertStringIncludes(ended.message, "two");
  },
);

test("programs are gone when the lab is", { needs: ["lab"] }, async () => {
  const lab = new Lab();
  const program = await (await lab.host("busy")).spawn("sleep", ["1000"]);
  await lab[Symbol.asyncDispose]();
  assertEquals(await program.ended, "SIGKILL");
  assert(
    !(await new Lab().here.run("ps", ["-e", "-o", "args"])).includes(
      "sleep 1000",
    ),
  );
});

test("a host may do duplicate address detection, or have no IPv6", {
  needs: ["lab"],
}, async () => {
  await using lab = new Lab();
  const slow = await lab.host("slow", { duplicateAddressDetection: true });
  const old = await lab.host("old", { disableIPv6: true });
  await lab.link({ host: slow, name: "eth0", addresses: ["fd04::1/64"] }, {
    host: old,
    name: "eth0",
  });
  const addresses = (await slow.show("eth0")).addr_info;
  assert(addresses.some((entry) => entry.tentative));
  assertEquals((await old.show("eth0")).addr_info, []);
});
