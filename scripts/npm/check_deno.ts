/** The package on Deno through `npm:`, from a registry of our own on loopback whose other packages cannot be loaded. */
import { assertEquals } from "@std/assert";
import path from "node:path";
import { run, scratch } from "../run.ts";
import { assertObserved, type Check, type Consumer } from "./check.ts";
import { pack } from "./client.ts";
import { description, discoveryPackages, koffiVersion, name, version } from "./package.ts";

/** A package of which there is one version. */
interface Published {
  name: string;
  version: string;
  tarball: string;
  [field: string]: unknown;
}

async function integrity(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  return `sha512-${hash.toBase64()}`;
}

/** Serves packages like npm's registry. */
function registry(all: readonly Published[]): Deno.HttpServer<Deno.NetAddr> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async ({ url }) => {
    const { origin, pathname } = new URL(url);
    const [, asked, file] = pathname.split("/");
    const found = all.find(({ name }) => name === asked);
    if (!found) return new Response(null, { status: 404 });
    const bytes = await Deno.readFile(found.tarball);
    if (file) return new Response(bytes);
    const { tarball: _, ...manifest } = found;
    const dist = { tarball: `${origin}/${asked}/package.tgz`, integrity: await integrity(bytes) };
    return Response.json({
      name: asked,
      "dist-tags": { latest: found.version },
      versions: { [found.version]: { ...manifest, dist } },
    });
  });
}

/** In place of a package: whoever loads it fails. */
async function useless(name: string, version: string): Promise<Published> {
  const folder = path.join(scratch(), `useless-${name}`);
  await Deno.mkdir(folder, { recursive: true });
  const manifest = { name, version, main: "index.js" };
  await Deno.writeTextFile(path.join(folder, "package.json"), JSON.stringify(manifest));
  await Deno.writeTextFile(path.join(folder, "index.js"), `throw new Error("${name} was loaded");`);
  return { ...manifest, tarball: (await pack(folder, scratch())).tarball };
}

/** What somebody writes who imports from npm. */
async function program(folder: string): Promise<string> {
  const imported = await Deno.readTextFile(path.join(folder, "import.mjs"));
  const elsewhere = path.join(scratch(), "deno-consumer");
  await Deno.mkdir(elsewhere, { recursive: true });
  const file = path.join(elsewhere, "import.mjs");
  await Deno.writeTextFile(file, imported.replaceAll(`from "${name}`, `from "npm:${name}`));
  await Deno.copyFile(path.join(folder, "observe.cjs"), path.join(elsewhere, "observe.cjs"));
  return file;
}

export function denoCheck({ folder, packed: { tarball } }: Consumer): Check {
  return {
    name:
      "Deno imports it through npm: with --allow-ffi alone, runs its command, and loads none of its dependencies",
    async run() {
      const self: Published = { ...description(), name, version, tarball };
      const unused = [{ name: "koffi", version: koffiVersion }, ...discoveryPackages];
      const others = await Promise.all(unused.map(({ name, version }) => useless(name, version)));
      await using server = registry([self, ...others]);
      const env = {
        DENO_DIR: path.join(scratch(), "deno-consumer-cache"),
        NPM_CONFIG_REGISTRY: `http://127.0.0.1:${server.addr.port}/`,
        NO_PROXY: "127.0.0.1",
      };
      const deno = async (...args: string[]) => {
        const own = ["run", "--quiet", "--no-config", "--no-lock", "--allow-ffi"];
        const ended = await run([Deno.execPath(), ...own, ...args], { env, limit: 60 });
        assertEquals(ended.code, 0, ended.output);
        return ended.output;
      };
      await assertObserved(await deno(await program(folder)));
      assertEquals(await deno(`npm:${name}`, "--version"), `${version}\n`);
    },
  };
}
