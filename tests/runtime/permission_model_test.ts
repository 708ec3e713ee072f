// Node's permission model: what the library needs of it, and what that is worth.
import { assertEquals } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { notUnder, test, type TestOptions } from "../harness.ts";
import { runBesideCopy } from "./copy.ts";

const PROGRAM = `
import fs from "node:fs";
import { createRequire } from "node:module";
import { openUdpSocket } from "./mod.js";
const [file] = process.argv.slice(2);
const socket = openUdpSocket({ signal: AbortSignal.timeout(10_000) });
await socket.send("hello", "127.0.0.3:" + socket.port);
const received = new TextDecoder().decode((await socket.receive()).data);
await socket.close();
let read = "done";
try {
  fs.readFileSync(file);
} catch (error) {
  read = error.code;
}
const libc = createRequire(import.meta.url)("koffi").load("libc.so.6");
const stream = libc.func("void *fopen(const char *, const char *)")(file, "r");
const bytes = new Uint8Array(100);
const length = libc.func("size_t fread(void *, size_t, size_t, void *)")(bytes, 1, 100, stream);
const byC = new TextDecoder().decode(bytes.subarray(0, Number(length)));
console.log(JSON.stringify({ received, read, byC }));
`;

const major = Number(process.versions.node?.split(".")[0]);
const options: TestOptions = {
  needs: ["linux"],
  skip: notUnder("deno", "Deno has permissions of its own") ||
    notUnder("bun", "Bun has no permission model"),
};

test(
  "--permission with --allow-addons and reading its own folder is enough, and C reads what Node refuses",
  options,
  () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "model-"));
    try {
      const file = path.join(folder, "file");
      fs.writeFileSync(file, "secret");
      const permission = major < 24 ? "--experimental-permission" : "--permission";
      const said = runBesideCopy(
        PROGRAM,
        [permission, "--no-warnings", "--allow-addons", "--allow-fs-read=FOLDER/*"],
        undefined,
        [file],
      );
      assertEquals(JSON.parse(said), {
        received: "hello",
        read: "ERR_ACCESS_DENIED",
        byC: "secret",
      });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  },
);
