/** Why a piece of source is executed by no test. */

/** A reason for some pieces of a file. */
export interface Reason {
  file: string;
  /** The pieces, as the tool calls them; one that is there twice is named twice. */
  code: readonly string[];
  /** In sentences, of Markdown. */
  why: string;
}
