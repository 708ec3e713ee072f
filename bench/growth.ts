// deno task bench:growth: what listing, joining everywhere and following cost as interfaces and groups become many.
//
// Runs in a network namespace of its own, with up to 500 interfaces. "kernel" is the time inside setsockopt, which is
// the kernel's (it keeps a socket's memberships in one list, so it is quadratic there); "ours" is all the rest.
import { interfaceFollowing } from "../interfaces/follow.ts";
import { interfaces } from "../mod.ts";
import { inNamespace } from "../scripts/namespace.ts";
import { System } from "../ffi/syscalls.ts";
import { system } from "../ffi/system.ts";
import { openWith } from "../socket/open.ts";
import { checkOptions } from "../socket/options.ts";
import type { UdpSocket } from "../socket/udp_socket.ts";
import { ip, print } from "./common.ts";

/** The real system, with a clock on setsockopt; or one whose kernel does nothing at all. */
function measured(real: boolean) {
  const here = system();
  const { setsockopt } = here.library.symbols;
  const clock = { kernelMs: 0, calls: 0 };
  const symbols = {
    ...here.library.symbols,
    setsockopt: (...args: unknown[]) => {
      clock.calls++;
      if (!real) return 0;
      const start = performance.now();
      const result = setsockopt(...args);
      clock.kernelMs += performance.now() - start;
      return result;
    },
  };
  const library = {
    symbols,
    errno: () => here.library.errno(),
    callBlocking: here.library.callBlocking.bind(here.library),
    callBriefly: here.library.callBriefly,
  };
  return { system: new System(here.platform, here.runtime, library), clock };
}

let made = 0;
/** Makes interfaces until there are so many that can do multicast and are up. */
async function grow(count: number): Promise<void> {
  const commands: string[] = [];
  for (; made < count; made += 2) {
    commands.push(`link add m${made} type veth peer name m${made + 1}`);
    commands.push(`link set m${made} up`, `link set m${made + 1} up`);
  }
  await ip(commands);
}

function group(family: string, n: number): string {
  return family === "IPv4" ? `239.1.${n >> 8}.${n & 255}` : `ff05::1:${n.toString(16)}`;
}

/** Joins groups on every interface and leaves them one by one by name. */
async function joins(family: "IPv4" | "IPv6", links: number, groups: number, real: boolean) {
  const { system, clock } = measured(real);
  const socket = openWith(system, checkOptions({ family, deliver: "joined" }));
  const start = performance.now();
  for (let n = 0; n < groups; n++) {
    const { interfaces, failed } = socket.join(group(family, n));
    if (interfaces.length !== links) {
      throw new Error(`joined on ${interfaces.length}: ${failed[0]?.error}`);
    }
  }
  const joined = performance.now() - start;
  const kernelMs = clock.kernelMs;
  const begin = performance.now();
  for (let n = 0; n < groups; n++) socket.leave(group(family, n));
  const left = performance.now() - begin;
  const memberships = links * groups;
  const each = (ms: number) => (1000 * ms / memberships).toFixed(2).padStart(8);
  print(
    `${family} ${String(links).padStart(5)} ${String(groups).padStart(6)} ${
      String(memberships).padStart(8)
    }   ${real ? "real" : "none"}  ${each(joined - kernelMs)} ${each(kernelMs)} ${
      each(left - (clock.kernelMs - kernelMs))
    } ${each(clock.kernelMs - kernelMs)}`,
  );
  await socket.close();
}

/** The time from the kernel's news of one more interface until all groups are joined on it. */
async function follows(family: "IPv4" | "IPv6", links: number, groups: number) {
  const { system, clock } = measured(false);
  const socket: UdpSocket = openWith(system, checkOptions({ family }));
  const memberships = Array.from({ length: groups }, (_, n) => socket.join(group(family, n)));
  const last = memberships[groups - 1];
  clock.calls = 0;
  // Synchronously, so that nothing is followed before the clock runs.
  for (const command of ["link add x0 type veth peer name x1", "link set x0 up"]) {
    new Deno.Command("ip", { args: command.split(" ") }).outputSync();
  }
  const start = performance.now();
  // What has come is read and followed in this call.
  interfaceFollowing(system).now();
  const took = performance.now() - start;
  if (!last.interfaces.some(({ name }) => name === "x0")) throw new Error("x0 was not followed");
  print(
    `${family} ${String(links).padStart(5)} ${String(groups).padStart(6)}   ${
      took.toFixed(1).padStart(7)
    } ms   ${(1000 * took / groups).toFixed(2).padStart(6)}   ${clock.calls}`,
  );
  await socket.close();
  await ip(["link del x0"]);
}

async function main(): Promise<void> {
  // The kernel's own limits are not what is measured here.
  Deno.writeTextFileSync("/proc/sys/net/ipv4/igmp_max_memberships", "10000000");
  Deno.writeTextFileSync("/proc/sys/net/core/optmem_max", "1000000000");
  const sizes = [50, 100, 200, 500];
  const listings: string[] = [];
  print("joining on every interface, then leaving by group; µs a membership");
  print("family links groups    total kernel    join:    kernel    leave:   kernel");
  for (const links of sizes) {
    await grow(links);
    interfaces();
    const start = performance.now();
    for (let i = 0; i < 10; i++) interfaces();
    const ms = (performance.now() - start) / 10;
    listings.push(
      `${String(links).padStart(5)}  ${ms.toFixed(2).padStart(6)} ms  ${
        (1000 * ms / links).toFixed(2)
      } µs an interface`,
    );
    for (const family of ["IPv4", "IPv6"] as const) {
      for (const groups of [10, 1000]) await joins(family, links, groups, false);
    }
    await joins("IPv4", links, 10, true);
  }
  print("\none more interface comes: following it in all groups");
  print("family links groups      took      µs a group   setsockopt calls");
  for (const groups of [10, 100, 1000]) {
    for (const family of ["IPv4", "IPv6"] as const) await follows(family, made, groups);
  }
  print("\ninterfaces()");
  for (const line of listings) print(line);
}

if (Deno.env.get("PKTINFO_GROWTH") === "1") await main();
else {
  const [program, ...args] = inNamespace([
    Deno.execPath(),
    ...["run", "--allow-all", import.meta.filename!],
  ]);
  const { code } = await new Deno.Command(program, { args, env: { PKTINFO_GROWTH: "1" } }).spawn()
    .status;
  Deno.exit(code);
}
