/**
 * When a reader looks for packets again: at once, a turn later, after a rest, or when the poller says so.
 *
 * @module
 */

/**
 * Packets taken before everybody else gets a turn: promises that resolve at
 * once never leave the microtask queue, where timers starve.
 */
const PACKETS_A_TURN = 256;
/**
 * So long a turn lasts: whoever works long over each packet would keep timers waiting for 256 of them. The time is
 * looked at before a call, and not before so many packets as a full call brings: one that has few pays nothing.
 */
const TURN_MS = 4;
const FULL_CALL = 32;
/**
 * So many packets since it was parked are traffic: the next one is near. Then it
 * looks once more, a turn later (2 us), before it parks (being woken costs 40). A
 * request that is answered and done parks at once.
 */
const TRAFFIC = 4;
/**
 * So many in so short a time are a stream. A reader that is a little faster would make a call for each packet and
 * be busy all the time; it rests instead, and one call brings what has gathered meanwhile. (Who asks one question
 * after the other, on the same processor, is answered without ever parking, too: but not so fast.)
 */
const STREAM = 256;
const STREAM_MS = 1;
/** What a rest has to bring, or the stream is over: a packet may wait for nothing but many others. */
const GATHERED = 32;
/** So long a call that emptied the kernel's queue is believed. Whoever takes longer over its packets is not ahead. */
const BELIEVED_MS = 0.02;

/** How the next look comes about. */
export type NextLook = "turn" | "rest" | "park";

/** The pace of one reader. */
export class Pace {
  /** How many packets may still be taken in this turn. */
  left = PACKETS_A_TURN;
  /** When the first packets of the turn were taken. */
  #turnFrom = 0;
  /** Packets since it parked. */
  #recent = 0;
  /** Whether it has looked in vain since the last packet. */
  #lookedAgain = false;
  /** Packets since the time from which they are counted. */
  #counted = 0;
  #countedFrom = 0;
  /** Whether it is a stream, and what has come since the last rest in it. */
  #streams = false;
  #gathered = 0;
  /** Calls in a row that left nothing behind, and when the last one was. */
  #emptied = 0;
  #emptiedAt = 0;
  /** Until when it looks turn by turn. */
  #busyUntil = 0;

  /**
   * @param sockets How many sockets are read in turn.
   * @param rests Whether there is a way to rest.
   * @param busyPollMs How long it looks by itself, turn by turn, before it parks; 0: not at all.
   * @param now The time in milliseconds.
   */
  constructor(
    readonly sockets: number,
    readonly rests: boolean,
    readonly busyPollMs: number,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** Whoever reads has had time for work of its own since: ends a turn that has lasted long. */
  mindTime(): void {
    if (this.left <= PACKETS_A_TURN - FULL_CALL && this.now() - this.#turnFrom > TURN_MS) {
      this.left = 0;
    }
  }

  /** Whether a look is worth a call now. */
  get looks(): boolean {
    if (this.left <= 0) return false;
    return !this.#streams || this.#emptied < this.sockets ||
      this.now() - this.#emptiedAt > BELIEVED_MS;
  }

  /** Notes what a call brought of what it had room for. */
  took(count: number, room: number): void {
    if (count > 0 && this.left === PACKETS_A_TURN) this.#turnFrom = this.now();
    this.left -= count;
    this.#recent += count;
    if (count > 0) this.#lookedAgain = false;
    if (this.#streams) this.#gathered += count;
    else if (this.rests) this.#count(count);
    this.#emptied = count < room ? this.#emptied + 1 : 0;
    if (this.#emptied > 0 && this.#streams) this.#emptiedAt = this.now();
  }

  /** Somebody begins to wait. */
  waits(): void {
    if (this.busyPollMs > 0) this.#busyUntil = this.now() + this.busyPollMs;
  }

  #count(count: number): void {
    if (this.#counted === 0) this.#countedFrom = this.now();
    this.#counted += count;
    if (this.#counted < STREAM) return;
    this.#streams = this.now() - this.#countedFrom <= STREAM_MS;
    this.#gathered = this.#counted;
    this.#counted = 0;
  }

  /** Everybody else had a turn. */
  turn(): void {
    this.left = PACKETS_A_TURN;
    this.#emptied = 0;
  }

  /** Nothing is here and somebody waits: what to do until the next look. */
  next(): NextLook {
    const busy = this.busyPollMs > 0 && this.now() < this.#busyUntil;
    if (this.left > 0 && !busy) {
      this.#streams &&= this.#gathered >= GATHERED;
      if (this.#streams) {
        this.#gathered = 0;
        return "rest";
      }
      if (this.#recent < TRAFFIC || this.#lookedAgain) {
        this.#recent = this.#counted = 0;
        return "park";
      }
    }
    this.#lookedAgain = true;
    return "turn";
  }
}
