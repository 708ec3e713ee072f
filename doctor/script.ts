/**
 * The remedies as a shell script.
 *
 * @module
 */

import { shellComment } from "./shell.ts";
import type { Diagnosis, Finding } from "./types.ts";

/**
 * The commands that mend what was found, for sh(1) as the administrator: each on a line
 * of its own, below a comment that says why. Notes are left alone.
 *
 * @param diagnosis What was found.
 * @returns The script; empty where there is nothing to mend.
 */
export function fixScript({ findings }: Diagnosis): string {
  const lines: string[] = [];
  const given = new Set<string>();
  const line = (text: string) => lines.push(text);
  for (const finding of findings) {
    if (finding.level === "note") continue;
    const { remedy } = finding;
    const commands = remedy?.commands.filter((command) => !given.has(command)) ?? [];
    if (!remedy || remedy.commands.length === 0) {
      line(shellComment(comment(finding)));
      continue;
    }
    for (const command of commands) {
      given.add(command);
      line(shellComment(comment(finding)));
      line(command);
    }
  }
  return lines.map((text) => `${text}\n`).join("");
}

function comment({ id, what, remedy }: Finding): string {
  return `${id}: ${what} ${remedy?.text ?? "No remedy is known."}`;
}
