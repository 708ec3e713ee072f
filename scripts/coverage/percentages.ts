/** How much of each room is executed, as `deno coverage` counts it. */
import { run } from "../run.ts";
import { deno } from "../stage.ts";

/** The rooms of which coverage is told; only of the first ones is every gap named. */
export const ROOMS = ["ffi", "socket", "interfaces", "address", "dgram", "doctor", "cli"] as const;

/** How many there are, and how many were executed. */
interface Share {
  hit: number;
  found: number;
}

/** Of one room. */
export interface Percentages {
  room: string;
  lines: Share;
  branches: Share;
  functions: Share;
}

const root = new URL("../..", import.meta.url);

/** The letters before "H" and "F" in a file's record (geninfo(1)). */
const RECORDS = { L: "lines", BR: "branches", FN: "functions" } as const;

/** What a process that was killed leaves behind: `deno coverage` ends at the first such file. */
async function removeEmpty(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if ((await Deno.stat(path)).size === 0) await Deno.remove(path);
  }
}

/** Asks `deno coverage`, which merges the profiles of all processes. */
export async function percentages(folder: string): Promise<Percentages[]> {
  const rooms = ROOMS.map((room): Percentages => {
    const none = () => ({ hit: 0, found: 0 });
    return { room, lines: none(), branches: none(), functions: none() };
  });
  await removeEmpty(folder);
  const include = `--include=^${root.href}(?:${ROOMS.join("|")})/[^?]*$`;
  const report = `${folder}.lcov`;
  const { code, output } = await run([
    deno,
    "coverage",
    "--lcov",
    `--output=${report}`,
    include,
    folder,
  ]);
  if (code !== 0) throw new Error(`deno coverage ended with ${code}\n${output}`);
  let room: Percentages | undefined;
  for (const line of (await Deno.readTextFile(report)).split("\n")) {
    const [key, value] = line.split(":", 2);
    if (key === "SF") {
      const file = value.slice(root.pathname.length);
      room = rooms.find(({ room }) => file.startsWith(`${room}/`));
    }
    const record = RECORDS[key.slice(0, -1) as keyof typeof RECORDS];
    if (room && record) room[record][key.endsWith("H") ? "hit" : "found"] += Number(value);
  }
  return rooms;
}

function percent({ hit, found }: Share): string {
  return found === 0 ? "–" : (100 * hit / found).toFixed(1);
}

/** A table of them. */
export function inTable(rooms: readonly Percentages[]): string {
  const rows = [
    ["", "lines", "branches", "functions"],
    ...rooms.map(({ room, lines, branches, functions }) => [
      room,
      percent(lines),
      percent(branches),
      percent(functions),
    ]),
  ];
  return rows.map(([room, ...cells]) =>
    [room.padEnd(10), ...cells.map((cell) => cell.padStart(10))].join("")
  ).join("\n");
}
