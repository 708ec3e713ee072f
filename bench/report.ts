// The results as data, as a table for the terminal and as a table for bench/README.md.

import type { MeasureResult, Row } from "./measure.ts";
import type { Runtimes } from "./runtimes.ts";
import type { Sizes } from "./plan.ts";

/** What bench/results.json holds. */
export interface Results {
  date: string;
  machine: { cpu: string; cores: number; virtual: boolean; os: string; kernel: string };
  versions: Record<string, string>;
  settings: { rounds: number; quick: boolean; payloadBytes: number; sizes: Sizes };
  measures: MeasureResult[];
}

/** Names the machine: the numbers mean nothing without it. */
export function describeMachine(): Results["machine"] {
  let info = "";
  try {
    info = Deno.readTextFileSync("/proc/cpuinfo");
  } catch {
    // Not Linux.
  }
  return {
    cpu: info.match(/^model name\s*:\s*(.+)$/m)?.[1] ?? Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(info),
    os: `${Deno.build.os} ${Deno.build.arch}`,
    kernel: Deno.osRelease(),
  };
}

export function describeVersions(found: Runtimes): Record<string, string> {
  return {
    deno: found.deno.version,
    ...Object.fromEntries(
      found.nodes.map(({ version }) => [`node${Number.parseInt(version)}`, version]),
    ),
    ...(found.bun ? { bun: found.bun.version } : {}),
    ...(found.python ? { python: found.python.version } : {}),
    ...(found.rustc ? { rust: found.rustc.version.split(" ")[0] } : {}),
    ...(found.cc ? { cc: found.cc.version } : {}),
  };
}

/** One line: the machine and the versions. */
export function machineLine({ machine, versions, settings, date }: Results): string {
  const { cpu, cores, virtual, os, kernel } = machine;
  const runtimes = Object.entries(versions).filter(([name]) => name !== "cc")
    .map(([name, version]) => `${name.replace(/\d+$/, "")} ${version}`);
  const where = `${cpu}, ${cores} cores${
    virtual ? " (virtual machine)" : ""
  }, ${os}, kernel ${kernel}`;
  const how = `${settings.rounds} rounds${settings.quick ? ", quick" : ""}`;
  return `${date.slice(0, 10)}, ${where}, ${runtimes.join(", ")}, ${how}.`;
}

const shortNames: Record<string, string> = { c: "C", deno: "Deno", bun: "Bun" };
const shortName = (id: string): string => shortNames[id] ?? id.replace(/^node/, "Node ").trim();

/** The peers that every other is divided by: one column each. Python and Rust are beside the point, and the table wide. */
function basesOf({ rows }: MeasureResult): string[] {
  return rows.filter((row) =>
    !row.ours && row.median !== null && !/-(?:all|many)$|^(?:python|rust)$/.test(row.id)
  )
    .map((row) => row.id);
}

function cells(row: Row, bases: string[]): string[] {
  if (row.median === null) {
    return [row.label, row.failed ? "failed" : "skipped", ...bases.map(() => "")];
  }
  const ratios = bases.map((base) => row.ratios[base]?.toFixed(2) ?? "");
  return [row.label, row.median.toFixed(2), ...ratios];
}

function headOf(measure: MeasureResult, bases: string[]): string[] {
  return ["", measure.unit, ...bases.map((base) => `÷ ${shortName(base)}`)];
}

const reasons = ({ rows }: MeasureResult): string[] =>
  rows.filter((row) => row.skipped ?? row.failed).map((row) =>
    `${row.label}: ${row.skipped ? "skipped" : "failed"}, ${row.skipped ?? row.failed}`
  );

/** The table for the terminal. */
export function terminalTable(results: Results): string {
  const blocks = results.measures.map((measure) => {
    const bases = basesOf(measure);
    const table = [headOf(measure, bases), ...measure.rows.map((row) => cells(row, bases))];
    const widths = table[0].map((_, column) =>
      Math.max(...table.map((line) => line[column].length))
    );
    const text = table.map((line, index) => {
      const mark = index > 0 && measure.rows[index - 1].ours ? "* " : "  ";
      return mark +
        line.map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])
        ).join("  ").trimEnd();
    });
    return [`${measure.title} (${measure.note})`, ...text, ...reasons(measure)].join("\n");
  });
  return `${blocks.join("\n\n")}\n\n${machineLine(results)}`;
}

/** The same for bench/README.md; `deno fmt` aligns the columns afterwards. */
function markdownTable(results: Results): string {
  const blocks = results.measures.map((measure) => {
    const bases = basesOf(measure);
    const line = (parts: string[]) => `| ${parts.join(" | ")} |`;
    const rows = measure.rows.map((row) => {
      const [label, ...rest] = cells(row, bases);
      return line([row.ours ? `**${label}**` : label, ...rest]);
    });
    const head = headOf(measure, bases);
    const rule = line(head.map((_, column) => column === 0 ? "---" : "--:"));
    const notes = reasons(measure).map((reason) => `\n${reason}`);
    return [`### ${measure.title}\n`, `${measure.note}\n`, line(head), rule, ...rows, ...notes]
      .join("\n");
  });
  return `${machineLine(results)}\n\n![The same as a chart](results.svg)\n\n${blocks.join("\n\n")}`;
}

const BEGIN = "<!-- results:begin (deno task bench --readme) -->";
const END = "<!-- results:end -->";

/** The README with the part between its two marks replaced. */
export function rewriteReadme(readme: string, results: Results): string {
  const begin = readme.indexOf(BEGIN), end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`bench/README.md lacks the lines ${BEGIN} and ${END}`);
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${markdownTable(results)}\n\n${
    readme.slice(end)
  }`;
}
