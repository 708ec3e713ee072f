// deno task bench:start: from the start of a script to its first packet, and what of that is whose.
//
// Whole processes, one after the other in every round; the modules are in Deno's cache.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, print } from "./common.ts";

const LIBRARY = fileURLToPath(new URL("../mod.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

/** Files to import that have nothing in them, as many as the library has. */
async function emptyModules(folder: string, count: number): Promise<string> {
  const imports: string[] = [];
  for (let n = 0; n < count; n++) {
    await Deno.writeTextFile(join(folder, `empty_${n}.ts`), `export const n${n} = ${n};\n`);
    imports.push(`import { n${n} } from "./empty_${n}.ts";\nn${n};\n`);
  }
  return imports.join("");
}

async function moduleCount(): Promise<number> {
  const args = ["info", "--json", `--config=${CONFIG}`, LIBRARY];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  return modules.length;
}

async function bundle(folder: string): Promise<string> {
  const out = join(folder, "bundle.js");
  const args = ["bundle", "--quiet", `--config=${CONFIG}`, LIBRARY, "-o", out];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  if (!success) throw new Error("deno bundle failed");
  return out;
}

const firstPacket = (library: string) => `
import { openUdpSocket } from "${library}";
const socket = openUdpSocket({ address: "127.0.0.1" });
await socket.send("x", \`127.0.0.1:\${socket.port}\`);
await socket.receive();
await socket.close();
`;

const openOnly = (library: string) => `
import { openUdpSocket } from "${library}";
await openUdpSocket({ address: "127.0.0.1" }).close();
`;

const importOnly = (library: string) => `
import { openUdpSocket } from "${library}";
if (typeof openUdpSocket !== "function") throw new Error("no library");
`;

const DENO = `
const socket = Deno.listenDatagram({ port: 0, transport: "udp", hostname: "127.0.0.1" });
await socket.send(new Uint8Array(1), socket.addr);
await socket.receive();
socket.close();
`;

async function main(): Promise<void> {
  const rounds = Number(Deno.args[0] ?? 25);
  const folder = await Deno.makeTempDir();
  try {
    const count = await moduleCount();
    const bundled = await bundle(folder);
    const scripts: Record<string, string> = {
      "nothing": "",
      "Deno.listenDatagram, first packet": DENO,
      "pktinfo, first packet": firstPacket(LIBRARY),
      "pktinfo, opened and closed": openOnly(LIBRARY),
      "pktinfo, imported": importOnly(LIBRARY),
      "pktinfo in one file, imported": importOnly(bundled),
      "pktinfo in one file, first packet": firstPacket(bundled),
      [`${count} empty modules, imported`]: await emptyModules(folder, count),
    };
    const times = new Map<string, number[]>();
    const names = Object.keys(scripts);
    for (const [at, name] of names.entries()) {
      await Deno.writeTextFile(join(folder, `script_${at}.ts`), scripts[name]);
    }
    // The first round fills the caches.
    for (let round = 0; round <= rounds; round++) {
      for (const [at, name] of names.entries()) {
        const script = join(folder, `script_${at}.ts`);
        const flags = ["--quiet", "--no-check", "--unstable-net", "--allow-all"];
        const args = ["run", ...flags, `--config=${CONFIG}`, script];
        const start = performance.now();
        const { success } = await new Deno.Command(Deno.execPath(), { args }).output();
        if (!success) throw new Error(`${name} failed`);
        if (round > 0) times.set(name, [...times.get(name) ?? [], performance.now() - start]);
      }
    }
    const reference = times.get("Deno.listenDatagram, first packet")!;
    print("whole process, ms (median), and ÷ Deno.listenDatagram in the same round");
    for (const [name, list] of times) {
      const ratio = median(list.map((value, i) => value / reference[i]));
      print(`${name.padEnd(36)} ${median(list).toFixed(1).padStart(6)}  ${ratio.toFixed(2)}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
