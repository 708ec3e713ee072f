// The rooms of the source tree and which of them may know which. A rule that is not checked does not last.
import { assertEquals } from "@std/assert";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./harness.ts";
import { importsOf, tokenize } from "./source.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** From the bottom up: a file may import files of its own layer and of those below, never of one above. */
const layers: { name: string; files: RegExp }[] = [
  { name: "addresses", files: /^address\// },
  {
    name: "tables and codecs (pure)",
    files:
      /^ffi\/(?:layout|errors|hints|sockaddr|cmsg|message|membership|ifaddrs|interface_records|adapters|egress|detached|platform\/\w+)\.ts$/,
  },
  { name: "runtime", files: /^ffi\/runtime\// },
  {
    name: "system calls",
    files: /^ffi\/(?:syscalls|system|debug\w*|wake|poller\w*|calls\/\w+|route\/\w+)\.ts$/,
  },
  { name: "interfaces", files: /^interfaces\// },
  { name: "sockets", files: /^socket\// },
  { name: "tools", files: /^(?:doctor|dgram|cli)\// },
  { name: "entry point", files: /^mod\.ts$/ },
];

const portable = /^(?:address|interfaces|socket)\//;
const hosted = /^(?:ffi\/runtime|cli|doctor|dgram)\//;

/** Names that only some files may use as code; strings, comments and regular expressions do not count. */
const names: { what: string; pattern: RegExp; forbidden: (file: string) => boolean }[] = [
  {
    what: "Deno's own interface",
    pattern: /^Deno$/,
    forbidden: (file) => file !== "ffi/runtime/deno.ts",
  },
  {
    what: "globals of Node and Bun",
    pattern: /^(?:process|Buffer|Bun|require|__dirname|__filename)$/,
    forbidden: (file) => !hosted.test(file),
  },
  {
    what: "constants of an operating system",
    pattern: new RegExp(
      "^(?:(?:SO|IP|IPV6|MSG|AF|PF|SOL|SOCK|MCAST|IPPROTO|IFF|EFD|SCM|SIO|UDP)_[A-Z0-9_]+" +
        "|EPOLL\\w*|POLL(?:IN|OUT|ERR|HUP|NVAL|PRI)" +
        "|E(?:AGAIN|WOULDBLOCK|INTR|INVAL|BADF|ADDRINUSE|ADDRNOTAVAIL|NETUNREACH|HOSTUNREACH|CONNREFUSED" +
        "|NOBUFS|NOMEM|MSGSIZE|NODEV|NOPROTOOPT|AFNOSUPPORT|ACCES|PERM|NOTCONN|ISCONN|FAULT|CANCELED))$",
    ),
    forbidden: (file) => portable.test(file),
  },
  {
    what: "pointers",
    pattern: /^(?:Unsafe\w+|\w*Pointer\w*|dlopen)$/,
    forbidden: (file) => portable.test(file),
  },
];

/** What an example may import: the public faces, Node's modules, and the two libraries that read packets for it. */
const forExamples =
  /^(?:(?:mod|dgram\/mod|doctor\/mod|examples\/.*)\.ts|node:.*|dns-packet|fast-xml-parser)$/;

/** The library's files; what is beside it (tests, scripts, bench, examples) is free to do as it likes. */
function libraryFiles(): string[] {
  const beside = new Set(["tests", "scripts", "bench", "examples", "docs", "npm", "node_modules"]);
  return typescriptFiles().filter((file) => !beside.has(file.split("/")[0]));
}

function typescriptFiles(): string[] {
  return (fs.readdirSync(root, { recursive: true }) as string[])
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => file.endsWith(".ts") && !file.startsWith("."))
    .sort();
}

function read(file: string) {
  return { file, tokens: tokenize(fs.readFileSync(path.join(root, file), "utf8")) };
}

const sources = libraryFiles().map(read);

function layerOf(file: string): number {
  return layers.findIndex(({ files }) => files.test(file));
}

test("every library file is in a layer", () => {
  const strangers = sources.filter(({ file }) => layerOf(file) < 0).map(({ file }) => file);
  assertEquals(strangers, [], "add the file to the table of layers in this test");
});

test("imports go down, never up", () => {
  const wrong: string[] = [];
  for (const { file, tokens } of sources) {
    for (const { text, line } of importsOf(tokens)) {
      if (!text.startsWith(".")) continue;
      const target = path.posix.join(path.posix.dirname(file), text);
      if (layerOf(target) > layerOf(file)) {
        wrong.push(
          `${file}:${line}: ${layers[layerOf(file)].name} import ${target} (${
            layers[layerOf(target)].name
          })`,
        );
      }
    }
  }
  assertEquals(wrong, []);
});

test("a runtime is known to its own file only", () => {
  const wrong: string[] = [];
  for (const { file, tokens } of sources) {
    for (const { text, line } of importsOf(tokens)) {
      const target = path.posix.join(path.posix.dirname(file), text);
      const insideRuntime = file.startsWith("ffi/runtime/");
      const allowed = text.startsWith(".")
        ? insideRuntime || !target.startsWith("ffi/runtime/") || target === "ffi/runtime/runtime.ts"
        : text === "#runtime"
        ? layerOf(file) > layerOf("ffi/runtime/runtime.ts")
        : hosted.test(file) && (text.startsWith("node:") || insideRuntime);
      if (!allowed) wrong.push(`${file}:${line}: import of ${text}`);
    }
  }
  assertEquals(wrong, []);
});

test("examples import the public faces only, and nobody imports them but the command line their clients", () => {
  const wrong: string[] = [];
  const examples = typescriptFiles().filter((file) => file.startsWith("examples/")).map(read);
  for (const { file, tokens } of [...sources, ...examples]) {
    for (const { text, line } of importsOf(tokens)) {
      const target = text.startsWith(".") ? path.posix.join(path.posix.dirname(file), text) : text;
      const allowed = file.startsWith("examples/")
        ? forExamples.test(target)
        : !target.startsWith("examples/") ||
          file.startsWith("cli/") && /^examples\/(?:found|\w+\/discover)\.ts$/.test(target);
      if (!allowed) wrong.push(`${file}:${line}: import of ${text}`);
    }
  }
  assertEquals(wrong, []);
});

for (const { what, pattern, forbidden } of names) {
  test(`only where they belong: ${what}`, () => {
    const wrong = sources.filter(({ file }) => forbidden(file)).flatMap(({ file, tokens }) =>
      tokens.filter(({ kind, text }) => kind === "word" && pattern.test(text))
        .map(({ text, line }) => `${file}:${line}: ${text}`)
    );
    assertEquals(wrong, []);
  });
}

test("mod.ts re-exports by name and does nothing else", () => {
  const tokens = sources.find(({ file }) => file === "mod.ts")?.tokens ?? [];
  const text = tokens.map(({ kind, text }) => kind === "string" ? '"…"' : text).join(" ");
  const rest = text.replaceAll(/export (?:type )?\{ [\w ,]* \} from "…" ;/g, "").trim();
  assertEquals(rest, "");
});

test("the source reader tells code from strings, comments, templates and regular expressions", () => {
  const source = `
    import { a } from "./a.ts"; export type { T } from './t.ts'; import "./effect.ts";
    // import { no } from "./comment.ts"; Deno
    /* Deno */ const t = \`Deno \${await import("./dynamic.ts") + \`\${{ x: Bun }}\`} Deno\`;
    const q = a / b; const r = /["'\`/]Deno/g.test("Deno"), from = "from"; s = x["from"];
  `;
  const tokens = tokenize(source);
  assertEquals(
    importsOf(tokens).map(({ text, line }) => [text, line]),
    [["./a.ts", 2], ["./t.ts", 2], ["./effect.ts", 2], ["./dynamic.ts", 4]],
  );
  const used = tokens.filter(({ kind }) => kind === "word").map(({ text }) => text);
  assertEquals(used.filter((word) => word === "Deno" || word === "Bun"), ["Bun"]);
  assertEquals(used.includes("b"), true);
});
