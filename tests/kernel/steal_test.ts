// What sharing a port gives away on Linux: who else can bind it, and to whom unicasts go then.
import { assert, assertEquals } from "@std/assert";
import { openUdpSocket, SocketError, type UdpSocket, type UdpSocketOptions } from "../../mod.ts";
import { figure } from "../figures.ts";
import { notOn, test } from "../harness.ts";
import { Binder, type BinderOption, NOBODY } from "./binder.ts";
import { at } from "./support.ts";

const UNICASTS = 8;
const OURS: UdpSocketOptions[] = [
  { share: true },
  { reusePort: true },
  { share: true, reusePort: true },
];
const SHARING: BinderOption[][] = [[], ["reuseaddr"], ["reuseport"], ["reuseaddr", "reuseport"]];
const ADDRESSES = [undefined, "127.0.0.5"];

/** Opens both in one order; `null` where the second is refused. */
async function openBoth(
  ours: UdpSocketOptions,
  address: string,
  sharing: BinderOption[],
  other: Binder,
  weAreFirst: boolean,
): Promise<UdpSocket | null> {
  if (weAreFirst) {
    const socket = openUdpSocket(ours);
    const got = await other.bind(address, socket.port, sharing);
    if (got === socket.port) return socket;
    await socket.close();
    assertEquals(got, "EADDRINUSE");
    return null;
  }
  const port = await other.bind(address, 0, sharing);
  assert(typeof port === "number");
  try {
    return openUdpSocket({ ...ours, port });
  } catch (error) {
    assert(error instanceof SocketError && error.code === "EADDRINUSE", `${error}`);
    return null;
  }
}

/** How many unicasts from ports of their own the other program gets. */
async function stolen(socket: UdpSocket, other: Binder): Promise<number> {
  for (let i = 0; i < UNICASTS; i++) {
    await using sender = openUdpSocket({ family: "IPv4" });
    await sender.send("unicast", at(socket, "127.0.0.5"));
  }
  return (await other.read()).length;
}

async function runMatrix(uid?: number): Promise<{ combinations: number; taken: number }> {
  await using other = await Binder.start(uid);
  const sameUser = uid === undefined;
  let combinations = 0, taken = 0;
  for (const options of OURS) {
    for (const own of ADDRESSES) {
      for (const sharing of SHARING) {
        for (const theirs of ADDRESSES) {
          for (const weAreFirst of [true, false]) {
            combinations++;
            const ours = { ...options, family: "IPv4" as const, address: own };
            const name = `${JSON.stringify(ours)}, ${theirs ?? "wildcard"} ${sharing}, ` +
              (weAreFirst ? "we were first" : "they were first");
            const inGroup = options.reusePort && sharing.includes("reuseport") && sameUser;
            const mayBind = options.share && sharing.includes("reuseaddr") || inGroup;
            await using socket = await openBoth(
              ours,
              theirs ?? "0.0.0.0",
              sharing,
              other,
              weAreFirst,
            );
            // socket(7): SO_REUSEADDR asks for no user, SO_REUSEPORT for the same one.
            assertEquals(socket !== null, !!mayBind, name);
            if (socket !== null) {
              const count = await stolen(socket, other);
              if (theirs !== own) {
                // An address goes before the wildcard, whoever came first.
                assertEquals(count, theirs === undefined ? 0 : UNICASTS, name);
              } else if (!inGroup) {
                // Of equals the last one gets them.
                assertEquals(count, weAreFirst ? UNICASTS : 0, name);
              }
              if (count > 0) taken++;
            }
            await other.close();
          }
        }
      }
    }
  }
  return { combinations, taken };
}

// 3 sockets of ours × 2 addresses × 4 ways to share × 2 addresses × 2 orders.
const ALL = 96;

test(
  "on a shared port unicasts go to the address before the wildcard, then to the last; in a reusePort group to each in turn",
  {
    needs: ["linux", "python3"],
    skip: notOn("qemu", "QEMU passes these calls on to the same kernel, 20 times slower"),
  },
  async () => {
    assertEquals((await runMatrix()).combinations, ALL);
    figure("security", "ways to bind a shared port, same user", ALL, { exact: true });
  },
);

test("with share another user takes the unicasts, with reusePort alone he cannot bind the port", {
  needs: ["linux", "python3", "root"],
  skip: notOn("qemu", "QEMU passes these calls on to the same kernel, 20 times slower"),
}, async () => {
  const { combinations, taken } = await runMatrix(NOBODY);
  assertEquals(combinations, ALL);
  figure("security", "ways to bind a shared port, another user", combinations, { exact: true });
  figure("security", "of them with our unicasts taken by another user", taken, { exact: true });
});
