/**
 * The doctor: says why multicast does not work on a host, and how to mend it.
 *
 * @example
 * ```ts
 * import { diagnose } from "@pktinfo/pktinfo/doctor";
 *
 * const { healthy, findings } = await diagnose();
 * console.log(healthy ? "multicast works" : findings.map(({ what }) => what).join("\n"));
 * ```
 *
 * @module
 */

export type { Family } from "../address/ip.ts";
export { diagnose } from "./diagnose.ts";
export { fixScript } from "./script.ts";
export { reportText, type TextOptions } from "./text.ts";
export type {
  DiagnoseOptions,
  Diagnosis,
  Finding,
  FindingId,
  GroupTest,
  InterfaceTests,
  Level,
  Outcome,
  Remedy,
  Unseen,
} from "./types.ts";
