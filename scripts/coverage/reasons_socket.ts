/** What no test executes of socket/. */
import type { Reason } from "./reason.ts";

export const socket: readonly Reason[] = [
  {
    file: "socket/kernel_membership.ts",
    code: ["if (!(error instanceof SocketError && isGone(error.code))) «throw error;»"],
    why:
      "Another refusal than that an interface is gone, while a sender is joined elsewhere, or a fault of our own: the call " +
      "is one that joins or leaves, whose refusals tests/faults/sites_test.ts has where one interface is joined.",
  },
];
