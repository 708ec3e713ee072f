/**
 * Making remedies.
 *
 * @module
 */

import type { Remedy } from "./types.ts";

/** A remedy: in words, and as commands where there are some. */
export function remedy(text: string, ...commands: string[]): Remedy {
  return { text, commands };
}
