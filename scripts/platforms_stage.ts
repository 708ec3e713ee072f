/** docs/platforms.md against what this run has shown. */
import { type Passes, render } from "./platforms.ts";
import { deno, nothing, type Result, type Stage } from "./stage.ts";

const file = new URL("../docs/platforms.md", import.meta.url);

/** Which of this run's stages executed tests on which machine. */
function passesOf(earlier: ReadonlyMap<string, Result>): Passes {
  const names = (...stages: string[]) =>
    new Set(stages.flatMap((stage) => earlier.get(stage)?.names ?? []));
  return {
    "linux-arm64": names("arm64"),
    windows: names("windows"),
    ...(Deno.build.os === "linux"
      ? { [Deno.build.arch === "x86_64" ? "linux-x64" : "linux-arm64"]: names("unit", "lab") }
      : {}),
  };
}

/** As `deno fmt` has it, which checks the file, too. */
export async function formatted(text: string): Promise<string> {
  const config = new URL("../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(deno, {
    args: ["fmt", `--config=${config}`, "--ext=md", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}

/** The lines that only one of two texts has. */
export function difference(before: string, after: string): string {
  const [old, now] = [before.split("\n"), after.split("\n")];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ].join("\n");
}

/** Fails where the document says something else than the run. */
export const platforms: Stage = {
  name: "platforms",
  quick: false,
  async run(selection, earlier) {
    const passes = passesOf(earlier);
    const missing = (["linux-x64", "linux-arm64", "windows"] as const)
      .filter((machine) => !passes[machine]?.size);
    if (missing.length > 0) {
      const why = `no test ran on ${missing.join(", ")}`;
      return { ...nothing, skipped: [`docs/platforms.md (skipped: ${why})`], note: why };
    }
    const now = await formatted(render(passes));
    if (selection.update) {
      await Deno.writeTextFile(file, now);
      return { ...nothing, passed: 1, note: "written" };
    }
    const before = await Deno.readTextFile(file).catch(() => "");
    if (before === now) return { ...nothing, passed: 1, note: undefined };
    const output = `${difference(before, now)}\n\n\`deno task platforms\` writes it anew.`;
    return { ...nothing, note: undefined, failed: ["docs/platforms.md"], output };
  },
};
