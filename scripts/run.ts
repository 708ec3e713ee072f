/** Running the tools that scripts/test.ts consists of. */

/** How a command ended. */
export interface Ended {
  code: number;
  /** stdout and stderr, in the order in which they came. */
  output: string;
}

const running = new Set<Deno.ChildProcess>();
let stopping = false;

const temporary = new Set<string>();

/** Has a folder removed when this process ends, in whichever way. */
export function removeAtEnd(folder: string) {
  temporary.add(folder);
}

let scratchFolder: string | undefined;

/** The temporary folder of everything that runs: what a killed program leaves behind goes with it. */
export function scratch(): string {
  if (scratchFolder === undefined) {
    scratchFolder = Deno.makeTempDirSync({ prefix: "pktinfo-" });
    removeAtEnd(scratchFolder);
  }
  return scratchFolder;
}

export function removeScratch() {
  for (const folder of temporary) remove(folder);
}

function remove(folder: string) {
  for (let attempt = 1;; attempt++) {
    try {
      return Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      // It may have been given another name.
      if (error instanceof Deno.errors.NotFound) return;
      if (attempt === 20) throw error;
      // The processes of a namespace that was killed may still write while they die.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

/** How a command is run. */
export interface RunOptions {
  env?: Record<string, string>;
  /** Default: the repository. */
  cwd?: string;
  /** After so many seconds it is killed. Default: 600. */
  limit?: number;
}

/** Runs a command to its end. */
export async function run(
  command: readonly string[],
  { env = {}, cwd, limit = 600 }: RunOptions = {},
): Promise<Ended> {
  await unlessStopping();
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    cwd: cwd ?? new URL("..", import.meta.url),
    env: { NO_COLOR: "1", TMPDIR: scratch(), ...env },
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
    await unlessStopping();
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

/** Nobody is to go on with the next command while this process is on its way out. */
async function unlessStopping() {
  if (stopping) await new Promise(() => {});
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
