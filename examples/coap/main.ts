/**
 * Finds CoAP servers (sensors, lamps) on every interface, and what they have.
 *
 *     deno run --allow-ffi examples/coap/main.ts [--for SECONDS] [--json] [--interface NAME]…
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import { findServers } from "./find.ts";

const { values } = parseArgs({
  options: {
    for: { type: "string", default: "6" },
    json: { type: "boolean" },
    interface: { type: "string", multiple: true },
  },
});
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());
const timer = setTimeout(() => leave.abort(), Number(values.for) * 1000);
const servers = findServers({
  interfaces: values.interface,
  signal: leave.signal,
  onError: (error) => console.error(error.message),
});
for await (const server of servers) {
  const { address, interface: on, links } = server;
  if (values.json) console.log(JSON.stringify(server));
  else {
    console.log(`${address}  on ${on}`);
    for (const { path, attributes } of links) {
      const words = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
      console.log(`  ${[path, ...words].join("  ")}`);
    }
  }
}
clearTimeout(timer);
