/** Starts the programs with real clients, on whichever runtime, with our module or Node's. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commandOf, type TestOptions } from "../harness.ts";
import type { Host } from "../lab/lab.ts";
import type { Program } from "../lab/process.ts";
import { type TwoNetworks, twoNetworks } from "../lab/topologies.ts";

/** What runs a client. */
export type Runtime = "Node" | "Deno" | "Bun";

/** All of them. */
export const runtimes: readonly Runtime[] = ["Node", "Deno", "Bun"];

/** What scripts/clients_stage.ts has got ready; without it nothing here runs. */
const { PKTINFO_CLIENTS, PKTINFO_TREE, PKTINFO_NODE, PKTINFO_BUN } = process.env;

export const needs: TestOptions = {
  needs: ["lab"],
  skip: PKTINFO_CLIENTS === undefined && "needs the clients (scripts/clients_stage.ts)",
};

/** The folder from which clients can be required. */
export const clientsFolder: string = PKTINFO_CLIENTS ?? "";
/** Node. */
export const nodeProgram: string = PKTINFO_NODE ?? "";
/** The repository as JavaScript. */
export const javascriptTree: string = PKTINFO_TREE ?? "";

function command(runtime: Runtime, program: string, wish: string): [string, string[]] {
  const file = `tests/clients/programs/${program}`;
  if (runtime === "Deno") {
    const path = fileURLToPath(new URL(`../../${file}.ts`, import.meta.url));
    return commandOf(path, ["--allow-all"], [wish]);
  }
  return [runtime === "Bun" ? PKTINFO_BUN! : nodeProgram, [`${PKTINFO_TREE}/${file}.js`, wish]];
}

/** How a client is run. */
export interface ClientOptions {
  /** Default: Node. */
  runtime?: Runtime;
  /** Default: ours. */
  dgram?: "ours" | "node";
}

/** An event that a client tells. */
export type Told = Record<string, unknown> & { event: string };

/** A client that runs. */
export class RunningClient {
  constructor(readonly program: Program) {}

  /** The next event; with a name, the next of that name. */
  async next(event?: string): Promise<Told> {
    for (;;) {
      const told = await this.program.nextJson<Told>(10_000);
      if (event === undefined || told.event === event) return told;
    }
  }

  /** Events told and not asked for. */
  pending(): Told[] {
    return this.program.takeLines().map((line) => JSON.parse(line));
  }
}

/** Starts a program of tests/clients/programs on a host. */
export async function startClient(
  host: Host,
  program: string,
  wish: object,
  { runtime = "Node", dgram = "ours" }: ClientOptions = {},
): Promise<RunningClient> {
  const [file, args] = command(runtime, program, JSON.stringify(wish));
  const env = { PKTINFO_DGRAM: dgram, NODE_NO_WARNINGS: "1" };
  return new RunningClient(await host.spawn(file, args, { env }));
}

/**
 * Here between two networks, with a route to anywhere on each host: that is where clients send groups which name no interface.
 * Here it leads into A.
 */
export async function routedNetworks(): Promise<TwoNetworks & AsyncDisposable> {
  const net = await twoNetworks();
  try {
    await net.here.ip("route add default via 10.1.0.100");
    await net.a.ip("route add default via 10.1.0.1");
    await net.b.ip("route add default via 10.2.0.1");
    return net;
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}
