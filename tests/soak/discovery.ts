/** Discovery by the clients of examples/, of what programs on other hosts offer, while somebody sends nonsense to its port. */
import { fileURLToPath } from "node:url";
import process from "node:process";
import { browse } from "../../examples/mdns/discover.ts";
import { discover } from "../../examples/ssdp/discover.ts";
import type { Host } from "../lab/lab.ts";
import type { Part, Scene } from "./scene.ts";

const EVERY_MS = 10_000;
const LIMIT_MS = 15_000;
const SSDP_TYPE = "urn:schemas-upnp-org:device:Basic:1";

/** The programs that are started on other hosts: they have to be in the cache. */
export const PROGRAMS = ["mdns", "ssdp"].map((name) =>
  fileURLToPath(new URL(`../../examples/${name}/main.ts`, import.meta.url))
);

/** Starts a program of examples/ on a host. */
function offer(host: Host, program: string, ...args: string[]) {
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const options = ["--quiet", "--no-check", "--allow-all", `--config=${config}`];
  return host.spawn(process.execPath, ["run", ...options, program, ...args]);
}

export const discovery: Part = async (scene) => {
  const { net } = scene;
  const [mdns, ssdp] = PROGRAMS;
  const offers = await Promise.all([
    offer(net.b, mdns, "announce", "Soak", "_soak._udp", "631"),
    offer(net.a, ssdp, "--advertise", "Soak lamp", "--port", "8080"),
  ]);
  const nonsense = { do: "garbage", id: 2_000_000, every: 0.2, interface: "eth0" } as const;
  await net.onA.begin({ ...nonsense, to: "224.0.0.251", port: 5353 });
  await net.onB.begin({ ...nonsense, to: "239.255.255.250", port: 1900 });
  await scene.every(EVERY_MS, "discovery", async () => {
    await found(scene, "mDNS", async (signal) => {
      for await (const { service } of browse({ types: ["_soak._udp"] }, { signal })) {
        if (service.name.startsWith("Soak") && service.link.name === "eth1") return true;
      }
      return false;
    });
    await found(scene, "SSDP", async (signal) => {
      for await (const { name, interface: on } of discover({ signal, target: SSDP_TYPE })) {
        if (name === "Soak lamp" && on === "eth0") return true;
      }
      return false;
    });
  });
  await Promise.all([net.onA.stop(nonsense), net.onB.stop(nonsense)]);
  await Promise.all(offers.map((program) => program.stop("SIGINT")));
};

/** Looks for something, for so long. */
async function found(
  scene: Scene,
  what: string,
  look: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(), LIMIT_MS);
  const stop = () => leave.abort();
  scene.over.addEventListener("abort", stop);
  try {
    if (await look(leave.signal)) scene.ledger.did(`found by ${what}`);
    // Whoever is called away has not failed.
    else if (!scene.over.aborted) scene.ledger.trouble("not found", what);
  } finally {
    clearTimeout(timer);
    scene.over.removeEventListener("abort", stop);
    leave.abort();
  }
}
