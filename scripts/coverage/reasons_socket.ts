/** What no test executes of socket/. */
import type { Reason } from "./reason.ts";

const OWN_FAULT =
  "A fault of our own: what the kernel refuses is a `SocketError` (tests/faults/sites_test.ts makes every call fail, for " +
  "every reason). Anything else must not be taken for a refusal.";

export const socket: readonly Reason[] = [
  {
    file: "socket/family_socket.ts",
    code: ["if (!(error instanceof SocketError)) «throw error;»"],
    why: OWN_FAULT,
  },
  {
    file: "socket/kernel_membership.ts",
    code: ["if (!(error instanceof SocketError && isGone(error.code))) «throw error;»"],
    why:
      "Another refusal than that an interface is gone, while a sender is joined elsewhere, or a fault of our own: the call " +
      "is one that joins or leaves, whose refusals tests/faults/sites_test.ts has where one interface is joined.",
  },
  {
    file: "socket/sender.ts",
    code: ["if (!(error instanceof SocketError)) «throw error;»"],
    why: OWN_FAULT,
  },
];
