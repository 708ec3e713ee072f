/**
 * What may become of a call that fails: one row for each reason to make one, the first that fits.
 *
 * `once`: one call fails, and the next of its kind is as always. `always`: it goes on failing until the library has been
 * seen to rest, or has refused what it was asked for; then the cause goes away.
 */
import type { Fault } from "./schedule.ts";
import type { Outcome } from "./run.ts";

/** The errno values that every call fails with, the last one being an errno that somebody has cleared. */
export const ERRNOS: readonly Fault["errno"][] = [
  "EINTR",
  "EAGAIN",
  "ENOBUFS",
  "ENOMEM",
  "EMSGSIZE",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENODEV",
  "EPERM",
  "EBADF",
  "EINVAL",
  null,
];

/** No call that sets something up can mean these, so it is made again: one reading of errno is no proof. */
const UNLIKELY = new Set<Fault["errno"]>(["EINTR", "EAGAIN", null]);
/** What says that the call itself was wrong; believed the third time. */
const OUR_FAULT = new Set<Fault["errno"]>(["EBADF", "EINVAL"]);
/** Waited for. */
const NO_ROOM = new Set<Fault["errno"]>(["EINTR", "EAGAIN", "ENOBUFS"]);
/** What keeps if_nametoindex(3) from asking. */
const EXHAUSTED = new Set<Fault["errno"]>(["ENOBUFS", "ENOMEM"]);

type Expected = readonly Outcome[];
type Expect = Expected | ((errno: Fault["errno"]) => Expected);

interface Row {
  readonly calls: RegExp;
  /** In this scenario only. */
  readonly scenario?: string;
  /** When the scenario's socket is open, or before. Default: both. */
  readonly when?: "opening" | "later";
  readonly once: Expect;
  readonly always: Expect;
  /** What the error calls it; default: as it is called here. */
  readonly syscall?: RegExp;
  /** The only code of its errors; default: that of the errno. */
  readonly code?: (errno: Fault["errno"]) => string;
}

const SAME: Expected = ["same"];
const REFUSED: Expected = ["refused"];

/** It cannot be done without: an error, unless errno says what it cannot mean. */
const NEEDED = {
  once: (errno: Fault["errno"]) => UNLIKELY.has(errno) ? SAME : REFUSED,
  always: REFUSED,
};
/** It can be done without, or there is another way. */
const SPARED = { once: SAME, always: SAME };

