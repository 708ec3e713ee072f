/**
 * Finds computers, printers and cameras by WS-Discovery, on every interface.
 *
 *     deno run --allow-ffi examples/wsd/main.ts [--for SECONDS] [--json] [--interface NAME]…
 *
 * With --allow-net a device is asked for its name; otherwise it is called by its identifier.
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import { lineOf } from "../shared/lines.ts";
import { discover } from "./discover.ts";

const { values } = parseArgs({
  options: {
    for: { type: "string" },
    json: { type: "boolean" },
    interface: { type: "string", multiple: true },
  },
});
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());
process.once("SIGTERM", () => leave.abort());
const timer = values.for === undefined
  ? undefined
  : setTimeout(() => leave.abort(), Number(values.for) * 1000);
const findings = discover({
  interfaces: values.interface,
  signal: leave.signal,
  onError: (error) => console.error(error.message),
});
for await (const found of findings) {
  console.log(values.json ? JSON.stringify(found) : lineOf(found));
}
clearTimeout(timer);
