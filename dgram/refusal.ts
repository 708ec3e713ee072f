/**
 * "No", before it has been put in Node's words.
 *
 * @module
 */

/** The code of a refusal that the caller makes an error of its own of. */
export class Refusal extends Error {
  /** @param code As the system call would have it. */
  constructor(readonly code: string, cause?: unknown) {
    super(code, { cause });
  }
}
