// A port without `share` is this socket's alone: nobody else binds it, whoever comes first, and nobody hears its datagrams.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocketOptions } from "../../mod.ts";
import { figure } from "../figures.ts";
import { notOn, test } from "../harness.ts";
import { Binder, type BinderOption, NOBODY } from "./binder.ts";
import { at, next, text } from "./support.ts";

type Family = "IPv4" | "IPv6";

/** Our sockets: which addresses are theirs; `null`: all of the family. */
const OURS: { options: UdpSocketOptions; has: Partial<Record<Family, string | null>> }[] = [
  { options: {}, has: { IPv4: null, IPv6: null } },
  { options: { family: "IPv4" }, has: { IPv4: null } },
  { options: { family: "IPv6" }, has: { IPv6: null } },
  { options: { address: "127.0.0.5" }, has: { IPv4: "127.0.0.5" } },
  { options: { address: "::1" }, has: { IPv6: "::1" } },
  { options: { interface: "lo" }, has: { IPv4: null, IPv6: null } },
];

/** The other program's: what it binds to, and which addresses that claims. */
const THEIRS: {
  address: string;
  options: BinderOption[];
  has: Partial<Record<Family, string | null>>;
}[] = [
  { address: "0.0.0.0", options: [], has: { IPv4: null } },
  { address: "127.0.0.5", options: [], has: { IPv4: "127.0.0.5" } },
  { address: "127.0.0.6", options: [], has: { IPv4: "127.0.0.6" } },
  { address: "::", options: ["v6only"], has: { IPv6: null } },
  { address: "::1", options: ["v6only"], has: { IPv6: "::1" } },
  { address: "::", options: [], has: { IPv4: null, IPv6: null } },
  { address: "::ffff:127.0.0.5", options: [], has: { IPv4: "127.0.0.5" } },
];

const SHARING: BinderOption[][] = [[], ["reuseaddr"], ["reuseport"], ["reuseaddr", "reuseport"]];
const DEVICES: BinderOption[][] = [[], ["device"]];

/** Whether the two want an address in common. */
function overlap(a: Partial<Record<Family, string | null>>, b: typeof a): boolean {
  return (["IPv4", "IPv6"] as const).some((family) => {
    const [one, other] = [a[family], b[family]];
    if (one === undefined || other === undefined) return false;
    return one === null || other === null || one === other;
  });
}

/** All the datagrams that a socket of ours is there for reach it, and the other hears none of them. */
async function assertHearsAlone(
  socket: ReturnType<typeof openUdpSocket>,
  has: Partial<Record<Family, string | null>>,
  other: Binder,
  name: string,
): Promise<void> {
  await using sender = openUdpSocket();
  // Where the other has an address of its own only those of ours are tried.
  const targets = [
    ...(has.IPv4 === null ? ["127.0.0.1", "127.0.0.5"] : has.IPv4 ? [has.IPv4] : []),
    ...(has.IPv6 === undefined ? [] : ["::1"]),
  ];
  for (const target of targets) {
    await sender.send(`to ${target}`, at(socket, target));
    assertEquals(text(await next(socket)), `to ${target}`, name);
  }
  assertEquals(await other.read(), [], name);
}

type Ours = (typeof OURS)[number];
type Theirs = (typeof THEIRS)[number];

/** Whoever comes second does not get the port. */
async function assertRefused(
  ours: Ours,
  theirs: Theirs,
  other: Binder,
  options: BinderOption[],
  name: string,
): Promise<void> {
  {
    await using socket = openUdpSocket(ours.options);
    const got = await other.bind(theirs.address, socket.port, options);
    assertEquals(got, "EADDRINUSE", `${name}: we were first`);
  }
  const port = await other.bind(theirs.address, 0, options);
  assert(typeof port === "number", `${name}: ${port}`);
  assertThrows(
    () => openUdpSocket({ ...ours.options, port }),
    SocketError,
    "EADDRINUSE",
    `${name}: they were first`,
  );
  await other.close();
}

/** Both get the port, and nothing of ours reaches them. `false` where somebody else has it. */
async function areApart(
  ours: Ours,
  theirs: Theirs,
  other: Binder,
  options: BinderOption[],
  name: string,
): Promise<boolean> {
  {
    await using socket = openUdpSocket(ours.options);
    if (await other.bind(theirs.address, socket.port, options) !== socket.port) return false;
    await assertHearsAlone(socket, ours.has, other, `${name}: we were first`);
    await other.close();
  }
  const port = await other.bind(theirs.address, 0, options);
  try {
    await using socket = openUdpSocket({ ...ours.options, port: port as number });
    await assertHearsAlone(socket, ours.has, other, `${name}: they were first`);
  } catch (error) {
    if (error instanceof SocketError && error.code === "EADDRINUSE") return false;
    throw error;
  } finally {
    await other.close();
  }
  return true;
}

async function runMatrix(uid?: number): Promise<{ combinations: number; refused: number }> {
  await using other = await Binder.start(uid);
  if (uid !== undefined) assertEquals(other.uid, uid);
  let combinations = 0, refused = 0;
  for (const ours of OURS) {
    for (const theirs of THEIRS) {
      for (const sharing of SHARING) {
        for (const device of DEVICES) {
          const options = [...theirs.options, ...sharing, ...device];
          const name = `${JSON.stringify(ours.options)} and ${theirs.address} ${options}`;
          const taken = overlap(ours.has, theirs.has);
          combinations += 2;
          if (taken) refused += 2;
          if (taken) await assertRefused(ours, theirs, other, options, name);
          // A program that has nothing to do with this may have the port in the other family: then another port.
          else {for (let left = 5; !(await areApart(ours, theirs, other, options, name)); left--) {
              assert(left > 0, `${name}: no port is free`);
            }}
        }
      }
    }
  }
  return { combinations, refused };
}

// 6 sockets of ours × 7 of theirs × 4 ways to share × 2 devices × 2 orders.
const ALL = 672;

test("another program of this user can neither bind an exclusive port nor hear its datagrams", {
  needs: ["linux", "python3", "ipv6"],
  skip: notOn("qemu", "QEMU passes these calls on to the same kernel, 20 times slower"),
}, async () => {
  const { combinations, refused } = await runMatrix();
  assertEquals(combinations, ALL);
  figure("security", "ways to bind an exclusive port, same user", combinations, { exact: true });
  figure("security", "of them refused: an address in common, same user", refused, { exact: true });
});

test("nor can a program of another user", {
  needs: ["linux", "python3", "ipv6", "root"],
  skip: notOn("qemu", "QEMU passes these calls on to the same kernel, 20 times slower"),
}, async () => {
  const { combinations, refused } = await runMatrix(NOBODY);
  assertEquals(combinations, ALL);
  figure("security", "ways to bind an exclusive port, another user", combinations, { exact: true });
  figure("security", "of them refused: an address in common, another user", refused, {
    exact: true,
  });
});
