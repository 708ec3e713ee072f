/**
 * Whether something is known against what the project uses: `deno audit`, which asks npm's registry for its advisories.
 * Where that cannot be asked (no network, a mirror without advisories) the stage is skipped, by name and with the reason:
 * being offline is no failure.
 */
import path from "node:path";
import { description, koffiVersion, nodeTypes } from "./npm/package.ts";
import { run, scratch } from "./run.ts";
import { deno, type Result, type Stage } from "./stage.ts";

/** What came of asking: nothing known, something known, or no answer. */
export interface Audit {
  known: boolean;
  /** Why nobody could be asked; null: somebody was. */
  unreachable: string | null;
  output: string;
}

const NO_ANSWER = /Failed to get data from the registry:? *(.*)/;

/** Asks about everything in a folder's deno.lock. */
export async function audit(folder: string, env: Record<string, string> = {}): Promise<Audit> {
  const { code, output } = await run([deno, "audit", "--ignore-registry-errors"], {
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
  });
  const [, why] = NO_ANSWER.exec(output) ?? [];
  return { known: code !== 0, unreachable: code === 0 ? why ?? null : null, output };
}

/** What the npm package depends on, and what compiles it; with a lock file, where the registry is to be had. */
export async function lockNpmDependencies(): Promise<string | null> {
  const { dependencies } = description() as { dependencies: Record<string, string> };
  const exact = Object.entries(dependencies).map((
    [name, range],
  ) => [name, range.replace(/^\^/, "")]);
  const folder = await Deno.makeTempDir({ dir: scratch() });
  await Deno.writeTextFile(
    path.join(folder, "package.json"),
    JSON.stringify({
      dependencies: {
        ...Object.fromEntries(exact),
        koffi: koffiVersion,
        [nodeTypes.name]: nodeTypes.version,
      },
    }),
  );
  const { code } = await run([deno, "install", "--quiet", "--lockfile-only"], { cwd: folder });
  return code === 0 ? folder : null;
}

/** What an audit comes to as a part of the whole check. */
export function resultOf(name: string, { known, unreachable, output }: Audit): Result {
  if (known) return { passed: 0, failed: [name], skipped: [], output };
  if (unreachable === null) return { passed: 1, failed: [], skipped: [], output };
  const why = `no advisories to be had: ${unreachable}`;
  return { passed: 0, failed: [], skipped: [`${name} (skipped: ${why})`], output, note: why };
}

async function runAudit(): Promise<Result> {
  const root = path.resolve(import.meta.dirname!, "..");
  const folder = await lockNpmDependencies();
  const results = [
    resultOf("deno.lock", await audit(root)),
    resultOf(
      "the npm package's dependencies",
      folder === null
        ? { known: false, unreachable: "npm's registry is out of reach", output: "" }
        : await audit(folder),
    ),
  ];
  return {
    passed: results.reduce((sum, { passed }) => sum + passed, 0),
    failed: results.flatMap(({ failed }) => failed),
    skipped: results.flatMap(({ skipped }) => skipped),
    output: results.map(({ output }) => output).join("\n"),
    note: results.find(({ note }) => note)?.note,
  };
}

export const auditStage: Stage = { name: "audit", quick: false, run: runAudit };
