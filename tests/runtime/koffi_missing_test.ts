// What Node and Bun say where koffi cannot be had: one error, with what to do.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { notUnder, runtime, test } from "../harness.ts";
import { runBesideCopy } from "./copy.ts";

/** What importing needs nothing for, and the first socket koffi. */
const PROGRAM = `
import { openUdpSocket, SocketAddress } from "./mod.js";
SocketAddress.parse("192.0.2.1:5");
try {
  openUdpSocket();
  console.log("opened");
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
`;

/** Tries it with a copy of the library beside such modules as `arrange` leaves. */
function attempt(options: string[], arrange: (modules: string) => void): {
  code: string;
  message: string;
} {
  const said = runBesideCopy(PROGRAM, options, arrange);
  assertMatch(said, /^\{/);
  return JSON.parse(said);
}

const major = Number(process.versions.node?.split(".")[0]);
const here = `${process.platform}-${process.arch}`;
const onNode = notUnder("bun", "Bun has no such option");
const without = notUnder("deno", "Deno needs no koffi");

const cases: [
  what: string,
  skip: string | false,
  options: string[],
  arrange: (modules: string) => void,
  says: string[],
][] = [
  [
    "koffi is not installed",
    without,
    // Bun would fetch it.
    runtime === "bun" ? ["--no-install"] : [],
    (modules) => fs.rmSync(modules, { recursive: true }),
    ["npm install koffi"],
  ],
  [
    "koffi has no binary for this machine",
    without,
    [],
    (modules) => fs.rmSync(path.join(modules, "@koromix"), { recursive: true }),
    [`@koromix/koffi-${here}`, "--omit=optional"],
  ],
  ["native addons are switched off", without || onNode, ["--no-addons"], () => {}, [
    "--no-addons",
  ]],
  [
    "the permission model forbids addons",
    without || onNode,
    [major < 24 ? "--experimental-permission" : "--permission", "--allow-fs-read=FOLDER/*"],
    () => {},
    ["--allow-addons"],
  ],
];

for (const [what, skip, options, arrange, says] of cases) {
  test(`one clear error says what to do where ${what}`, { skip }, () => {
    const { code, message } = attempt(options, arrange);
    assertEquals(code, "ERR_PKTINFO_KOFFI", message);
    for (const part of says) assertStringIncludes(message, part);
    assert(!message.includes("\n"), message);
    assert(runtime !== "deno");
  });
}
