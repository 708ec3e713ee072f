/** Numbered datagrams: which have come, which twice. Pure. */

/** So many of the latest numbers are remembered one by one. */
const WINDOW = 1 << 13;

/**
 * The numbers of one stream, each of which is to come once at the most.
 *
 * Memory does not grow: of numbers that are far behind the latest only the count is kept.
 */
export class Numbers {
  /** Different numbers that have come. */
  count = 0;
  /** Numbers that came again, or so late that nobody can tell. */
  repeated = 0;
  /** Numbers that came after a later one. */
  late = 0;
  /** The latest. */
  last = -1;
  readonly #seen = new Uint8Array(WINDOW);

  /** Notes a number. */
  add(number: number): void {
    const slot = number % WINDOW;
    if (number > this.last) {
      const skipped = Math.min(number - this.last - 1, WINDOW);
      for (let i = 1; i <= skipped; i++) this.#seen[(number - i) % WINDOW] = 0;
      this.last = number;
    } else {
      if (number <= this.last - WINDOW || this.#seen[slot] === 1) {
        this.repeated++;
        return;
      }
      this.late++;
    }
    this.#seen[slot] = 1;
    this.count++;
  }
}
