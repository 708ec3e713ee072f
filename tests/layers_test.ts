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
      /^ffi\/(?:layout|errors|hints|sockaddr|cmsg|message|membership|ifaddrs|interface_records|adapters|egress|platform\/\w+)\.ts$/,
  },
  { name: "runtime", files: /^ffi\/runtime\// },
  {
    name: "system calls",
    files: /^ffi\/(?:syscalls|system|wake|poller\w*|calls\/\w+|route\/\w+)\.ts$/,
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

/** The library's files; what is beside it (tests, scripts, bench, examples) is free to do as it likes. */
function libraryFiles(): string[] {
  const beside = new Set(["tests", "scripts", "bench", "examples", "docs", "npm", "node_modules"]);
  return (fs.readdirSync(root, { recursive: true }) as string[])
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) =>
      file.endsWith(".ts") && !file.startsWith(".") && !beside.has(file.split("/")[0])
    )
    .sort();
}

const sources = libraryFiles().map((file) => {
  return { file, tokens: tokenize(fs.readFileSync(path.join(root, file), "utf8")) };
});

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

/** The examples are what people copy: they know the library as its users do. */
const examples = (fs.readdirSync(path.join(root, "examples"), { recursive: true }) as string[])
  .map((file) => `examples/${file.split(path.sep).join("/")}`).filter((file) =>
    file.endsWith(".ts")
  ).map((file) => ({
    file,
    tokens: tokenize(fs.readFileSync(path.join(root, file), "utf8")),
  }));

test("examples import entry points, Node's modules and two packages, and no other example's folder", () => {
  const entries = new Set(["mod.ts", "dgram/mod.ts", "doctor/mod.ts"]);
  const wrong: string[] = [];
  for (const { file, tokens } of examples) {
    for (const { text, line } of importsOf(tokens)) {
      const target = path.posix.join(path.posix.dirname(file), text);
      const folder = path.posix.dirname(target);
      const ok = text.startsWith(".")
        ? entries.has(target) || folder === "examples" || folder === path.posix.dirname(file)
        : text.startsWith("node:") || text === "dns-packet" || text === "fast-xml-parser";
      if (!ok) wrong.push(`${file}:${line}: import of ${text}`);
    }
  }
  assertEquals(wrong, []);
});

test("of the examples the library knows what the command line shows, and no package of theirs", () => {
  const wrong: string[] = [];
  for (const { file, tokens } of sources) {
    for (const { text, line } of importsOf(tokens)) {
      const target = path.posix.join(path.posix.dirname(file), text);
      const example = text.startsWith(".") && target.startsWith("examples/");
      const shown = /^examples\/(?:\w+\/discover|found)\.ts$/.test(target);
      const foreign = /^(?:dns-packet|fast-xml-parser)$/.test(text);
      if (foreign || example && !(file.startsWith("cli/") && shown)) {
        wrong.push(`${file}:${line}: import of ${text}`);
      }
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
