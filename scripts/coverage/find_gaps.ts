/** From the profiles that test runs left behind to what none of them executed. */
import ts from "npm:typescript@6.0.3";
import { transpile } from "../js/tree.ts";
import { filesBelow, run } from "../run.ts";
import { deno } from "../stage.ts";
import { type Place, profilesOf } from "./collect.ts";
import { type Gap, gapsOf } from "./gaps.ts";
import { Executed } from "./profiles.ts";
import { readProgram } from "./source_map.ts";

/** Every piece in these rooms needs a reason. */
const NAMED = /^(?:ffi|socket|interfaces|address)\//;

/** What Deno never loads. */
const NODE_ONLY = /^ffi\/runtime\/koffi\w*\.ts$/;

const root = new URL("../..", import.meta.url);

function source(file: string): string {
  return Deno.readTextFileSync(new URL(file, root));
}

/** The file of the repository that a script was. */
function fileOf(place: Place, url: string): string | null {
  // What is behind a "?" makes another instance of the same module.
  const [address] = url.split("?");
  const file = place === "node"
    // In the tree, or in a copy of it (tests/runtime/koffi_missing_test.ts).
    ? /\/(?:javascript|koffi-\w+)\/(.*)\.js$/.exec(address)?.[1].concat(".ts")
    // Wine has this machine's files on a drive.
    : address.replace("file:///Z:/", "file:///").split(root.href)[1];
  if (file === undefined || !NAMED.test(file)) return null;
  return NODE_ONLY.test(file) === (place === "node") ? file : null;
}

/** Where Deno keeps the JavaScript that it has made. */
async function denoOutput(): Promise<(file: string) => string> {
  const { output } = await run([deno, "info", "--json"]);
  const { typescriptCache } = JSON.parse(output);
  return (file) => Deno.readTextFileSync(`${typescriptCache}/file${root.pathname}${file}.js`);
}

/** Whether a file is more than types. */
function hasCode(file: string): boolean {
  const { outputText } = ts.transpileModule(source(file), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      removeComments: true,
    },
  });
  return outputText.replaceAll(/^(?:import|export) (?:\{\}|.* from .*);$|\s/gm, "") !== "";
}

/** What no test executed in these places together. */
export async function findGaps(places: readonly Place[]): Promise<Gap[]> {
  const executed = new Executed();
  for (const place of places) {
    await executed.addFolder(profilesOf(place), (url) => fileOf(place, url));
  }
  const outputOf = await denoOutput();
  const files = filesBelow("", (file) => NAMED.test(file) && file.endsWith(".ts"));
  return files.flatMap((file) => {
    const onNode = NODE_ONLY.test(file);
    if (onNode && !places.includes("node")) return [];
    const ranges = executed.gaps(file);
    if (ranges === null) {
      return hasCode(file) ? [{ file, line: 1, lastLine: 1, code: "«the whole file»" }] : [];
    }
    const text = onNode ? transpile(source(file), file) : outputOf(file);
    return gapsOf(file, readProgram(text, onNode ? source(file) : undefined), ranges);
  });
}
