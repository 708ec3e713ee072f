/** The package's modules by TypeScript's own compiler. */
import path from "node:path";
import ts from "npm:typescript@6.0.3";
import { npmPackage } from "../machines/npm.ts";
import { run } from "../run.ts";
import { discoveryPackages, entryPoints, koffiVersion, nodeTypes, root } from "./package.ts";

/**
 * ffi/runtime/koffi_load.ts describes what is used of koffi, which Deno need not have; whether koffi agrees is seen
 * when this compiles.
 */
const KOFFI_CHECK = `
import * as real from "koffi";
import type { TypeObject } from "koffi";
import type { Koffi, KoffiType } from "./koffi_load.ts";
export const koffi: Koffi<TypeObject> = real;
export const asOurs: (type: TypeObject) => KoffiType = (type) => type;
`;

/** The compiler's way to write a path. */
function slashes(file: string): string {
  return file.replaceAll(path.sep, "/");
}

function inRepository(file: string): string {
  return slashes(path.join(root, file));
}

async function denoTypes(): Promise<string> {
  const { code, output } = await run([Deno.execPath(), "types"]);
  if (code !== 0) throw new Error(`deno types ended with ${code}: ${output}`);
  return output;
}

/** Compiles to `esm/` in a folder; throws if a type is wrong. */
export async function compile(folder: string): Promise<void> {
  const koffi = await npmPackage({ what: "koffi", name: "koffi", version: koffiVersion });
  const node = await npmPackage({ what: "Node's types", ...nodeTypes });
  const [, xml] = discoveryPackages;
  const fastXml = await npmPackage({ what: "fast-xml-parser's types", ...xml });
  const koffiCheck = inRepository("ffi/runtime/koffi_check.ts");
  const deno = inRepository("deno.d.ts");
  const options: ts.CompilerOptions = {
    // As far as Node 20 goes: `using` is newer.
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    noImplicitOverride: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    // Deno's types and Node's contradict each other here and there.
    skipLibCheck: true,
    declaration: true,
    noEmitOnError: true,
    rewriteRelativeImportExtensions: true,
    rootDir: slashes(root),
    outDir: slashes(path.join(folder, "esm")),
    types: [slashes(path.join(node, "index.d.ts"))],
    paths: {
      "#runtime": [inRepository("ffi/runtime/koffi.ts")],
      koffi: [slashes(path.join(koffi, "index.d.ts"))],
      [xml.name]: [slashes(path.join(fastXml, "src/fxp.d.ts"))],
    },
  };
  // Beside the sources there are two files that nobody has written to a disk.
  const written = new Map([[koffiCheck, KOFFI_CHECK], [deno, await denoTypes()]]);
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (file) => written.get(file) ?? readFile(file);
  host.fileExists = (file) => written.has(file) || fileExists(file);
  host.writeFile = (file, text) => {
    if (path.basename(file).startsWith("koffi_check.")) return;
    ts.sys.writeFile(file, file.endsWith(".d.ts") ? withJavascript(text) : text);
  };
  const { exports, bin, runtimes } = entryPoints;
  const sources = [...Object.values(exports), ...Object.values(bin), ...runtimes].map(inRepository);
  const ambient = inRepository("scripts/dns_packet.d.ts");
  const program = ts.createProgram([...sources, ambient, ...written.keys()], options, host);
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  if (problems.length > 0) {
    throw new Error(ts.formatDiagnostics(problems, {
      getCanonicalFileName: (file) => file,
      getCurrentDirectory: () => root,
      getNewLine: () => "\n",
    }));
  }
}

/** The compiler leaves the names of modules in declarations as they are. */
function withJavascript(declarations: string): string {
  return declarations.replace(/((?:from|import\()\s*"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"');
}
