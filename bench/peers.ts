// Who takes part, and the command that starts each in a role. A role is a file: peers/NAME_ROLE.{c,mjs,py,rs,ts}.

import { join } from "node:path";
import { outFolder, type Runtime, type Runtimes } from "./runtimes.ts";

const peersFolder = join(import.meta.dirname ?? ".", "peers");
/** Where a compiled program is. */
export const compiled = (name: string): string => join(outFolder, name);
const script = (name: string): string => join(peersFolder, name);
const deno: string[] = [Deno.execPath(), "run", "--quiet", "--no-lock", "--allow-all"];
const denoUnstable: string[] = [...deno, "--unstable-net"];

/** A socket that is bound and never read, for the senders; or one that would take their trains whole. */
export const sinkCommand = (trains = false): string[] =>
  trains ? [...deno, script("sink_trains.ts")] : [...denoUnstable, script("sink.ts")];

/** Who takes part: a command for a role ("receive", "send_many" …), or why there is none. */
export interface Peer {
  id: string;
  label: string;
  ours?: boolean;
  skip?: string;
  command(role: string): string[];
}

/** The peers by the part they play. `bun` and `ours` have more than one row in some groups. */
export interface Parts {
  c: Peer;
  /** Who has one way to send and to receive. */
  runtimes: Peer[];
  bun: Peer;
  /** This library, on each runtime. */
  ours: Peer[];
}

/** Why there are no programs of a language, if so. */
export interface Uncompiled {
  c: string | null;
  rust: string | null;
}

/** Everybody, with the reason where one cannot run. */
export function findPeers(found: Runtimes, uncompiled: Uncompiled): Parts {
  const node = (runtime: Runtime): Peer => ({
    id: `node${major(runtime)}`,
    label: `node:dgram, Node ${major(runtime)}`,
    command: (role) => [runtime.command, script(`node_${role}.mjs`)],
  });
  const nodes: Peer[] = found.nodes.length > 0 ? found.nodes.map(node) : [{
    id: "node",
    label: "node:dgram",
    skip: "no node on PATH",
    command: () => [],
  }];
  const { tree, bun, python } = found;
  const noBun = bun ? undefined : "no bun on PATH or from npm";
  const inTree = (id: string, name: string, command: string, skip?: string): Peer => ({
    id: `pktinfo-${id}`,
    label: `pktinfo on ${name}`,
    ours: true,
    skip: skip ?? ("missing" in tree ? tree.missing : undefined),
    command: (role) => [
      command,
      join("folder" in tree ? tree.folder : "", "bench", "peers", `pktinfo_${role}.js`),
    ],
  });
  return {
    c: {
      id: "c",
      label: "C",
      skip: uncompiled.c ?? undefined,
      command: (role) => [compiled(`c_${role}`)],
    },
    runtimes: [
      ...nodes,
      {
        id: "deno",
        label: "Deno.listenDatagram",
        command: (role) => [...denoUnstable, script(`deno_${role}.ts`)],
      },
      {
        id: "rust",
        label: "Rust std::net",
        skip: uncompiled.rust ?? undefined,
        command: (role) => [compiled(`rust_${role}`)],
      },
      {
        id: "python",
        label: "Python asyncio",
        skip: python ? undefined : "no python3 on PATH",
        command: (role) => [python?.command ?? "python3", script(`python_${role}.py`)],
      },
    ],
    bun: {
      id: "bun",
      label: "Bun.udpSocket",
      skip: noBun,
      command: (role) => [bun?.command ?? "bun", script(`bun_${role}.mjs`)],
    },
    ours: [
      {
        id: "pktinfo",
        label: "pktinfo on Deno",
        ours: true,
        command: (role) => [...deno, script(`pktinfo_${role}.ts`)],
      },
      ...found.nodes.map((runtime) =>
        inTree(`node${major(runtime)}`, `Node ${major(runtime)}`, runtime.command)
      ),
      inTree("bun", "Bun", bun?.command ?? "bun", noBun),
    ],
  };
}

const major = ({ version }: Runtime): number => Number.parseInt(version);
