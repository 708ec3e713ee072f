/** What is executed by no test against the reasons that are given for it. */
import type { Gap } from "./gaps.ts";
import type { Reason } from "./reason.ts";

/** Where the two differ. */
export interface Difference {
  /** Pieces without a reason. */
  unexplained: Gap[];
  /** Reasons without a piece: it is executed now, reads differently, or is gone. */
  stale: { file: string; code: string }[];
}

/** Compares them, letter by letter. */
export function compare(gaps: readonly Gap[], reasons: readonly Reason[]): Difference {
  const given = reasons.flatMap(({ file, code }) => code.map((code) => ({ file, code })));
  const unexplained = gaps.filter(({ file, code }) => {
    const at = given.findIndex((one) => one.file === file && one.code === code);
    // Each explains one.
    if (at >= 0) given.splice(at, 1);
    return at < 0;
  });
  return { unexplained, stale: given };
}

/** A piece where it is: `ffi/wake.ts:12-14: …`. */
export function located({ file, line, lastLine, code }: Gap): string {
  return `${file}:${line}${lastLine > line ? `-${lastLine}` : ""}: ${code}`;
}
