/** Collecting garbage on demand: needs `--expose-gc` where the runtime is V8's. */

const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };

/** Collects all there is. */
export function collectGarbage(): void {
  if (Bun) Bun.gc(true);
  else if (gc) gc();
  else throw new Error("started without --expose-gc");
}
