/** What no test executes of interfaces/ and address/. */
import type { Reason } from "./reason.ts";

export const others: readonly Reason[] = [
  {
    file: "address/ip.ts",
    code: ["«throw error; }»"],
    why:
      "A fault of our own: `parseIp` throws nothing but `TypeError`s, as tests/address/ip_test.ts shows with " +
      "texts of all kinds. Anything else must not pass for a text that is no address.",
  },
  {
    file: "interfaces/link_local.ts",
    code: ["if (!link) «throw gone(here, wanted);»"],
    why:
      "The interface was found by its name and is not in the list that was made a moment before: it has come " +
      "in between, or goes just now. No test can win that race; the error is the one that is thrown for an " +
      "interface that goes while it is waited for (tests/lab/link_local_wait_test.ts).",
  },
];
