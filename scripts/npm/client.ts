/** npm itself, of one version, by a Node of ours: the machine's own may be of any age, or missing. */
import path from "node:path";
import { once, Unavailable } from "../machines/cache.ts";
import { nodeProgram } from "../machines/node.ts";
import { npmPackage } from "../machines/npm.ts";
import { run } from "../run.ts";

/** npm's. */
export const npmVersion = "11.19.1";

/** What npm's errors are called where its registry is out of reach. */
const UNREACHABLE =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED|E50\d)\b/;

const programs = once(async () => {
  const node = await nodeProgram(24);
  const folder = await npmPackage({ what: "npm", name: "npm", version: npmVersion });
  return { node, folder: path.join(folder, "bin") };
});

/** Runs it in a folder; what it wrote. Nobody's scripts run when something is installed. */
async function client(file: string, args: readonly string[], cwd: string): Promise<string> {
  const { node, folder } = await programs();
  const { code, output } = await run([node, path.join(folder, file), ...args], {
    cwd,
    env: {
      // What it starts begins with `#!/usr/bin/env node`.
      PATH: [path.dirname(node), Deno.env.get("PATH") ?? ""].join(path.delimiter),
      npm_config_ignore_scripts: "true",
      npm_config_prefer_offline: "true",
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
      npm_config_loglevel: "error",
      // Whoever has no network is to know soon.
      npm_config_fetch_retries: "1",
      npm_config_fetch_retry_mintimeout: "1000",
    },
  });
  if (code === 0) return output;
  const [unreachable] = UNREACHABLE.exec(output) ?? [];
  if (unreachable) throw new Unavailable(`npm cannot reach its registry: ${unreachable}`);
  throw new Error(`npm ${args.join(" ")} ended with ${code}:\n${output}`);
}

/** `npm …` */
export function npm(args: readonly string[], cwd: string): Promise<string> {
  return client("npm-cli.js", args, cwd);
}

/** `npx …`, with what is installed there and nothing else. */
export function npx(args: readonly string[], cwd: string): Promise<string> {
  return client("npx-cli.js", ["--no", "--", ...args], cwd);
}

/** What `npm pack` tells. */
export interface Packed {
  /** Where it is. */
  tarball: string;
  /** In bytes. */
  size: number;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

/** Packs the package in a folder, into another one. */
export async function pack(folder: string, destination: string): Promise<Packed> {
  const told = await npm(["pack", "--json", "--pack-destination", destination], folder);
  const [{ filename, size, unpackedSize, files }] = JSON.parse(told);
  return { tarball: path.join(destination, filename), size, unpackedSize, files };
}

/** Makes an empty folder and installs packages in it. */
export async function install(folder: string, packages: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path.join(folder, "package.json"), '{ "private": true }\n');
  await npm(["install", ...packages], folder);
}
