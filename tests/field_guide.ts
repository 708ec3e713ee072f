/** Reads docs/multicast.md: its questions, the commands it shows with what they print, and the tests it names. */
import fs from "node:fs";
import { fileURLToPath } from "node:url";

/** The path of the guide, from the root of the repository. */
export const GUIDE = "docs/multicast.md";

/** A command of a ```sh block and what it prints: the comment lines behind it. */
export interface Command {
  /** As written, perhaps several lines. */
  text: string;
  /** What it prints, line by line; `…` stands for anything. Nothing: it prints nothing. */
  prints: string[];
  /** The line in the guide, from 1. */
  line: number;
}

/** A link in the guide. */
export interface Link {
  text: string;
  target: string;
  line: number;
}

/** What stands below one heading. */
export interface Section {
  heading: string;
  /** 2 for a chapter, 3 for a question. */
  level: number;
  commands: Command[];
  links: Link[];
  line: number;
}

/** The guide's sections in order. */
export function readGuide(): Section[] {
  const file = fileURLToPath(new URL(`../${GUIDE}`, import.meta.url));
  return parseGuide(fs.readFileSync(file, "utf8"));
}

/** {@linkcode readGuide} of a text. */
export function parseGuide(markdown: string): Section[] {
  const sections: Section[] = [];
  const lines = markdown.split("\n");
  let at = 0;
  while (at < lines.length) {
    const heading = /^(#+) (.*)$/.exec(lines[at]);
    const section = sections[sections.length - 1];
    if (heading) {
      const [, { length: level }, title] = heading;
      sections.push({ heading: title, level, commands: [], links: [], line: ++at });
    } else if (lines[at].startsWith("```")) {
      const end = lines.indexOf("```", at + 1);
      if (lines[at] === "```sh") {
        section.commands.push(...parseCommands(lines.slice(at + 1, end), at + 2));
      }
      at = end + 1;
    } else {
      // A link may be broken into two lines, a paragraph's end ends it.
      const end = lines.findIndex((line, index) => index > at && /^(```|#|$)/.test(line));
      const text = lines.slice(at, end < 0 ? lines.length : end).join("\n");
      for (const found of text.matchAll(/\[((?:[^\]`]|`[^`]*`)+)\]\(([^)\s]+)\)/g)) {
        const line = at + text.slice(0, found.index).split("\n").length;
        section.links.push({ text: unwrap(found[1]), target: found[2], line });
      }
      at = end < 0 ? lines.length : Math.max(end, at + 1);
    }
  }
  return sections;
}

/** One line, without the backslashes that keep Markdown from reading signs in it. */
function unwrap(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/\\([*_`[\]<>\\])/g, "$1");
}

function parseCommands(lines: readonly string[], first: number): Command[] {
  const commands: Command[] = [];
  let open = false;
  lines.forEach((line, index) => {
    const last = commands[commands.length - 1];
    if (open) last.text += `\n${line}`;
    else if (line.startsWith("#")) last.prints.push(line.replace(/^# ?/, ""));
    else if (line !== "") commands.push({ text: line, prints: [], line: first + index });
    open = line.endsWith("\\");
  });
  return commands;
}

/** Whether a line that was printed is the one the guide shows; columns may have other widths. */
export function isPrinted(shown: string, printed: string): boolean {
  const squeeze = (text: string) => text.trim().replaceAll(/\s+/g, " ");
  const parts = squeeze(shown).split(/ ?… ?/).map((part) =>
    part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  );
  return new RegExp(`^${parts.join(".*")}$`).test(squeeze(printed));
}

/** The name by which GitHub links to a heading. */
export function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(/\s/g, "-");
}
