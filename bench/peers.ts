// Who takes part, and the command that starts each in a role. A role is a file: peers/NAME_ROLE.{c,mjs,ts}.

import { join } from "node:path";
import { outFolder, type Runtime, type Runtimes } from "./runtimes.ts";

const peersFolder = join(import.meta.dirname ?? ".", "peers");
/** Where a compiled C program is. */
export const compiled = (name: string): string => join(outFolder, name);
const script = (name: string): string => join(peersFolder, name);
const deno: string[] = [Deno.execPath(), "run", "--quiet", "--no-lock", "--allow-all"];
const denoUnstable: string[] = [...deno, "--unstable-net"];

/** A socket that is bound and never read, for the senders. */
export const sinkCommand = (): string[] => [...denoUnstable, script("sink.ts")];

/** Who takes part: a command for a role ("receive", "send_many" …), or why there is none. */
export interface Peer {
  id: string;
  label: string;
  ours?: boolean;
  skip?: string;
  command(role: string): string[];
}

/** The peers by the part they play. `ours` and `bun` have more than one row in some groups. */
export interface Parts {
  c: Peer;
  runtimes: Peer[];
  bun: Peer;
  ours: Peer;
}

/** Everybody, with the reason where one cannot run. `noCompiler`: why there are no C programs, if so. */
export function findPeers(found: Runtimes, noCompiler: string | null): Parts {
  const node = (runtime: Runtime): Peer => ({
    id: `node${Number.parseInt(runtime.version)}`,
    label: `node:dgram, Node ${Number.parseInt(runtime.version)}`,
    command: (role) => [runtime.command, script(`node_${role}.mjs`)],
  });
  const nodes: Peer[] = found.nodes.length > 0 ? found.nodes.map(node) : [{
    id: "node",
    label: "node:dgram",
    skip: "no node on PATH",
    command: () => [],
  }];
  return {
    c: {
      id: "c",
      label: "C",
      skip: noCompiler ?? undefined,
      command: (role) => [compiled(`c_${role}`)],
    },
    runtimes: [...nodes, {
      id: "deno",
      label: "Deno.listenDatagram",
      command: (role) => [...denoUnstable, script(`deno_${role}.ts`)],
    }],
    bun: {
      id: "bun",
      label: "Bun.udpSocket",
      skip: found.bun ? undefined : "no bun on PATH or from npm",
      command: (role) => [found.bun?.command ?? "bun", script(`bun_${role}.mjs`)],
    },
    ours: {
      id: "pktinfo",
      label: "pktinfo on Deno",
      ours: true,
      command: (role) => [...deno, script(`pktinfo_${role}.ts`)],
    },
  };
}
