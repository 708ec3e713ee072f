/**
 * Findings that are told with their description, where that can be fetched.
 *
 * Whoever announces a thousand devices must not have us ask a thousand servers: few descriptions are fetched at one time,
 * each once; what finds no place is told without.
 */
import type { Found } from "../found.ts";
import type { Findings } from "./findings.ts";
import { hostAndPort, type Location, mayConnect } from "./http.ts";

const MAX_AT_ONCE = 8;
const MAX_KEPT = 64;
const MAX_WAITING = 256;

export class Described<T, L extends Location = Location> {
  readonly #findings: Findings;
  readonly #fetch: (location: L, signal: AbortSignal) => Promise<T>;
  readonly #kept = new Map<string, Promise<T | undefined>>();
  /** Keys of what becomes a finding when its description has come. */
  readonly #waiting = new Set<string>();
  readonly #left = new AbortController();
  #atOnce = 0;

  constructor(
    findings: Findings,
    fetch: (location: L, signal: AbortSignal) => Promise<T>,
  ) {
    this.#findings = findings;
    this.#fetch = fetch;
  }

  /**
   * Something was seen: see {@linkcode Findings.seen}.
   *
   * @param location Where its description is, if it may be fetched.
   * @param toFound What it is, with its description or without.
   */
  seen(
    key: string,
    location: L | null,
    lifetimeMs: number,
    toFound: (description?: T) => Found,
  ): void {
    if (this.#waiting.has(key)) return;
    if (location === null || this.#findings.has(key) || !this.#mayFetch(location)) {
      this.#findings.seen(key, toFound(), lifetimeMs);
      return;
    }
    this.#waiting.add(key);
    this.#description(location).then((description) => {
      // It may have said goodbye meanwhile.
      if (this.#waiting.delete(key)) this.#findings.seen(key, toFound(description), lifetimeMs);
    });
  }

  /** All whose key begins like this are gone. */
  gone(prefix: string): void {
    for (const key of this.#waiting) if (key.startsWith(prefix)) this.#waiting.delete(key);
    this.#findings.gone(prefix);
  }

  /** Ends the findings, and what is under way. */
  end(): void {
    this.#left.abort();
    this.#findings.end();
  }

  #mayFetch(location: L): boolean {
    return this.#waiting.size < MAX_WAITING && mayConnect(location) &&
      (this.#kept.has(keyOf(location)) || this.#atOnce < MAX_AT_ONCE);
  }

  #description(location: L): Promise<T | undefined> {
    const key = keyOf(location);
    let description = this.#kept.get(key);
    if (description === undefined) {
      this.#atOnce++;
      description = this.#fetch(location, this.#left.signal)
        // It is asked for again when something else is said to be described there.
        .catch(() => void this.#kept.delete(key))
        .finally(() => this.#atOnce--);
      if (this.#kept.size === MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(key, description);
    }
    return description;
  }
}

function keyOf(location: Location): string {
  return hostAndPort(location) + location.path;
}
