// The poller against a simulated kernel, in random order: nothing is lost, nothing is told twice, nothing spins.
import { assert, assertEquals } from "@std/assert";
import { Poller, type Registration } from "../../ffi/poller.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";
import { Kernel, type Kind, turn } from "./kernel.ts";

const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const SEEDS = 800;
const STEPS = 300;

interface Member {
  fd: number;
  registration: Registration;
  /** What it waits for, as the test counts it. */
  interest: number;
  held: boolean;
  /** No reason of its own to wait. */
  readonly quiet: boolean;
  leaving: boolean;
}

/** What a descriptor's state means for whoever waits. */
function wouldFire(state: number): number {
  if ((state & POLLERR) !== 0) return 3;
  return ((state & POLLIN) !== 0 ? 1 : 0) | ((state & POLLOUT) !== 0 ? 2 : 0);
}

class Run {
  readonly kernel: Kernel;
  readonly members: Member[] = [];
  readonly removals = new Set<Promise<void>>();
  poller: Poller | null = null;
  fired = 0;
  /** Callbacks do as they like, except while the test wants to see things come to rest. */
  lively = true;

  constructor(kind: Kind, readonly next: () => number) {
    this.kernel = new Kernel(kind, next);
  }

  open() {
    this.poller ??= new Poller(this.kernel.system, () => this.poller = null);
    const fd = this.kernel.socket();
    this.kernel.files.set(fd, pick(this.next, [0, 0, POLLIN, POLLOUT]));
    const quiet = this.next() % 4 === 0;
    const registration = this.poller.register(fd, (events) => {
      this.fired++;
      assert(!member.leaving, "called after remove()");
      assert(events !== 0);
      assertEquals(events & ~member.interest, 0, "called for what was not armed");
      member.interest &= ~events;
      assertEquals(registration.interest, member.interest);
      if (!this.lively) return;
      if (this.next() % 3 > 0) this.kernel.files.set(fd, 0);
      if (this.next() % 2 > 0) this.change(member);
      if (this.next() % 3 === 0 && this.members.length > 0) {
        const other = pick(this.next, this.members);
        if (this.next() % 4 === 0) this.remove(other);
        else this.change(other);
      }
    }, quiet);
    const member = { fd, registration, interest: 0, held: true, quiet, leaving: false };
    this.members.push(member);
  }

  change(member: Member) {
    const interest = 1 + this.next() % 3;
    switch (this.next() % 5) {
      case 0:
        member.interest &= ~interest;
        member.registration.disarm(interest);
        break;
      case 1:
        member.held = !member.held;
        member.registration.held = member.held;
        break;
      default:
        member.interest |= interest;
        member.registration.arm(interest);
    }
    assertEquals(member.registration.interest, member.interest);
  }

  remove(member: Member) {
    member.leaving = true;
    this.members.splice(this.members.indexOf(member), 1);
    let closed = false;
    const removal = member.registration.remove(() => {
      assert(!closed, "closable once");
      closed = true;
      this.kernel.close(member.fd);
    }).then(() => {
      assert(closed, "it is closable by then");
      this.removals.delete(removal);
    });
    this.removals.add(removal);
  }

  async step() {
    const { kernel, members, next } = this;
    switch (next() % 10) {
      case 0:
        if (members.length < 6) this.open();
        break;
      case 1:
        if (members.length > 0 && next() % 6 === 0) this.remove(pick(next, members));
        break;
      case 2:
      case 3:
        if (members.length > 0) {
          kernel.files.set(pick(next, members).fd, pick(next, [0, 1, 4, 5, 5, POLLERR]));
        }
        break;
      case 4:
      case 5:
        if (members.length > 0) this.change(pick(next, members));
        break;
      case 6:
        if (kernel.waits.length > 0) kernel.complete(pick(next, kernel.waits));
        break;
      case 8:
        if (next() % 4 === 0) this.elapse();
        else await turn();
        break;
      case 7: {
        const done = kernel.waits.filter(({ result }) => result !== null);
        if (done.length > 0) kernel.deliver(pick(next, done));
        break;
      }
      default:
        await turn();
    }
  }

  /** The time of all timers has come. */
  elapse() {
    for (const callback of [...this.kernel.timers]) {
      this.kernel.timers.delete(callback);
      callback();
    }
  }

  /** What must be true when everything that can happen has happened. */
  async rest() {
    const { kernel, members } = this;
    this.lively = false;
    const before = kernel.started;
    await kernel.settle();
    // What is quiet gets its wait by time.
    while (kernel.timers.size > 0) {
      this.elapse();
      await kernel.settle();
    }
    this.lively = true;
    assert(kernel.started - before < 30 + 10 * members.length, "too many waits");
    for (const { fd, interest } of members) {
      const lost = interest & wouldFire(kernel.files.get(fd)!);
      assertEquals(lost, 0, `descriptor ${fd} is ready and nobody was told`);
    }
    const armed = members.filter(({ interest }) => interest !== 0);
    const held = armed.some((member) => member.held && !member.quiet);
    assertEquals(kernel.pending.held, held ? 1 : 0, "what is armed holds the process, or not");
    if (armed.length > 0) assert(kernel.waits.length > 0, "somebody waits, nobody looks");
    assert(kernel.pending.free <= 1);
    assertEquals(this.removals.size, 0, "a removal hangs");
    if (members.length === 0) assertEquals(kernel.files.size, 0);
  }

  async end() {
    for (const member of [...this.members]) this.remove(member);
    await this.rest();
    const { waits, files, timers, allocated } = this.kernel;
    assertEquals([waits.length, files.size, timers.size, allocated], [0, 0, 0, 0]);
  }
}

for (const kind of ["epoll", "poll", "watch"] as const) {
  test(`${kind}: ${SEEDS} random histories`, async () => {
    let fired = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const run = new Run(kind, randomWords(seed));
      try {
        for (let step = 1; step <= STEPS; step++) {
          await run.step();
          if (step % 60 === 0) await run.rest();
        }
        await run.end();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      fired += run.fired;
    }
    // Otherwise the histories show nothing.
    assert(fired > 10 * SEEDS, `only ${fired} events`);
  });
}
