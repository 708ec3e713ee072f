/**
 * Readiness: one for the whole process, for as long as a socket is open.
 *
 * Sockets *arm* themselves while somebody waits; each arming fires once. While
 * anything is armed one blocking wait is pending on another thread, otherwise
 * none: an idle process makes no calls at all, and nothing that is not waited
 * for keeps the process alive.
 *
 * @module
 */

import { EpollReadiness } from "./poller_epoll.ts";
import { PollReadiness } from "./poller_poll.ts";
import { WatchReadiness } from "./poller_watch.ts";
import type { Readiness, Watched } from "./poller_readiness.ts";
import { unlessRefused } from "./errors.ts";
import type { System } from "./syscalls.ts";
import { openWake, type Wake } from "./wake.ts";

export { READ, WRITE } from "./poller_readiness.ts";

/** Failed waits in a row after which every socket is told to look for itself. */
const MAX_FAILURES = 8;
/** A wait that keeps failing must not become a busy loop. */
const PAUSE_MS = 50;
/** How long a quiet registration goes without a wait before it gets one of its own. */
const QUIET_MS = 100;

/** A descriptor known to the poller. */
export class Registration implements Watched {
  /** What is waited for now: {@linkcode READ}, {@linkcode WRITE}, both or neither. */
  interest = 0;
  /** What the kernel was last asked for; it outlives `interest` until it fires. */
  kernelInterest = 0;
  #held = true;

  constructor(
    readonly poller: Poller,
    readonly fd: number,
    /** Never used twice, unlike descriptors: an event that comes late finds nobody. */
    readonly token: number,
    readonly onReady: (events: number) => void,
    /**
     * It is no reason to wait: it comes along with the waits of others, and gets
     * one that does not keep the process alive only when there was none for a while.
     */
    readonly quiet: boolean,
  ) {}

  /** Which kind of wait it needs. */
  get need(): "held" | "free" | "quiet" {
    return this.quiet ? "quiet" : this.#held ? "held" : "free";
  }

  /** Whether waiting on it keeps the process alive. */
  set held(value: boolean) {
    if (value === this.#held) return;
    const { interest } = this;
    this.poller.setInterest(this, 0);
    this.#held = value;
    this.poller.setInterest(this, interest);
  }

  /** Asks to be told once. */
  arm(interest: number): void {
    this.poller.setInterest(this, this.interest | interest);
  }

  /** Asks no longer. */
  disarm(interest: number): void {
    this.poller.setInterest(this, this.interest & ~interest);
  }

  /**
   * Leaves the poller.
   *
   * @param closable Called, at once where that is possible, when the descriptor may be closed.
   * @returns Resolves when the poller holds nothing of it any more.
   */
  remove(closable: () => void): Promise<void> {
    return this.poller.remove(this, closable);
  }
}

/** Waits for all sockets of the process. */
export class Poller {
  readonly #readiness: Readiness<Registration>;
  readonly #registrations = new Map<number, Registration>();
  /** How many armed registrations hold the process, do not, and are quiet. */
  readonly #armed = { held: 0, free: 0, quiet: 0 };
  /** The pending waits: one that holds the process, one that does not. */
  readonly #pending: {
    held: Promise<void> | null;
    free: Promise<void> | null;
  } = {
    held: null,
    free: null,
  };
  readonly #wakeUp: Wake;
  /** Cancels the timer after which the quiet ones get a wait. */
  #cancelQuiet: (() => void) | null = null;
  #failures = 0;
  /** After it every socket looks for itself. */
  #pause: ReturnType<typeof setTimeout> | undefined;
  #nextToken = 1;
  #closed = false;

  constructor(readonly system: System, readonly onClosed: () => void) {
    this.#wakeUp = openWake(system);
    const { fd } = this.#wakeUp;
    const { platform: { epoll }, runtime: { watch } } = system;
    try {
      this.#readiness = watch
        ? new WatchReadiness(watch, fd)
        : epoll
        ? new EpollReadiness(system, epoll, fd, this.#registrations)
        : new PollReadiness(system, fd, this.#registrations);
    } catch (error) {
      this.#wakeUp.close();
      throw error;
    }
  }

  /** Adds a descriptor. `onReady` is called with what fired, once for each arming. */
  register(fd: number, onReady: (events: number) => void, quiet = false): Registration {
    const registration = new Registration(this, fd, this.#nextToken++, onReady, quiet);
    try {
      this.#readiness.add(registration);
    } catch (error) {
      if (this.#registrations.size === 0) this.#close();
      throw error;
    }
    this.#registrations.set(registration.token, registration);
    return registration;
  }

  /** @internal Through {@linkcode Registration.arm} and its like. */
  setInterest(registration: Registration, interest: number): void {
    const before = registration.interest;
    if (interest === before || !this.#registrations.has(registration.token)) {
      return;
    }
    registration.interest = interest;
    const count = registration.need;
    if (before === 0) this.#armed[count]++;
    if (interest === 0) this.#armed[count]--;
    // Interest that ends is not told to the kernel: it fires at most once more.
    const news = (interest & ~registration.kernelInterest) !== 0 && this.#change(registration);
    this.#update(news);
  }

  /** Whoever cannot be waited for (epoll_ctl says ENOMEM, ENOSPC) looks for himself, after a while. */
  #change(registration: Registration): boolean {
    return unlessRefused(() => this.#readiness.change(registration), () => {
      this.#giveUp();
      return false;
    });
  }

  /** Starts the wait that is needed and ends the one that no longer is. */
  #update(restart: boolean): void {
    if (this.#closed) return;
    const { held, free, quiet } = this.#armed;
    const unneeded = (held === 0 && this.#pending.held !== null) ||
      (held > 0 && free === 0 && this.#pending.free !== null);
    if (restart || unneeded) this.#wake();
    if (held > 0) this.#start("held");
    else if (free > 0) this.#start("free");
    else if (quiet > 0) this.#startQuietLater();
  }

  /** Between two waits of a busy socket there is no reason for one of another kind. */
  #startQuietLater(): void {
    this.#cancelQuiet ??= this.system.runtime.later(QUIET_MS, () => {
      this.#cancelQuiet = null;
      const { held, free, quiet } = this.#armed;
      if (!this.#closed && held + free === 0 && quiet > 0) this.#start("free");
    });
  }

  #wake(): void {
    if (this.#pending.held || this.#pending.free) {
      this.#wakeUp.set();
    }
  }

  #start(which: "held" | "free"): void {
    this.#pending[which] ??= this.#wait(which);
  }

