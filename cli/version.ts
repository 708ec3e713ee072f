/**
 * The version that the command line tells; a test compares it with deno.json.
 *
 * @module
 */

/** The version of this package. */
export const VERSION = "0.1.0";
