/**
 * `pktinfo discover`: everything that announces itself on the link, with the interface it was heard on.
 *
 * @module
 */

import { printable } from "../doctor/printable.ts";
import { interfaces } from "../interfaces/list.ts";
import { type Command, seconds, texts, UsageError, type Values } from "./command.ts";
import { type Discoverers, discoverers, type Found } from "./discoverers.ts";
import { FoundTable } from "./found_table.ts";
import type { Io, Screen } from "./io.ts";
import { painter } from "./text.ts";

const TITLES: Readonly<Record<Found["protocol"], string>> = {
  mdns: "mDNS / DNS-SD",
  ssdp: "SSDP / UPnP",
  wsd: "WS-Discovery",
  pva: "EPICS PV Access",
};
const REDRAW_MS = 100;
const MAX_ERRORS = 20;

/** The command, with the clients that there are. */
export function discoverCommand(clients: Discoverers): Command {
  const protocols = Object.keys(clients) as Found["protocol"][];
  const named = protocols.map((name) => `  ${name.padEnd(6)}${TITLES[name]}`).join("\n");
  return {
    name: "discover",
    summary: "shows what announces itself on the link, and on which interface",
    about: `
Asks on every interface who is there, and shows all that answers or announces
itself, with its address and the interface it was heard on, until Ctrl-C. On a
terminal it is one table that is kept up to date; otherwise one line each, its
fields separated by tabs, as it comes or goes.

All protocols unless some are named:
${named}`,
    words: {
      usage: `[${[...protocols, "all"].join("|")}]...`,
      min: 0,
      max: Infinity,
      choices: [...protocols, "all"],
    },
    options: {
      interface: {
        short: "i",
        value: "NAME",
        many: true,
        complete: "interface",
        help: "only on this interface (name or index)",
      },
      for: { value: "SECONDS", help: "leave after so long" },
      json: { help: 'print one JSON object a line; one that is gone has "gone": true' },
    },
    status: `0 something was found, 1 nothing, 2 wrong usage or a failure.
Ctrl-C is the usual end.`,
    run: (values, words, io) => run(clients, values, words, io),
  };
}

/** The command, with the clients of the examples. */
export const discover: Command = discoverCommand(discoverers);

async function run(
  clients: Discoverers,
  values: Values,
  words: readonly string[],
  io: Io,
): Promise<number> {
  const chosen = choose(clients, words);
  const forMs = seconds(values.for, "for");
  const names = interfaceNames(texts(values.interface));
  const end = new AbortController();
  const stop = () => end.abort();
  io.signal.addEventListener("abort", stop);
  if (io.signal.aborted) stop();
  const timer = forMs === undefined ? undefined : setTimeout(stop, forMs);
  const table = new FoundTable();
  const { screen } = io;
  const show = values.json ? asJson(io) : screen === null ? asLines(io) : asTable(io, table);
  let found = false;
  let failed = 0;
  try {
    await Promise.all(chosen.map(async (protocol) => {
      const onError = (error: Error) => show.error(`${protocol}: ${error.message}`);
      try {
        const options = { interfaces: names, signal: end.signal, onError };
        const client = await clients[protocol]!(options, io.environment);
        for await (const item of client) {
          found ||= !item.gone;
          if (table.add(item)) show.item(item);
          await io.drained();
        }
      } catch (error) {
        // The others go on.
        failed++;
        onError(error as Error);
      }
    }));
  } finally {
    clearTimeout(timer);
    io.signal.removeEventListener("abort", stop);
    show.end();
  }
  return failed === chosen.length ? 2 : found ? 0 : 1;
}

function choose(clients: Discoverers, words: readonly string[]): Found["protocol"][] {
  const known = Object.keys(clients) as Found["protocol"][];
  const unknown = words.find((word) =>
    word !== "all" && !known.includes(word as Found["protocol"])
  );
  if (unknown !== undefined) {
    throw new UsageError(
      `there is no protocol ${JSON.stringify(unknown)}, but ${known.join(", ")} and all`,
    );
  }
  if (words.length === 0 || words.includes("all")) return known;
  return known.filter((name) => words.includes(name));
}

/** The names of interfaces that were given by name or index; `undefined`: all. */
function interfaceNames(given: readonly string[]): string[] | undefined {
  if (given.length === 0) return undefined;
  const all = interfaces();
  return given.map((text) => {
    const found = all.find(({ name }) => name === text) ??
      all.find(({ index }) => String(index) === text);
    if (found) return found.name;
    const names = all.map(({ name }) => printable(name)).join(", ");
    throw new UsageError(`there is no interface ${JSON.stringify(text)}, but ${names}`);
  });
}

/** Shows what comes. */
interface Show {
  item(found: Found): void;
  error(message: string): void;
  end(): void;
}

/** Says each error once. */
function errorsOf(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (said.size >= MAX_ERRORS || said.has(message)) return;
    said.add(message);
    say(`pktinfo discover: ${printable(message)}\n`);
  };
}

function asJson(io: Io): Show {
  return {
    item: (found) => io.out(`${JSON.stringify(found)}\n`),
    error: errorsOf((text) => io.err(text)),
    end: () => {},
  };
}

function asLines(io: Io): Show {
  return {
    item({ protocol, name, kind, address, interface: on, gone }) {
      const fields = [protocol, name, kind, address, on, ...(gone ? ["gone"] : [])];
      io.out(`${fields.map(printable).join("\t")}\n`);
    },
    error: errorsOf((text) => io.err(text)),
    end: () => {},
  };
}

/** Keeps the table on the terminal, written anew over itself. */
function asTable(io: Io, table: FoundTable): Show {
  const paint = painter(io.colour);
  const started = performance.now();
  const errors: string[] = [];
  let drawn = 0;
  let last = "";
  // Line over line, and what is below cleared at the end: nothing flickers, and what is above stays as it is.
  const over = (lines: readonly string[]) => {
    const up = drawn > 1 ? `\x1b[${drawn - 1}A` : "";
    return `\r${up}${lines.map((line) => `${line}\x1b[K`).join("\n")}\x1b[J`;
  };
  const draw = () => {
    const { columns, rows } = io.screen as Screen;
    const secondsPast = Math.floor((performance.now() - started) / 1000);
    const status = `${table.present} found in ${secondsPast} s; Ctrl-C ends`;
    const lines = [
      // The last column stays free: not every terminal leaves the cursor in its line otherwise.
      ...table.lines(columns - 1, rows - 2, paint),
      paint(status.slice(0, columns - 1), "dim"),
    ];
    const text = lines.join("\n");
    if (text === last) return;
    last = text;
    io.out(over(lines));
    drawn = lines.length;
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return {
    item: () => {},
    error: errorsOf((text) => void errors.push(text)),
    end() {
      clearInterval(timer);
      // What stays is the whole of it.
      const lines = table.lines((io.screen?.columns ?? 80) - 1, Infinity, paint);
      io.out(`${over(lines)}\n`);
      for (const text of errors) io.err(text);
    },
  };
}
