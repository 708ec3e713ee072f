/** What the runtime says under the permissions this program was started with; ends when nothing keeps the process alive. */
// deno-lint-ignore-file no-console
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtime } from "../../ffi/runtime/deno.ts";

const [command] = process.argv.slice(2);
const here = fileURLToPath(import.meta.url);
console.log(JSON.stringify({
  read: runtime.permits("read", here),
  readOther: runtime.permits("read", "/proc/version"),
  run: runtime.permits("run", command),
  runOther: runtime.permits("run", "sh"),
  environment: runtime.environment("PKTINFO_TEST"),
}));
const order: string[] = [];
runtime.later(30, () => order.push("second"));
runtime.later(10, () => order.push("first"));
runtime.later(20, () => order.push("never"))();
const cancelled = runtime.later(0, () => {});
await new Promise((resolve) => setTimeout(resolve, 100));
cancelled();
console.log(order.join(" "));
// It must not keep the process.
runtime.later(60_000, () => console.log("late"));
