/** Collects garbage, on whichever runtime this is. */
import v8 from "node:v8";
import vm from "node:vm";

/** Returns what collects all garbage at once. */
export function collector(): () => void {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun) return () => Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}
