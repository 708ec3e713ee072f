/**
 * LLMNR: who has a name on which network, and answering for one.
 *
 *     deno run --allow-ffi examples/llmnr/main.ts box
 *     deno run --allow-ffi examples/llmnr/main.ts --answer mybox
 *
 * Options: --interface NAME (may be repeated).
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import { lookup } from "./lookup.ts";
import { answerFor } from "./responder.ts";

const { values, positionals: [name] } = parseArgs({
  args: process.argv.slice(2),
  options: { answer: { type: "string" }, interface: { type: "string", multiple: true } },
  allowPositionals: true,
});
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());
const options = {
  interfaces: values.interface,
  signal: leave.signal,
  onError: (error: Error) => console.error(error.message),
};

if (values.answer !== undefined) {
  for await (const on of answerFor(values.answer, options)) console.log(`asked on ${on}`);
} else if (name !== undefined) {
  process.exitCode = 1;
  for await (const { address, interface: on, source } of lookup(name, options)) {
    console.log(`${name} is ${address} on ${on}, says ${source}`);
    process.exitCode = 0;
  }
} else {
  console.error("say a name to look up, or --answer and a name to answer for");
  process.exitCode = 2;
}
