/**
 * Finds EPICS PV Access servers, and who serves a PV: its identity, its address, and the interface by which it
 * answered. `serve` answers such searches itself, from the address that was asked.
 *
 *     deno run --allow-ffi --allow-env examples/pva/main.ts search NAME …  # who serves these? 5 seconds
 *     deno run --allow-ffi --allow-env examples/pva/main.ts servers        # who is there? until Ctrl-C
 *     deno run --allow-ffi --allow-env examples/pva/main.ts serve NAME …   # claim to serve these
 *
 * EPICS_PVA_ADDR_LIST, EPICS_PVA_AUTO_ADDR_LIST and EPICS_PVA_BROADCAST_PORT say whom to ask, as everywhere
 * in EPICS: `EPICS_PVA_ADDR_LIST="10.1.1.1 224.0.2.3,255@192.168.1.1 [ff02::42:1],1@br0"`. `--little` asks, or
 * answers, in little-endian byte order.
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { interfaces } from "../../mod.ts";
import { searchTargets } from "./addresses.ts";
import type { Dropped } from "./ask.ts";
import { serve } from "./responder.ts";
import { search } from "./search.ts";
import { servers } from "./servers.ts";

const [command, ...words] = process.argv.slice(2);
const names = words.filter((word) => word !== "--little");
const byteOrder = words.includes("--little") ? "little" : "big";
const onError = (error: Error) => console.error(error.message);

const leave = new AbortController();
process.once("SIGINT", () => leave.abort());

const { EPICS_PVA_ADDR_LIST, EPICS_PVA_AUTO_ADDR_LIST, EPICS_PVA_BROADCAST_PORT } = process.env;
const environment = { EPICS_PVA_ADDR_LIST, EPICS_PVA_AUTO_ADDR_LIST, EPICS_PVA_BROADCAST_PORT };
const look = () => searchTargets(environment, interfaces());
const { port, errors } = look();
errors.forEach(onError);
const targets = () => look().targets;

if (command === "search" && names.length > 0) {
  const dropped: Dropped = { malformed: 0, unasked: 0 };
  const timer = setTimeout(() => leave.abort(), 5_000);
  const missing = new Set(names);
  const options = { targets, byteOrder, onError, dropped, signal: leave.signal } as const;
  for await (const answer of search(names, options)) {
    missing.delete(answer.name);
    console.log(`${answer.name}  ${answer.address} on ${answer.interface}  guid ${answer.guid}`);
  }
  clearTimeout(timer);
  for (const name of missing) console.log(`${name}  nobody answered`);
  if (dropped.malformed + dropped.unasked > 0) {
    console.log(
      `(dropped: ${dropped.malformed} malformed, ${dropped.unasked} that nobody asked for)`,
    );
  }
  process.exitCode = missing.size > 0 ? 1 : 0;
} else if (command === "servers") {
  const options = { targets, port, byteOrder, onError, signal: leave.signal } as const;
  for await (const { type, server } of servers(options)) {
    console.log(`${type}  ${server.address} on ${server.interface}  guid ${server.guid}`);
  }
} else if (command === "serve" && names.length > 0) {
  const options = { names, port, byteOrder, onError, beaconTargets: targets() } as const;
  await serve({ ...options, signal: leave.signal }, (port) => console.log(`answering on ${port}`));
} else {
  console.error("usage: main.ts search NAME … | servers | serve NAME …   [--little]");
  process.exitCode = 2;
}
