// `interfaces()` against what iproute2 says of the same host.
import { assert, assertEquals } from "@std/assert";
import { System } from "../../ffi/syscalls.ts";
import { system } from "../../ffi/system.ts";
import { listInterfaces } from "../../interfaces/list.ts";
import { interfaces } from "../../mod.ts";
import { test } from "../harness.ts";
import { fromIp, inOrder, withoutNetlink } from "../iproute2.ts";
import { Lab } from "./lab.ts";
import { twoNetworks } from "./topologies.ts";
import "./sockets.ts"; // loads the library before the first test

/** What there is, and what `interfaces()` makes of it; and what is left of that without netlink. */
async function compare(lab: Lab) {
  const { platform, runtime, library } = system();
  const bare = new System({ ...platform, netlink: null }, runtime, library);
  let text = await lab.ip("-j addr show");
  for (;;) {
    const [whole, rest] = [inOrder(interfaces()), inOrder(listInterfaces(bare))];
    const before = text;
    text = await lab.ip("-j addr show");
    // The kernel may change an address on its own (the end of duplicate detection): between two equal answers it did not.
    if (text !== before) continue;
    const expected = fromIp(text);
    assertEquals(whole, expected);
    assertEquals(rest, withoutNetlink(expected));
    return expected;
  }
}

test("interfaces() says what ip(8) says", { needs: ["lab"] }, async () => {
  await using net = await twoNetworks();
  await net.here.batch([
    "addr add 10.7.0.1/25 broadcast + label eth0:1 dev eth0",
    "addr add 10.6.0.1 peer 10.6.0.2/32 dev eth1",
    "addr add 10.6.1.1/31 dev eth1",
    "addr add 127.5.5.5/32 dev lo",
    "addr add fd77::1/128 dev lo nodad",
    "link add quiet0 type veth peer name quiet1",
    "link set quiet0 up",
    "link set quiet1 multicast off",
    "link add br0 type bridge",
  ]);
  await net.here.addAddresses("quiet1", ["10.8.0.1/16", "fd08::1/48"]);
  await compare(net.lab);
  const quiet = interfaces().find(({ name }) => name === "quiet1");
  assertEquals([quiet?.up, quiet?.running, quiet?.multicast], [false, false, false]);
  await net.here.ip("link del quiet0");
  await net.here.ip("addr del 10.7.0.1/25 dev eth0");
  await compare(net.lab);
});

test("two hundred interfaces with all kinds of addresses", { needs: ["lab"] }, async () => {
  await using lab = new Lab({ duplicateAddressDetection: true });
  const numbers = Array.from({ length: 100 }, (_, number) => number);
  await lab.here.batch(numbers.map((n) => `link add many${n} type veth peer name other${n}`));
  for (const n of numbers.filter((n) => n % 10 === 7)) {
    await lab.here.sysctl({ [`net.ipv6.conf.many${n}.use_tempaddr`]: "2" });
  }
  /** By the last digit of the number: what is special about the interface. */
  const kinds: ((n: number) => string[])[] = [
    (n) => [`addr add 10.20.${n}.1/24 broadcast 10.20.${n}.77 dev many${n}`],
    (n) => [
      `addr add 10.20.${n}.1/24 broadcast + dev many${n} preferred_lft 0 valid_lft 1000`,
      `addr add 10.20.${n}.2/24 dev many${n}`,
      `addr add 10.20.${n}.1/28 dev many${n}`,
    ],
    (n) => [
      `addr add 10.20.${n}.1 peer 10.30.${n}.1/32 dev many${n}`,
      `addr add fd20:${n}::1 peer fd30:${n}::1/128 dev many${n} nodad`,
    ],
    // The other end is down: without carrier an address stays tentative.
    (n) => [`link set other${n} down`, `addr add fd20:${n}::1/64 dev many${n}`],
    // The other end has it already.
    (n) => [
      `addr add fd20:${n}::1/64 dev other${n} nodad`,
      `addr add fd20:${n}::1/64 dev many${n}`,
    ],
    (n) => [`addr add fd20:${n}::1/64 dev many${n} nodad preferred_lft 0 valid_lft 1000`],
    (n) => [`link set many${n} mtu ${1300 + n} multicast off`],
    (n) => [`addr add fd20:${n}::1/64 dev many${n} mngtmpaddr nodad`],
    (n) => [`link set many${n} down`, `addr add 10.20.${n}.1/31 dev many${n}`],
    (
      n,
    ) => [`link set many${n} down`, `link set many${n} name ${`m.${n}-abcdefghijkl`.slice(0, 15)}`],
  ];
  await lab.here.batch(numbers.flatMap((n) => [
    `link set other${n} up`,
    `link set many${n} up`,
    ...kinds[n % 10](n),
  ]));
  // Duplicate address detection has come to its end wherever it can.
  const settled = (text: string) =>
    fromIp(text).every(({ running, addresses }) =>
      !running || addresses.every(({ tentative, duplicate }) => !tentative || duplicate)
    );
  for (let text = ""; text === "" || !settled(text);) text = await lab.ip("-j addr show");
  const list = await compare(lab);
  assert(list.length >= 201);
  // All kinds were there.
  const all = list.flatMap(({ addresses }) => addresses);
  for (const kind of ["tentative", "duplicate", "temporary", "deprecated"] as const) {
    assertEquals(all.filter((own) => own[kind]).length >= 10, true, kind);
  }
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    interfaces();
    return performance.now() - start;
  });
  const best = Math.min(...times);
  assert(best < 200, `interfaces() took ${best.toFixed(1)} ms for ${list.length} interfaces`);
});
