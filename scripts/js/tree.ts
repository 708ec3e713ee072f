/**
 * The repository as JavaScript, for runtimes that cannot run its TypeScript: Node removes types, but does not know
 * parameter properties, and Node 20 knows neither types nor `using`. Each file stays where it is relative to the others.
 */
import path from "node:path";
import ts from "npm:typescript@6.0.3";
import { cacheName, npmPackage } from "../machines/npm.ts";
import { once } from "../machines/cache.ts";
import { must } from "../machines/tools.ts";
import { koffiVersion } from "../npm/package.ts";
import { filesBelow, scratch } from "../run.ts";

const root = new URL("../..", import.meta.url);

/** What the library, the examples and the tests import, beside Node's own modules. */
const packages = [
  { what: "koffi", name: "koffi", version: koffiVersion },
  { what: "koffi for Windows", name: "@koromix/koffi-win32-x64", version: koffiVersion },
  { what: "Deno's standard library", name: "deno-std", version: "1.4.0" },
  // The examples' and what these import in turn.
  { what: "dns-packet", name: "dns-packet", version: "5.6.1" },
  { what: "dns-packet's addresses", name: "@leichtgewicht/ip-codec", version: "2.0.5" },
  { what: "fast-xml-parser", name: "fast-xml-parser", version: "4.5.7" },
  { what: "fast-xml-parser's numbers", name: "strnum", version: "1.1.2" },
];

/** koffi's binary for this machine, which npm would choose by itself. */
function nativeKoffi() {
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  return { what: "koffi's binary", name: `@koromix/koffi-${os}-${arch}`, version: koffiVersion };
}

const settings: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  rewriteRelativeImportExtensions: true,
  inlineSourceMap: true,
  inlineSources: false,
};

/** Node 20 and 22 do not know `import.meta.main`. */
function withMain(source: string): string {
  return source.replaceAll("import.meta.main", "(import.meta.filename === process.argv[1])");
}

/** A file as JavaScript, with its source map. */
export function transpile(source: string, fileName: string): string {
  const { outputText } = ts.transpileModule(withMain(source), {
    compilerOptions: settings,
    fileName,
  });
  return outputText;
}

async function install(tree: string) {
  const modules = path.join(tree, "node_modules");
  const wanted = [...packages, nativeKoffi()];
  const names = new Set<string>();
  for (const one of wanted) {
    if (names.has(cacheName(one))) continue;
    names.add(cacheName(one));
    const folder = await npmPackage(one);
    const to = path.join(modules, one.name);
    await Deno.mkdir(path.dirname(to), { recursive: true });
    await must(`cannot copy ${one.what}`, ["cp", "-a", folder, to]);
  }
  // The names by which the import map of deno.json knows them.
  const write = async (
    name: string,
    exports: Record<string, string>,
    files: [string, string][],
  ) => {
    const folder = path.join(modules, name);
    await Deno.mkdir(folder, { recursive: true });
    const description = JSON.stringify({ name, type: "module", exports });
    await Deno.writeTextFile(path.join(folder, "package.json"), description);
    for (const [file, text] of files) await Deno.writeTextFile(path.join(folder, file), text);
  };
  await write("@std/assert", { ".": "./mod.js" }, [
    ["mod.js", `${SETS}export * from "../../deno-std/assert/mod.js";\n`],
  ]);
  await write("@std/cli", { "./parse-args": "./mod.js" }, [
    ["mod.js", 'export * from "../../deno-std/cli/parse_args.js";\n'],
  ]);
}

/** What its assertions need and Node 20 lacks. */
const SETS = `
Set.prototype.symmetricDifference ??= function (other) {
  const difference = new Set(this);
  for (const item of other) if (!difference.delete(item)) difference.add(item);
  return difference;
};
Set.prototype.union ??= function (other) {
  return new Set([...this, ...other]);
};
`;

/** Makes it, once a run; what tests read beside programs is there as well. */
export const javascriptTree: () => Promise<string> = once(async () => {
  const tree = path.join(scratch(), "javascript");
  await Deno.mkdir(tree, { recursive: true });
  // Of the benchmark only its programs are for other runtimes.
  const files = filesBelow("", (file) => !/^(?:bench\/(?!peers\/)|npm\/)/.test(file));
  const folders = new Set(files.map((file) => path.dirname(file)));
  for (const folder of folders) await Deno.mkdir(path.join(tree, folder), { recursive: true });
  for (const file of files) {
    const from = new URL(file, root);
    const to = path.join(tree, file);
    await Deno.copyFile(from, to);
    if (!/(?<!\.d)\.ts$/.test(file)) continue;
    const text = transpile(await Deno.readTextFile(from), file);
    await Deno.writeTextFile(to.replace(/\.ts$/, ".js"), text);
  }
  const description = {
    name: "pktinfo",
    type: "module",
    imports: { "#runtime": "./ffi/runtime/koffi.js" },
  };
  await Deno.writeTextFile(path.join(tree, "package.json"), JSON.stringify(description));
  await install(tree);
  return tree;
});
