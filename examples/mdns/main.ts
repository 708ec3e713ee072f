/**
 * Multicast DNS and DNS-SD: what is on this network, on which interface, and what this host offers there.
 *
 *     deno run --allow-ffi examples/mdns/main.ts                              all services
 *     deno run --allow-ffi examples/mdns/main.ts types                        types of services
 *     deno run --allow-ffi examples/mdns/main.ts browse _http._tcp            services of a type
 *     deno run --allow-ffi examples/mdns/main.ts resolve "Dr. Ink._ipp._tcp.local"
 *     deno run --allow-ffi examples/mdns/main.ts query box.local AAAA         one question, once
 *     deno run --allow-ffi examples/mdns/main.ts announce "Dr. Ink" _ipp._tcp 631 rp=ink
 *
 * Options: --interface NAME (may be repeated), --for SECONDS.
 */
// deno-lint-ignore-file no-console

import process from "node:process";
import { parseArgs } from "node:util";
import { MdnsClient } from "./client.ts";
import { browse, endpointOf } from "./discover.ts";
import type { MdnsOptions } from "./link.ts";
import type { QuestionType, Resource } from "./packet.ts";
import { query } from "./query.ts";
import { announce } from "./responder.ts";
import { ALL_TYPES, asName, txtOf } from "./services.ts";

const { values, positionals: [command = "browse", ...operands] } = parseArgs({
  args: process.argv.slice(2),
  options: { interface: { type: "string", multiple: true }, for: { type: "string" } },
  allowPositionals: true,
});

const leave = new AbortController();
process.once("SIGINT", () => leave.abort());
const timer = values.for && setTimeout(() => leave.abort(), Number(values.for) * 1000);
const options: MdnsOptions = {
  interfaces: values.interface,
  signal: leave.signal,
  onError: (error) => console.error(error.message),
};

/** A name may hold anything: nothing of it is to command the terminal. */
function say(...words: string[]): void {
  console.log(words.join("  ").replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd"));
}

function textOf(record: Resource): string {
  switch (record.type) {
    case "SRV":
      return `${record.data.target}:${record.data.port}`;
    case "TXT":
      return JSON.stringify(txtOf(record.data));
    default:
      return String(record.data);
  }
}

async function printServices(types: string[], names: string[]): Promise<void> {
  for await (const { type, service } of browse({ types, names }, options)) {
    const sign = { found: "+", changed: "*", lost: "-" }[type];
    const { link, name, type: kind, host, txt } = service;
    say(sign, link.name, kind, name, endpointOf(service), host, JSON.stringify(txt));
  }
}

async function printTypes(): Promise<void> {
  await using client = new MdnsClient(options);
  client.ask({ name: ALL_TYPES, type: "PTR" });
  for await (const { type, link, record } of client.changes()) {
    if (record.type === "PTR" && record.name.toLowerCase() === ALL_TYPES) {
      say(type === "added" ? "+" : "-", link.name, record.data);
    }
  }
}

async function printAnswers(name: string, type: string): Promise<void> {
  const question = { name: asName(name), type: type.toUpperCase() as QuestionType };
  for await (const { link, source, record } of query(question, options)) {
    say(link.name, source, record.name, record.type, textOf(record));
  }
}

async function offer(name: string, type: string, port: string, pairs: string[]): Promise<void> {
  const txt = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
  for await (
    const { instance, host } of announce({ name, type, port: Number(port), txt }, options)
  ) {
    say(`announced ${instance.replaceAll("\\.", ".")} at ${host}:${port}`);
  }
}

async function run(): Promise<void> {
  switch (command) {
    case "types":
      return await printTypes();
    case "browse":
      return await printServices(operands, []);
    case "resolve":
      return await printServices([], operands);
    case "query":
      return await printAnswers(operands[0] ?? "", operands[1] ?? "ANY");
    case "announce":
      return await offer(operands[0] ?? "", operands[1], operands[2], operands.slice(3));
    default:
      throw new TypeError(`${command}? Say types, browse, resolve, query or announce`);
  }
}

try {
  await run();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
}
