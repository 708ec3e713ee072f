/** What V8 counted: which offsets of a program no run has executed. */

/** One function of a profile; its first range is the function itself, others are blocks in it. */
interface Counted {
  ranges: { startOffset: number; endOffset: number; count: number }[];
}

/** One script in one process. */
interface Profile {
  url: string;
  functions: Counted[];
}

/** A piece of a program's text. */
export interface Range {
  start: number;
  end: number;
}

/** Marks what a profile executed. Ranges inside of others come later there, and say more. */
function mark(executed: Uint8Array, { functions }: Profile) {
  const counts = new Uint8Array(executed.length);
  const outerFirst = functions.toSorted(({ ranges: [a] }, { ranges: [b] }) =>
    a.startOffset - b.startOffset || b.endOffset - a.endOffset
  );
  for (const { ranges } of outerFirst) {
    for (const { startOffset, endOffset, count } of ranges) {
      counts.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
  }
  for (let at = 0; at < counts.length; at++) executed[at] |= counts[at];
}

/** How long the text was that a profile is about. */
function lengthOf({ functions }: Profile): number {
  return Math.max(...functions.map(({ ranges: [whole] }) => whole.endOffset));
}

/** What some processes together have executed, file by file. */
export class Executed {
  readonly #files = new Map<string, Uint8Array>();

  /**
   * Adds all profiles of a folder, as Deno (one script a file) and Node (one process a file) write them.
   *
   * @param fileOf The source of a script; null: it does not count.
   */
  async addFolder(folder: string, fileOf: (url: string) => string | null): Promise<void> {
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith(".json")) continue;
      const text = await Deno.readTextFile(`${folder}/${name}`);
      // A process that was killed leaves an empty file behind.
      if (text === "") continue;
      const found = JSON.parse(text);
      for (const profile of (found.result ?? [found]) as Profile[]) {
        const file = fileOf(profile.url);
        if (file !== null) this.#add(file, profile);
      }
    }
  }

  #add(file: string, profile: Profile) {
    const length = lengthOf(profile);
    let executed = this.#files.get(file);
    if (executed === undefined) this.#files.set(file, executed = new Uint8Array(length));
    // Then offsets would mean different things.
    if (executed.length !== length) throw new Error(`${file} was changed between two runs`);
    mark(executed, profile);
  }

  /** What no process executed of a file's script, from the first to the last; null: none has loaded it. */
  gaps(file: string): Range[] | null {
    const executed = this.#files.get(file);
    if (executed === undefined) return null;
    const gaps: Range[] = [];
    for (let start = executed.indexOf(0); start >= 0;) {
      const next = executed.indexOf(1, start);
      const end = next < 0 ? executed.length : next;
      gaps.push({ start, end });
      start = executed.indexOf(0, end);
    }
    return gaps;
  }
}
