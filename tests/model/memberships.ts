/**
 * What a socket's joins, leaves and blocks come to, as the documentation has it, and as plainly as it can be said:
 * lists that are searched, no counting, no kernel.
 */

/** One call of `join`. */
export interface ModelMembership {
  readonly group: string;
  /** The only sender, or `null`. */
  readonly source: string | null;
  /** Joined without an interface: it follows those that come and go. */
  readonly follows: boolean;
  /** The interfaces it is joined on, by index. */
  readonly on: Set<number>;
  /** Where it could not be joined. */
  readonly failed: Set<number>;
  /** Where it was left since. */
  readonly left: Set<number>;
}

/** Who is blocked from a group: what holds on an interface stays with it while the interface is away. */
interface Blocked {
  readonly at: Map<number, Set<string>>;
  /** On those that are to come. */
  readonly elsewhere: Set<string>;
}

/** The memberships of one socket. */
export class ModelMemberships {
  readonly list: ModelMembership[] = [];
  readonly #blocked = new Map<string, Blocked>();

  /** Those of a group on an interface. */
  at(group: string, index: number): ModelMembership[] {
    return this.list.filter((one) => one.group === group && one.on.has(index));
  }

  /** Whether a membership cannot be had beside what there is: for any sender and for some, on one interface. */
  conflicts(group: string, source: string | null, index: number): boolean {
    return this.at(group, index).some((other) => (other.source === null) !== (source === null));
  }

  /**
   * Joins.
   *
   * @param named The interface, or `null`: then it joins on all `candidates`, and follows.
   * @returns `null` where it is refused.
   */
  join(
    group: string,
    source: string | null,
    named: number | null,
    candidates: readonly number[],
  ): ModelMembership | null {
    if (named !== null && this.conflicts(group, source, named)) return null;
    const follows = named === null;
    const membership: ModelMembership = {
      group,
      source,
      follows,
      on: new Set(),
      failed: new Set(),
      left: new Set(),
    };
    for (const index of follows ? candidates : [named]) {
      if (this.conflicts(group, source, index)) membership.failed.add(index);
      else {
        // Whoever asks for a group where it is not joined hears everybody.
        if (this.at(group, index).length === 0) this.#blocked.get(group)?.at.set(index, new Set());
        membership.on.add(index);
      }
    }
    this.list.push(membership);
    return membership;
  }

  /** `membership.leave()`. */
  leave(membership: ModelMembership): void {
    membership.on.clear();
    membership.failed.clear();
    const at = this.list.indexOf(membership);
    if (at >= 0) this.list.splice(at, 1);
    this.#tidy();
  }

  /** `socket.leave(group, { interface, source })`. */
  leaveGroup(group: string, source: string | null, index: number | null): void {
    for (const one of this.list.filter((one) => one.group === group)) {
      if (source !== null && one.source !== source) continue;
      if (index === null) this.leave(one);
      else {
        one.left.add(index);
        one.on.delete(index);
        one.failed.delete(index);
        if (!one.follows && one.on.size === 0) this.leave(one);
      }
    }
    this.#tidy();
  }

  /** A group that nobody has joined blocks nobody. */
  #tidy(): void {
    for (const group of this.#blocked.keys()) {
      if (!this.list.some((one) => one.group === group)) this.#blocked.delete(group);
    }
  }

  /** Blocks a sender or takes it back; returns whether there was anything to block it from. */
  block(group: string, source: string, index: number | null, blocks: boolean): boolean {
    const joined = this.list.some((one) =>
      one.group === group && one.source === null &&
      (index === null ? one.on.size > 0 : one.on.has(index))
    );
    if (!joined) return false;
    const blocked = this.#blocked.get(group) ?? { at: new Map(), elsewhere: new Set() };
    this.#blocked.set(group, blocked);
    if (index !== null && !blocked.at.has(index)) {
      blocked.at.set(index, new Set(blocked.elsewhere));
    }
    const places = index === null
      ? [blocked.elsewhere, ...blocked.at.values()]
      : [blocked.at.get(index)!];
    for (const place of places) {
      if (blocks) place.add(source);
      else place.delete(source);
    }
    return true;
  }

  /** The senders of a group that are blocked anywhere. */
  blocked(group: string): string[] {
    const { at, elsewhere } = this.#blocked.get(group) ?? { at: new Map<number, Set<string>>() };
    return [...new Set([...elsewhere ?? [], ...[...at.values()].flatMap((one) => [...one])])];
  }

  /** Something was told of an interface that is up: those that follow join it, unless they left it. */
  told(index: number): void {
    for (const one of this.list) {
      if (!one.follows || one.on.has(index) || one.left.has(index)) continue;
      const refused = this.conflicts(one.group, one.source, index);
      (refused ? one.failed : one.on).add(index);
      if (!refused) one.failed.delete(index);
    }
  }

  /** An interface went down: those that follow leave it. The others' memberships the kernel keeps. */
  down(index: number): void {
    for (const one of this.list) {
      if (!one.follows) continue;
      one.on.delete(index);
      one.failed.delete(index);
    }
  }

  /** An interface is gone for good. */
  gone(index: number): void {
    this.down(index);
    for (const one of this.list) if (one.follows) one.left.delete(index);
    for (const { at } of this.#blocked.values()) at.delete(index);
  }

  /** Whether a datagram to a group is wanted. */
  accepts(group: string, index: number, source: string): boolean {
    const blocked = this.#blocked.get(group);
    const unwanted = (blocked?.at.get(index) ?? blocked?.elsewhere)?.has(source) ?? false;
    return this.at(group, index).some((one) =>
      one.source === null ? !unwanted : one.source === source
    );
  }
}
