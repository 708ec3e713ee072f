// What no change of ours makes cheaper: one call into C, and one call on another thread that is awaited.
import process from "node:process";
import { system } from "../../ffi/system.ts";

const CALLS = 2_000_000;
const WAITS = 5_000;

/** CPU time of one, in microseconds: user and system, all threads. */
async function cpuUs(count: number, work: () => unknown): Promise<number> {
  const measure = async (count: number) => {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(start);
    return (user + system) / count;
  };
  await measure(count / 10);
  return await measure(count);
}

const { library, runtime, rest } = system();
const memory = runtime.allocate(64);
const bytes = new Uint8Array(64);
const { memcpy } = library.symbols;
const crossing = await cpuUs(CALLS, () => memcpy(memory.address, bytes, 0));
const handOff = await cpuUs(WAITS, () => rest!(0));
const line = JSON.stringify({ crossing: crossing * 1000, "hand-off": handOff });
process.stdout.write(`${line}\n`, () => process.exit(0));
