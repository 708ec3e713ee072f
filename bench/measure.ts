// Runs peers and turns what they print into medians and ratios. Knows nothing of the single measures.

/** One value a run yields: CPU time per packet, a latency … */
export interface Measure {
  id: string;
  title: string;
  unit: string;
  /** What the number means, in one line. */
  note: string;
}

/** One peer in one group of measures. */
export interface Job {
  id: string;
  label: string;
  ours: boolean;
  /** Why it cannot run on this machine. */
  skip?: string;
  /** One run: a value for each measure of the group. */
  run(): Promise<Record<string, number>>;
}

/** Measures that come from the same runs. */
export interface Group {
  id: string;
  measures: Measure[];
  jobs: Job[];
}

/** A peer's line in the results of one measure. */
export interface Row {
  id: string;
  label: string;
  ours: boolean;
  /** One value a round; null where the run failed. */
  samples: (number | null)[];
  median: number | null;
  /** Median over the rounds of this peer's value divided by the other's in the same round. */
  ratios: Record<string, number>;
  skipped?: string;
  failed?: string;
}

/** The outcome of one measure. */
export interface MeasureResult extends Measure {
  group: string;
  rows: Row[];
}

/** Longer than any honest run; a peer that hangs is killed. */
const LIMIT_MS = 60_000;

/** A program under way: its lines, its end. Always stopped by its own handle. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;
  readonly #errors: Promise<string>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #name: string;

  constructor(command: string[]) {
    const [file, ...args] = command;
    const script = command.findLast((part) => /\.(?:ts|m?js|py)$/.test(part)) ?? file;
    this.#name = script.replace(/^.*[/\\]/, "");
    this.#child = new Deno.Command(file, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // NO_COLOR: the first line of an error goes into the table.
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#lines = lines(this.#child.stdout);
    this.#errors = new Response(this.#child.stderr).text();
    this.#timer = setTimeout(() => this.kill(), LIMIT_MS);
  }

  /** The next line it prints, as JSON of named numbers. */
  async json(): Promise<Record<string, number>> {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    // results.json is kept in git: no folder of this machine in it
    const error = (await this.#errors).trim().split("\n")[0].replace(/file:\/\/\S*\//g, "");
    throw new Error(`${this.#name} ended without a result${error === "" ? "" : `: ${error}`}`);
  }

  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#child.status;
    clearTimeout(this.#timer);
    await this.#lines.return(undefined);
    await this.#errors;
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs every job of every group once a round. Each round starts with the next job, so that none always follows the same neighbour.
 */
export async function runRounds(
  groups: Group[],
  rounds: number,
  progress: (text: string) => void,
): Promise<MeasureResult[]> {
  const taken = new Map<Job, Record<string, number>[]>();
  const failed = new Map<Job, string>();
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      const jobs = group.jobs.filter((job) => job.skip === undefined);
      for (let i = 0; i < jobs.length; i++) {
        const job = jobs[(i + round) % jobs.length];
        let values: Record<string, number> = {};
        try {
          values = await job.run();
        } catch (error) {
          failed.set(job, error instanceof Error ? error.message : String(error));
        }
        taken.set(job, [...taken.get(job) ?? [], values]);
        const shown = group.measures.filter(({ id }) => id in values)
          .map(({ id, unit }) => `${values[id].toFixed(2)} ${unit}`);
        const text = shown.length > 0 ? shown.join(", ") : failed.get(job);
        progress(`round ${round + 1}/${rounds}  ${group.id}  ${job.label}: ${text}`);
      }
    }
  }
  return groups.flatMap((group) =>
    group.measures.map((measure) => ({
      ...measure,
      group: group.id,
      rows: rowsOf(measure, group.jobs, taken, failed),
    }))
  );
}

function rowsOf(
  measure: Measure,
  jobs: Job[],
  taken: Map<Job, Record<string, number>[]>,
  failed: Map<Job, string>,
): Row[] {
  const samplesOf = (job: Job) =>
    (taken.get(job) ?? []).map((values) => values[measure.id] ?? null);
  const bases = jobs.filter((job) => !job.ours && job.skip === undefined);
  return jobs.map((job) => {
    const samples = samplesOf(job);
    const ratios: Record<string, number> = {};
    for (const base of bases) {
      const ratio = median(quotients(samples, samplesOf(base)));
      if (ratio !== null) ratios[base.id] = round3(ratio);
    }
    const middle = median(samples.filter((value) => value !== null));
    return {
      id: job.id,
      label: job.label,
      ours: job.ours,
      samples: samples.map((value) => value === null ? null : round3(value)),
      median: middle === null ? null : round3(middle),
      ratios,
      skipped: job.skip,
      failed: failed.get(job),
    };
  });
}

/** Round by round: a slow phase of the machine meets both. */
function quotients(values: (number | null)[], bases: (number | null)[]): number[] {
  return values.flatMap((value, round) => {
    const base = bases[round];
    return value === null || base === null || base === undefined || base === 0
      ? []
      : [value / base];
  });
}

const round3 = (value: number): number => Math.round(value * 1000) / 1000;
