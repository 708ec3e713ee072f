/** Running the tools that scripts/test.ts consists of. */

/** How a command ended. */
export interface Ended {
  code: number;
  /** stdout and stderr, in the order in which they came. */
  output: string;
}

const running = new Set<Deno.ChildProcess>();
let stopping = false;

/** The temporary folder of everything that runs: what a killed program leaves behind goes with it. */
export const scratch = Deno.makeTempDirSync({ prefix: "pktinfo-" });

export function removeScratch() {
  Deno.removeSync(scratch, { recursive: true });
}

/** Runs a command to its end. It is killed after `limit` seconds. */
export async function run(
  command: readonly string[],
  { env = {}, limit = 600 }: { env?: Record<string, string>; limit?: number } = {},
): Promise<Ended> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1", TMPDIR: scratch, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child);
  let output = "";
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child, "SIGKILL");
  }, limit * 1000);
  try {
    const [{ code }] = await Promise.all([
      child.status,
      collect(child.stdout),
      collect(child.stderr),
    ]);
    // Nobody is to go on with the next command while this process is on its way out.
    if (stopping) await new Promise(() => {});
    if (!late) return { code, output };
    return {
      code: code || 1,
      output: `${output}\nkilled after ${limit} seconds: ${command.join(" ")}\n`,
    };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal) {
  try {
    child.kill(signal);
  } catch {
    // It ended by itself in this moment.
  }
}

/** Ends everything that runs: politely, and a second later by force. A namespace dies with its first process. */
export async function stopAll(): Promise<void> {
  stopping = true;
  const children = [...running];
  for (const child of children) kill(child, "SIGTERM");
  const ended = Promise.all(children.map((child) => child.status));
  const timer = setTimeout(() => {
    for (const child of children) kill(child, "SIGKILL");
  }, 1000);
  await ended;
  clearTimeout(timer);
}

/** The files below a folder of the repository (or the folder itself, if it is a file), as relative paths, sorted. */
export function filesBelow(path: string, wanted: (path: string) => boolean): string[] {
  const root = new URL("..", import.meta.url);
  const found: string[] = [];
  const visit = (relative: string) => {
    for (const entry of Deno.readDirSync(new URL(relative === "" ? "." : relative + "/", root))) {
      const child = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (entry.name.startsWith(".") || entry.name === "node_modules" || child === "npm") continue;
      if (entry.isDirectory) visit(child);
      else if (wanted(child)) found.push(child);
    }
  };
  try {
    visit(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}
