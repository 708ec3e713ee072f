/**
 * Linux: packet filters, the programs that hold ports, containers.
 *
 * @module
 */

import { execFile } from "node:child_process";
import fs from "node:fs";
import process from "node:process";
import type { System } from "../ffi/syscalls.ts";
import type { FilterPlace, Holder } from "./causes.ts";
import { placesOfIptables, placesOfNft } from "./filter_linux.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Unseen } from "./types.ts";

/** Where administrators' programs are; a user's own path may lack them. */
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const RUN_MS = 5000;
/** A ruleset of a big firewall; more than that is not read. */
const MAX_OUTPUT = 64 * 1024 * 1024;

/** Files that say that this is a container, and whose. */
const CONTAINERS: readonly (readonly [file: string, runtime: string])[] = [
  ["/.dockerenv", "Docker"],
  ["/run/.containerenv", "Podman"],
];

/** Linux's surroundings. */
export class LinuxSurroundings implements Surroundings {
  readonly unseen: Unseen[] = [];

  constructor(readonly system: System) {}

  async filter(): Promise<FilterPlace[] | null> {
    const nft = await this.#run("nft", ["-j", "-a", "list", "ruleset"]);
    const places = nft === null ? [] : placesOfNft(nft);
    let looked = nft !== null;
    for (const tool of ["iptables", "ip6tables"] as const) {
      const rules = await this.#run(`${tool}-save`, [], looked);
      if (rules !== null) {
        looked = true;
        // Of the newer kind nft has seen the rules already.
        if (nft === null || !isNewer(rules)) places.push(...placesOfIptables(tool, rules));
        if (!isNewer(rules)) continue;
      }
      // Both kinds can be in use at once; without a table named, none is made by looking.
      const older = `${tool}-legacy` as const;
      const others = await this.#run(`${older}-save`, [], true);
      if (others !== null) places.push(...placesOfIptables(older, others));
    }
    return looked ? places : null;
  }

  holders(port: number): Holder[] {
    const inodes = new Set<string>();
    for (const file of ["/proc/net/udp", "/proc/net/udp6"]) {
      const text = this.#read(file, "which programs hold ports");
      for (const inode of inodesOfPort(text ?? "", port)) inodes.add(inode);
    }
    return inodes.size === 0 ? [] : this.#whoHas(inodes);
  }

  forced(): { igmp: number | null; mld: number | null } {
    const read = (name: string) => {
      const text = this.#read(
        `/proc/sys/net/${name}`,
        "the IGMP and MLD versions set for all interfaces",
      );
      return text === null ? null : Number(text);
    };
    return {
      igmp: read("ipv4/conf/all/force_igmp_version"),
      mld: read("ipv6/conf/all/force_mld_version"),
    };
  }

  container(): string | null {
    for (const [file, runtime] of CONTAINERS) {
      if (!this.#permitsRead(file, "whether this is a container")) return null;
      try {
        if (fs.existsSync(file)) return runtime;
      } catch {
        // Not to be seen after all.
      }
    }
    return null;
  }

  wsl(): boolean {
    return /microsoft|WSL/i.test(this.#read("/proc/version", "whether this is WSL") ?? "");
  }

  #whoHas(inodes: ReadonlySet<string>): Holder[] {
    const holders: Holder[] = [];
    for (const pid of this.#list("/proc").filter((name) => /^\d+$/.test(name))) {
      const has = this.#list(`/proc/${pid}/fd`).some((fd) => {
        try {
          const target = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
          return inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
        } catch {
          return false; // closed meanwhile
        }
      });
      if (!has) continue;
      let name = "?";
      try {
        name = fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      } catch {
        // ended meanwhile
      }
      holders.push({ pid: Number(pid), name, self: Number(pid) === process.pid });
    }
    return holders;
  }

  #list(folder: string): string[] {
    try {
      return this.system.runtime.permits("read", folder) ? fs.readdirSync(folder) : [];
    } catch {
      return []; // somebody else's process
    }
  }

  #permitsRead(file: string, what: string): boolean {
    if (this.system.runtime.permits("read", file)) return true;
    this.#miss(what, `needs permission to read ${file} (Deno: --allow-read)`);
    return false;
  }

  #read(file: string, what: string): string | null {
    if (!this.#permitsRead(file, what)) return null;
    try {
      return fs.readFileSync(file, "utf8");
    } catch (error) {
      this.#miss(what, `${file} cannot be read: ${(error as Error).message}`);
      return null;
    }
  }

  /** What a program writes; `null` where it may not be run, is not there or fails. */
  #run(program: string, args: readonly string[], optional = false): Promise<string | null> {
    const what = `the packet filter's rules (${program})`;
    // Deno's node:child_process looks at this environment variable, and would ask for it.
    const { runtime } = this.system;
    if (!runtime.permits("run", program) || !runtime.permits("env", "NODE_V8_COVERAGE")) {
      if (!optional) {
        const why = `needs permission to run ${program} (Deno: --allow-run --allow-env), as root`;
        this.#miss(what, why);
      }
      return Promise.resolve(null);
    }
    const options = { timeout: RUN_MS, maxBuffer: MAX_OUTPUT, env: { PATH, LC_ALL: "C" } };
    return new Promise((resolve) => {
      const failed = (error: Error) => {
        const missing = (error as { code?: unknown }).code === "ENOENT";
        if (!missing && !optional) this.#miss(what, error.message.trim().split("\n").at(-1)!);
        else if (missing && !optional) this.#miss(what, `there is no program ${program}`);
        resolve(null);
      };
      try {
        execFile(
          program,
          args,
          options,
          (error, stdout) => error ? failed(error) : resolve(stdout as string),
        );
      } catch (error) {
        failed(error as Error);
      }
    });
  }

  #miss(what: string, why: string): void {
    if (!this.unseen.some((other) => other.what === what)) this.unseen.push({ what, why });
  }
}

/** Whether iptables' rules are kept by nftables. */
function isNewer(rules: string): boolean {
  // Rules of nobody: nothing is written, whichever kind it is.
  return rules === "" || rules.includes("(nf_tables)");
}

/**
 * The sockets on a port, of proc(5)'s lists.
 *
 * @param text The file's text.
 */
export function inodesOfPort(text: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  return text.split("\n").slice(1).flatMap((line) => {
    const [, local, , , , , , , , inode] = line.trim().split(/\s+/);
    return local?.endsWith(`:${wanted}`) && inode ? [inode] : [];
  });
}
