/**
 * Faults on schedule: one C call of a scenario fails, once or from then on, and everything else goes to the real kernel.
 *
 * A call is known by its label, which says what it is for (`"setsockopt(IP_PKTINFO)"`, `"recv(netlink)"`), and by how
 * often it was made before: so a scenario's calls are recorded first, and each of them then made to fail.
 */
import type { Arguments, FakeLibrary, Hook } from "../kernel/fake_library.ts";

/** A call of a scenario. */
export interface Site {
  readonly label: string;
  /** The first such call is 1. */
  readonly nth: number;
}

/** What is to happen. */
export interface Fault extends Site {
  /** The name of the errno; `null`: errno reads 0, as when somebody has cleared it. */
  readonly errno: string | null;
  /** Only this call, or every such call from it on. */
  readonly mode: "once" | "always";
}

/** Calls that can fail. Those that only copy memory cannot; those that wait are hooked elsewhere: see waits_test.ts. */
const FALLIBLE = [
  "bind",
  "close",
  "connect",
  "epoll_create1",
  "epoll_ctl",
  "eventfd",
  "getifaddrs",
  "getsockname",
  "getsockopt",
  "if_indextoname",
  "if_nametoindex",
  "read",
  "recv",
  "recvmmsg",
  "recvmsg",
  "sendmmsg",
  "sendmsg",
  "sendto",
  "setsockopt",
  "socket",
  "write",
];

/** How those say that they failed that do not say -1. */
const NOTHING: Readonly<Record<string, unknown>> = { if_indextoname: 0n, if_nametoindex: 0 };

const EPOLL_OPERATIONS = ["ADD", "DEL", "MOD"];

/** A plan on a library. */
export class FaultPlan {
  /** How often each call was made since the last reset. */
  readonly made = new Map<string, number>();
  /** How often when the scenario's socket was open: before that it is the same in every scenario. */
  opened: ReadonlyMap<string, number> = new Map();
  /** What was opened and not closed, with what it is. */
  readonly open = new Map<number, string>();
  /** How often the fault happened. */
  injected = 0;
  #fault: Fault | null = null;
  readonly #options = new Map<string, string>();

  /** @param before Stands between the plan and the kernel: calls that a test must not let through. */
  constructor(readonly library: FakeLibrary, before: Readonly<Record<string, Hook>> = {}) {
    const { symbols, system: { platform } } = library;
    for (const family of ["IPv4", "IPv6"] as const) {
      const rows = [
        ...Object.values(platform.options[family]),
        ...Object.values(platform.memberships[family]).flat(),
      ];
      for (const { level, name, cName } of rows) this.#options.set(`${level},${name}`, cName);
    }
    for (const name of FALLIBLE) {
      if (!(name in symbols)) continue;
      const inner = before[name] ?? ((_, call) => call());
      library.on(name, (args, call) => this.#intercept(name, args, () => inner(args, call)));
    }
  }

  /** Begins anew, with another fault or none. */
  reset(fault: Fault | null): void {
    const { calls, sockets, stray } = this.library;
    calls.length =
      sockets.length =
      stray.length =
      this.injected =
        0;
    this.made.clear();
    this.opened = new Map();
    this.#fault = fault;
  }

  /** The socket is open. */
  mark(): void {
    if (this.opened.size === 0) this.opened = new Map(this.made);
  }

  /** The calls that were made: all, or those since the socket was open. */
  sites(all: boolean): Site[] {
    return [...this.made].flatMap(([label, count]) => {
      const first = all ? 1 : (this.opened.get(label) ?? 0) + 1;
      return Array.from({ length: count - first + 1 }, (_, at) => ({ label, nth: first + at }));
    });
  }

  /** The cause is gone. */
  lift(): void {
    this.#fault = null;
  }

  /** Whether there is still something that fails. */
  get persists(): boolean {
    return this.#fault?.mode === "always";
  }

  /** What a call is for. */
  labelOf(name: string, args: Arguments): string {
    const kind = this.open.get(args[0]);
    switch (name) {
      case "socket": {
        const { AF_INET, AF_INET6 } = this.library.system.platform.constants;
        return `socket(${
          args[0] === AF_INET ? "IPv4" : args[0] === AF_INET6 ? "IPv6" : "netlink"
        })`;
      }
      case "setsockopt":
      case "getsockopt": {
        const option = this.#options.get(`${args[1]},${args[2]}`) ?? `${args[1]},${args[2]}`;
        return `${name}(${option}${kind === "netlink" ? ", netlink" : ""})`;
      }
      case "epoll_ctl":
        return `epoll_ctl(${EPOLL_OPERATIONS[args[1] - 1]})`;
      case "close":
        return `close(${kind})`;
      case "recvmsg": {
        const { MSG_ERRQUEUE } = this.library.system.platform.constants;
        return (args[2] & MSG_ERRQUEUE) !== 0 ? "recvmsg(MSG_ERRQUEUE)" : "recvmsg";
      }
      case "bind":
      case "recv":
      case "sendto":
        return kind === "netlink" ? `${name}(netlink)` : name;
      default:
        return name;
    }
  }

  #intercept(name: string, args: Arguments, call: () => number): number {
    const label = this.labelOf(name, args);
    const nth = (this.made.get(label) ?? 0) + 1;
    this.made.set(label, nth);
    const fault = this.#fault;
    const hit = fault !== null && label === fault.label &&
      (fault.mode === "once" ? nth === fault.nth : nth >= fault.nth);
    if (hit) this.injected++;
    const result = !hit ? call() : this.#fail(name, fault, call);
    if (name === "close") this.open.delete(args[0]);
    else if (result >= 0) this.#opened(name, label, result);
    return result;
  }

  #fail(name: string, { errno }: Fault, call: () => number): number {
    // Linux has closed the descriptor whatever it says (close(2)).
    if (name === "close") call();
    const result = this.library.refuse(errno);
    return (NOTHING[name] ?? result) as number;
  }

  #opened(name: string, label: string, fd: number): void {
    if (name === "socket") this.open.set(fd, label.slice("socket(".length, -1));
    else if (name === "eventfd") this.open.set(fd, "eventfd");
    else if (name === "epoll_create1") this.open.set(fd, "epoll");
  }
}
