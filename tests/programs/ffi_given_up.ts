/** Gives `--allow-ffi=LIBC` up and tries what needs it; reports in one line of JSON. */
// deno-lint-ignore-file no-console
import process from "node:process";
import { openUdpSocket } from "../../mod.ts";

const [libc] = process.argv.slice(2);

function attempt(what: () => unknown): string {
  try {
    what();
    return "done";
  } catch (error) {
    return (error as Error).name;
  }
}

const { state } = Deno.permissions.revokeSync({ name: "ffi", path: libc });
const options: WorkerOptions & { deno: { permissions: Deno.PermissionOptions } } = {
  type: "module",
  deno: { permissions: { ffi: [libc] } },
};
console.log(JSON.stringify({
  state,
  open: attempt(() => Deno.dlopen(libc, {})),
  worker: attempt(() => new Worker("data:text/javascript,", options).terminate()),
  socket: attempt(() => openUdpSocket()),
}));
