/** What a check of the package is. */
import { assertEquals } from "@std/assert";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Packed } from "./client.ts";
import { entryPoints, name, root, version } from "./package.ts";

/** One thing that must hold; `run` throws where it does not. */
export interface Check {
  /** A sentence. */
  name: string;
  run(): Promise<void>;
}

/** An empty folder in which the package was installed. */
export interface Consumer {
  folder: string;
  packed: Packed;
}

/** The names that each of its modules exports, as the sources have them. */
async function exportedNames(): Promise<Record<string, string[]>> {
  const modules = Object.entries(entryPoints.exports).map(async ([entry, file]) => {
    const module = await import(pathToFileURL(path.join(root, file)).href);
    return [entry.replace(/^\./, name), Object.keys(module).sort()];
  });
  return Object.fromEntries(await Promise.all(modules));
}

/** Compares what consumer/observe.cjs wrote. */
export async function assertObserved(output: string): Promise<void> {
  const { loopback, ...observed } = JSON.parse(output);
  const datagram = {
    text: "hello",
    source: "127.0.0.2",
    destination: "127.0.0.3",
    interfaceName: loopback,
  };
  assertEquals(observed, {
    exports: await exportedNames(),
    socket: datagram,
    dgram: datagram,
    version,
  });
}
