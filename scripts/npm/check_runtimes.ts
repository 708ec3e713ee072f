/** The package on Node and Bun: imported, required, and its program. */
import { assertEquals } from "@std/assert";
import path from "node:path";
import { bunProgram, nodeMajors, nodeProgram } from "../machines/node.ts";
import { run } from "../run.ts";
import { assertObserved, type Check, type Consumer } from "./check.ts";
import { npx } from "./client.ts";
import { name, version } from "./package.ts";

/** A runtime, and where to find it. */
export interface Runtime {
  name: string;
  program(): Promise<string>;
}

/** Each that the package is for. */
export const runtimes: readonly Runtime[] = [
  ...nodeMajors.map((major) => ({ name: `Node ${major}`, program: () => nodeProgram(major) })),
  { name: "Bun", program: bunProgram },
];

/** Runs a program there; what it wrote, which with a warning would be more than was expected. */
async function output({ folder }: Consumer, command: string[]): Promise<string> {
  const { code, output } = await run(command, { cwd: folder, limit: 60 });
  assertEquals(code, 0, output);
  return output;
}

/** Where npm puts the command: a link, through which the module must still know that it is the program. */
function commandFile(): string {
  const file = Deno.build.os === "windows" ? `${name}/esm/cli/bin.js` : `.bin/${name}`;
  return path.join("node_modules", file);
}

export function runtimeChecks(consumer: Consumer, runtime: Runtime): Check[] {
  return [
    {
      name: `${runtime.name} imports it`,
      run: async () =>
        await assertObserved(await output(consumer, [await runtime.program(), "import.mjs"])),
    },
    {
      name: `${runtime.name} requires it`,
      run: async () =>
        await assertObserved(await output(consumer, [await runtime.program(), "require.cjs"])),
    },
    {
      name: `${runtime.name} runs its command`,
      run: async () =>
        assertEquals(
          await output(consumer, [await runtime.program(), commandFile(), "--version"]),
          `${version}\n`,
        ),
    },
  ];
}

export function npxCheck({ folder }: Consumer): Check {
  return {
    name: "npx pktinfo interfaces lists them",
    async run() {
      const lines = (await npx([name, "interfaces", "--json"], folder)).trim().split("\n");
      const loopback = lines.map((line) => JSON.parse(line)).filter(({ loopback }) => loopback);
      assertEquals(loopback.length, 1);
      const addresses = loopback[0].addresses.map(({ address }: { address: string }) => address);
      assertEquals(addresses.includes("127.0.0.1"), true);
    },
  };
}
