// The mDNS example as a program: what it prints is what its README shows.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import process from "node:process";
import { test, within } from "../harness.ts";
import { runProgram, startProgram } from "../kernel/support.ts";
import { noAvahi, startAvahi } from "./avahi.ts";
import { twoNetworks } from "./topologies.ts";

const MAIN = "../../examples/mdns/main.ts";
const SERVICE = { name: "Dr. Ink", type: "_ipp._tcp", port: 631, txt: ["rp=ink"] };

/** Runs it to its end; its lines without double spaces. */
async function linesOf(...args: string[]): Promise<string[]> {
  const output = await runProgram(MAIN, ["--allow-ffi"], ...args);
  return output.split("\n").map((line) => line.replaceAll("  ", " "));
}

test("it prints what the README shows, with no more permission than to call the system", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  await using a = await startAvahi(net.a, "box", [SERVICE]);
  const name = "Dr. Ink._ipp._tcp.local";
  await using program = await startProgram(MAIN, ["--allow-ffi"], "resolve", name);
  const next = async (isIt: (line: string) => boolean) => {
    for (;;) {
      const line = await program.nextLine();
      if (isIt(line)) return line;
    }
  };
  // What belongs together may come in several packets.
  const found = await next((line) => line.includes("10.1.0.100:631") && line.includes("rp"));
  await a.daemon.stop();
  const lost = await next((line) => line.startsWith("-"));
  const readme = fs.readFileSync(new URL("../../examples/README.md", import.meta.url), "utf8");
  assertStringIncludes(readme, `+${found.slice(1)}\n${lost}\n`);
  // Not by the method of `program`, which on Deno tells the signal whatever the program made of it.
  process.kill(program.pid, "SIGINT");
  assertEquals(await within(5_000, program.ended, "the end of the program"), "0");
});

test("it tells types, asks once, and says what is wrong without a trace of calls", {
  needs: ["lab"],
  skip: noAvahi,
}, async () => {
  await using net = await twoNetworks();
  await using _a = await startAvahi(net.a, "box", [SERVICE]);
  const [types, addresses, places] = await Promise.all([
    linesOf("types", "--for", "3"),
    linesOf("query", "box.local", "a", "--for", "2"),
    linesOf("query", "Dr. Ink._ipp._tcp.local", "SRV", "--for", "2"),
  ]);
  assertEquals(types, ["+ eth0 _ipp._tcp.local"]);
  assertEquals(addresses, ["eth0 10.1.0.100:5353 box.local A 10.1.0.100"]);
  const place = "Dr. Ink._ipp._tcp.local SRV box.local:631";
  assert(places.some((line) => line.replace("\\.", ".").endsWith(place)), places.join("\n"));
  for (
    const [args, why] of [
      [["query", "box.local", "FOO"], '"FOO" is none of'],
      [["browse", "http"], 'is like "_http._tcp"'],
      [["announce", "x", "_http._tcp"], "a port is an integer"],
      [["browse", "--interface", "nope"], "no such interface"],
      [["what"], "Say types, browse"],
    ] as const
  ) {
    const { message } = await assertRejects(() => linesOf(...args), Error);
    assertStringIncludes(message, why);
    assert(!message.includes("    at "), message);
  }
});
