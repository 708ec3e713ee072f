/**
 * Everything that was found, as the rows of one table.
 *
 * @module
 */

import { printable } from "../doctor/printable.ts";
import type { Found } from "../examples/found.ts";
import { fit, type Paint, widthOf } from "./text.ts";

/** Whoever makes things up on the link does not fill the memory. */
const MAX_ROWS = 10_000;
const GAP = "  ";
const HEADER = ["proto", "name", "kind", "address", "interface"] as const;
/** Columns that give way where the terminal is narrow, and what is left of them at least. */
const SHRINKABLE: readonly (readonly [column: number, least: number][])[] = [
  [[1, 16], [2, 12]],
  [[1, 8], [2, 8]],
  [[3, 5]],
  [[1, 1], [2, 1]],
];

/** The table. */
export class FoundTable {
  readonly #rows = new Map<string, Found>();
  #present = 0;
  /** How many had no room. */
  omitted = 0;

  /** How many are there, without those that are gone. */
  get present(): number {
    return this.#present;
  }

  /**
   * Takes what was told.
   *
   * @returns Whether it is news: not only another word from somebody known.
   */
  add(found: Found): boolean {
    const { protocol, name, kind, address, interface: on } = found;
    const key = JSON.stringify([protocol, name, kind, address, on]);
    const before = this.#rows.get(key);
    if (!before && this.#rows.size >= MAX_ROWS && !this.#forgetGone()) {
      this.omitted++;
      return false;
    }
    this.#rows.set(key, found);
    const was = before !== undefined && !before.gone;
    const is = !found.gone;
    if (is !== was) this.#present += is ? 1 : -1;
    return !before || is !== was;
  }

  #forgetGone(): boolean {
    for (const [key, found] of this.#rows) {
      if (found.gone) return this.#rows.delete(key);
    }
    return false;
  }

  /**
   * The table's lines, without line feeds, none wider than the terminal.
   *
   * @param columns How wide the terminal is.
   * @param most How many lines at most.
   */
  lines(columns: number, most: number, paint: Paint): string[] {
    const all = [...this.#rows.values()].sort(byNameWithin);
    const cells = all.map(cellsOf);
    const widths = fitWidths(
      HEADER.map((title, at) => Math.max(title.length, ...cells.map((row) => widthOf(row[at])))),
      columns,
    );
    const line = (row: readonly string[]) =>
      row.map((cell, at) => fit(cell, widths[at])).join(GAP).trimEnd();
    const room = cells.length + 1 > most ? Math.max(0, most - 2) : cells.length;
    const lines = [paint(line(HEADER), "bold")];
    for (let at = 0; at < room; at++) {
      const text = line(cells[at]);
      lines.push(all[at].gone ? paint(text, "dim") : text);
    }
    const hidden = cells.length - room + this.omitted;
    if (hidden > 0) lines.push(paint(fit(`… and ${hidden} more`, columns).trimEnd(), "dim"));
    return lines;
  }
}

const ORDER = ["mdns", "ssdp", "wsd", "pva"];

function byNameWithin(a: Found, b: Found): number {
  return ORDER.indexOf(a.protocol) - ORDER.indexOf(b.protocol) ||
    compare(a.name, b.name) || compare(a.kind, b.kind) ||
    compare(a.interface, b.interface) || compare(a.address, b.address);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names come from the network: they must not control the terminal. */
function cellsOf({ protocol, name, kind, address, interface: on, gone }: Found): string[] {
  return [protocol, gone ? `(gone) ${name}` : name, kind, address, on].map(printable);
}

/** Lets columns give way until the table fits: first name and kind, then the address; the interface never. */
function fitWidths(natural: readonly number[], columns: number): number[] {
  const widths = [...natural];
  const excess = () =>
    widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - columns;
  for (const stage of SHRINKABLE) {
    while (excess() > 0) {
      const widest = stage.filter(([at, least]) => widths[at] > least)
        .sort(([a], [b]) => widths[b] - widths[a])[0];
      if (!widest) break;
      widths[widest[0]]--;
    }
  }
  return widths;
}
