/**
 * Confines `--allow-ffi` to one small worker: the rest of the program, and all that it imports, has given it up.
 *
 *     deno run --unstable-worker-options --allow-ffi --allow-read=. examples/confined/main.ts
 *     deno run --unstable-worker-options --allow-ffi=LIBC --allow-read=. examples/confined/main.ts LIBC
 *
 * The worker may call C and do nothing else; this thread may read the program's own files and do nothing else. (Deno loads
 * the modules of a worker only with permission to read them.) LIBC is the absolute path of the C library.
 */
// deno-lint-ignore-file no-console

import type { Heard, Told } from "./worker.ts";

const [libc] = Deno.args;
const options: WorkerOptions & { deno: { permissions: Deno.PermissionOptions } } = {
  type: "module",
  deno: { permissions: { ffi: libc === undefined ? true : [libc] } },
};
const worker = new Worker(new URL("./worker.ts", import.meta.url), options);
// From here on nobody in this thread can call C, nor start another worker that can.
const ffi = Deno.permissions.revokeSync({ name: "ffi", path: libc });
console.log(`ffi: ${ffi.state === "granted" ? "still granted" : "given up"}`);

const tell = (told: Told) => worker.postMessage(told);
worker.onmessage = ({ data: heard }: MessageEvent<Heard>) => {
  if ("error" in heard) throw new Error(heard.error);
  if ("port" in heard) {
    tell({ data: new TextEncoder().encode("hello"), to: `127.0.0.3:${heard.port}` });
  } else {
    const { data, source, destination, interfaceName } = heard;
    console.log(
      `${source} → ${destination} on ${interfaceName}: ${new TextDecoder().decode(data)}`,
    );
    worker.terminate();
  }
};
tell({ open: {} });