const ROWS: readonly Row[] = [
  // --- opening and closing
  // What wakes the poller where it takes a socket for that: of the other family, if need be.
  {
    calls: /^(?:socket\(IPv[46]\)|bind|connect|getsockname|sendto|recv)$/,
    scenario: "the interfaces",
    once: SAME,
    always: ["same", "refused"],
  },
  { calls: /^(?:socket\(IPv[46]\)|bind|connect|getsockname|eventfd|epoll_create1)$/, ...NEEDED },
  { calls: /^close\(/, ...SPARED },

  // --- options
  // Missing, they leave something null in packets, or leave the delivery filter more to do.
  { calls: /^setsockopt\((?:IP_RECVT(?:TL|OS)|IPV6_RECV(?:HOPLIMIT|TCLASS))\)$/, ...SPARED },
  { calls: /^setsockopt\((?:SO_RXQ_OVFL|UDP_GRO|IP_RECVERR|IPV6_RECVERR)\)$/, ...SPARED },
  { calls: /^setsockopt\((?:IP|IPV6)_MULTICAST_ALL\)$/, ...SPARED },
  // The delivery filter confines the socket then.
  { calls: /^setsockopt\(SO_BINDTODEVICE\)$/, ...SPARED },
  // What the kernel confines to an interface sends groups there anyway; otherwise it was asked for.
  {
    calls: /^setsockopt\(IP(?:V6)?_MULTICAST_IF\)$/,
    once: (errno) => UNLIKELY.has(errno) ? SAME : ["same", "refused"],
    always: ["same", "refused"],
  },
  // Set for one datagram, and put back: where that is refused the next datagram waits for it.
  {
    calls: /^setsockopt\(IP_MULTICAST_TTL\)$/,
    when: "later",
    once: (errno) => UNLIKELY.has(errno) ? SAME : ["told", "refused"],
    always: REFUSED,
  },
  // Who looks at `stats` is not to be stopped.
  { calls: /^getsockopt\(SO_(?:RCV|SND)BUF\)$/, ...SPARED },
  { calls: /^setsockopt\(SO_RCVBUF, netlink\)$/, ...SPARED },
  { calls: /^[gs]etsockopt\(/, ...NEEDED },

  // --- receiving
  {
    calls: /^recvm?msg$/,
    once: (errno) =>
      UNLIKELY.has(errno) && errno !== null || OUR_FAULT.has(errno) ? SAME : ["told"],
    // Where all packets were there already, nobody waits.
    always: (errno) =>
      OUR_FAULT.has(errno) ? ["refused", "same"] : ["waited", errno === "EAGAIN" ? "same" : "told"],
    syscall: /^recvmsg$/,
  },
  // The details of a refusal are lost; the datagrams are not.
  { calls: /^recvmsg\(MSG_ERRQUEUE\)$/, once: ["same", "told"], always: ["same", "told"] },

  // --- sending
  // A train that is refused becomes datagrams.
  { calls: /^sendmsg$/, scenario: "sending trains", ...SPARED },
  // It may have been an earlier datagram's refusal: sent again, and the error told.
  {
    calls: /^send(?:to|msg)$/,
    once: (errno) => NO_ROOM.has(errno) ? SAME : ["told"],
    always: REFUSED,
    syscall: /^sendmsg$/,
  },
  // Each goes by itself then.
  { calls: /^sendmmsg$/, ...SPARED },

  // --- waiting
  { calls: /^epoll_ctl/, when: "opening", ...NEEDED, syscall: /^epoll_ctl$/ },
  // Who cannot be waited for looks for himself.
  { calls: /^epoll_ctl/, when: "later", once: SAME, always: ["same", "waited"] },
  { calls: /^(?:read|write)$/, ...SPARED },

  // --- interfaces
  // "No such interface" is believed; anything else is asked again.
  {
    calls: /^if_nametoindex$/,
    once: (errno) => errno === "ENODEV" ? REFUSED : SAME,
    always: REFUSED,
    code: (errno) => EXHAUSTED.has(errno) ? errno! : "ENODEV",
  },
  // A name is a nicety, except where an index has to be looked up.
  {
    calls: /^if_indextoname$/,
    once: SAME,
    always: ["same", "refused"],
    syscall: /^if_(?:name|index)to(?:name|index)$/,
    code: (errno) => EXHAUSTED.has(errno) ? errno! : "ENODEV",
  },
  // There is getifaddrs(3) for lists; news are to be had here only.
  {
    calls: /^socket\(netlink\)$/,
    once: (errno) => UNLIKELY.has(errno) ? SAME : ["same", "refused"],
    always: ["same", "refused"],
  },
  { calls: /^bind\(netlink\)$/, ...NEEDED },
  { calls: /^sendto\(netlink\)$/, ...SPARED },
  {
    calls: /^recv\(netlink\)$/,
    once: SAME,
    // Where there is nothing to read, nobody hears that it cannot be read.
    always: (errno) => errno === "EAGAIN" ? SAME : ["same", "refused"],
    syscall: /^netlink (?:answer|events)$/,
  },
];

/** What is not tried, and why. */
const UNTRIED: readonly {
  calls: RegExp;
  scenario?: string;
  errno?: string;
  mode?: Fault["mode"];
}[] = [
  // "The interface is gone, and took its memberships along" is believed.
  { calls: /^setsockopt\(MCAST_(?:LEAVE|UNBLOCK|BLOCK)_/, errno: "ENODEV" },
  // An event that cannot be set wakes nobody: eventfd(2) has no such failure, short of a descriptor that others closed.
  { calls: /^write$/, mode: "always" },
  { calls: /^sendto$/, scenario: "the interfaces", mode: "always" },
];

/** Whether there is anything to learn from a fault. */
export function isTried({ label, errno, mode }: Fault, scenario: string): boolean {
  return !UNTRIED.some((row) =>
    row.calls.test(label) && (row.scenario ?? scenario) === scenario &&
    (row.errno ?? errno) === errno && (row.mode ?? mode) === mode
  );
}

/** The row of a fault. */
export function rowOf(fault: Fault, scenario: string, opening: boolean): {
  outcomes: Expected;
  syscall: RegExp;
  code: string;
} {
  const now = opening ? "opening" : "later";
  const row = ROWS.find((row) =>
    row.calls.test(fault.label) && (row.when ?? now) === now &&
    (row.scenario ?? scenario) === scenario
  );
  if (!row) throw new Error(`nobody has said what may become of ${fault.label}`);
  const expect = row[fault.mode];
  const own = fault.label.replace(/\(netlink\)|\(IPv[46]\)/, "");
  return {
    outcomes: typeof expect === "function" ? expect(fault.errno) : expect,
    syscall: row.syscall ?? new RegExp(`^${own.replace(/[()]/g, "\\$&")}$`),
    code: row.code?.(fault.errno) ?? fault.errno ?? "EIO",
  };
}