  async #wait(which: "held" | "free"): Promise<void> {
    const hold = which === "held";
    let result = -1;
    try {
      result = await this.#readiness.wait(hold);
    } catch {
      // A wait that cannot be started is one that failed, but not before
      // `#start` has noted that it is pending.
      await null;
    }
    this.#pending[which] = null;
    const failures = this.#failures;
    let news = false;
    if (result < 0 && ++this.#failures > MAX_FAILURES) return this.#giveUp();
    const woken = this.#readiness.collect(
      result,
      hold,
      (registration, events) => {
        news = true;
        registration.kernelInterest = 0;
        const fired = registration.interest & events;
        const rest = registration.interest & ~events;
        if (registration.interest !== 0) {
          this.setInterest(registration, 0);
          if (rest !== 0) this.setInterest(registration, rest);
        }
        if (fired !== 0) tell(registration, fired);
      },
    );
    // A signal meant for another wait stays until that one has seen it.
    // (A callback may have removed the last registration: then the signal's descriptor is closed.)
    // One that cannot be cleared would end each wait at once.
    if (woken && !this.#closed && !this.#pending.held && !this.#pending.free) {
      if (!this.#wakeUp.clear() && ++this.#failures > MAX_FAILURES) return this.#giveUp();
    }
    // What is long gone may be told of now and then, but not in one wait after the other.
    if (!woken && !news && result >= 0 && ++this.#failures > MAX_FAILURES) return this.#giveUp();
    if (this.#failures === failures) this.#failures = 0;
    this.#update(false);
  }

  /** The wait itself fails: let every socket make its own call and see its own error. */
  #giveUp(): void {
    this.#failures = 0;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#tellAll();
    }, PAUSE_MS);
  }

  #tellAll(): void {
    const armed = [...this.#registrations.values()].filter(({ interest }) => interest !== 0);
    const told = armed.map((registration) => [registration, registration.interest] as const);
    for (const registration of armed) {
      registration.kernelInterest = 0;
      registration.interest = 0;
    }
    this.#armed.held = this.#armed.free = this.#armed.quiet = 0;
    for (const [registration, interest] of told) {
      // A callback may have removed another: its descriptor may be somebody else's by now.
      if (this.#registrations.has(registration.token)) tell(registration, interest);
    }
  }

  /** @internal Through {@linkcode Registration.remove}. */
  async remove(registration: Registration, closable: () => void): Promise<void> {
    if (!this.#registrations.has(registration.token)) return;
    this.setInterest(registration, 0);
    this.#registrations.delete(registration.token);
    try {
      this.#readiness.remove(registration);
    } catch {
      // Somebody has closed the descriptor: the kernel has forgotten it already.
    }
    const last = this.#registrations.size === 0;
    if (last) {
      this.#closed = true;
      this.#cancelQuiet?.();
      if (this.#pause !== undefined) clearTimeout(this.#pause);
      this.onClosed();
    }
    const { held, free } = this.#pending;
    const waiting = held !== null || free !== null;
    // The descriptor's number may be reused as soon as it is closed: no wait
    // may still be looking at it.
    const now = !waiting || this.#readiness.closableWhileWaiting;
    if (now) closable();
    if (waiting && (last || !now)) {
      this.#wake();
      await Promise.all([held, free]);
    }
    if (!now) closable();
    if (last) this.#release();
  }

  #release(): void {
    this.#readiness.close();
    this.#wakeUp.close();
  }

  #close(): void {
    this.#closed = true;
    this.onClosed();
    this.#release();
  }
}

/** Calls back; what it throws must not cost other sockets their event. */
function tell(registration: Registration, events: number): void {
  try {
    registration.onReady(events);
  } catch (error) {
    // As if it were a callback of the runtime's own.
    queueMicrotask(() => {
      throw error;
    });
  }
}

const pollers = new WeakMap<System, Poller>();

/** The process's poller, made when the first socket needs it. */
export function pollerOf(system: System): Poller {
  let poller = pollers.get(system);
  if (!poller) {
    poller = new Poller(system, () => pollers.delete(system));
    pollers.set(system, poller);
  }
  return poller;
}
