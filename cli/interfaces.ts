/**
 * `pktinfo interfaces`: lists the interfaces, or watches them.
 *
 * @module
 */

import { printable } from "../doctor/printable.ts";
import type { InterfaceChange } from "../interfaces/change.ts";
import { type InterfaceAddress, interfaces, type NetworkInterface } from "../interfaces/list.ts";
import { watchInterfaces } from "../interfaces/watch.ts";
import { type Command, onlyOne, type Values } from "./command.ts";
import type { Io } from "./io.ts";

/** The command. */
export const interfacesCommand: Command = {
  name: "interfaces",
  summary: "lists the network interfaces, or watches them",
  about: `
Lists the network interfaces: index, name, flags, MTU, hardware address and
addresses.`,
  options: {
    watch: { short: "w", help: "go on and tell what changes, until Ctrl-C" },
    json: {
      help: 'print one JSON object a line; with --watch each has a "type", "present" for what is ' +
        "there at the beginning",
    },
    names: { help: "print only their names, one a line" },
  },
  status: "0, or 2 for wrong usage or a failure.",
  run,
};

async function run(values: Values, _words: readonly string[], io: Io): Promise<number> {
  onlyOne(values, "names", "watch");
  onlyOne(values, "names", "json");
  if (values.watch) await watch(io, values.json === true);
  else if (values.names) io.out(interfaces().map(({ name }) => `${printable(name)}\n`).join(""));
  else io.out(values.json ? lines(interfaces()) : table(interfaces()));
  return 0;
}

async function watch(io: Io, json: boolean): Promise<void> {
  try {
    await using changes = watchInterfaces({ signal: io.signal });
    const present = changes.interfaces;
    io.out(
      json
        ? lines(present.map((item) => ({ type: "present", interface: item })))
        : `${table(present)}\n`,
    );
    for await (const change of changes) {
      io.out(json ? lines([change]) : `${describe(change)}\n`);
    }
  } catch (error) {
    // The user has seen enough.
    if (!io.signal.aborted || error !== io.signal.reason) throw error;
  }
}

function lines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

function describe(change: InterfaceChange): string {
  const { type, interface: item } = change;
  const words = [type, printable(item.name)];
  if ("address" in change) words.push(addressText(change.address));
  else if (type === "renamed") words.push(`was ${printable(change.previous.name)}`);
  else words.push(flags(item), `mtu ${item.mtu ?? "-"}`, item.mac ?? "-");
  return words.join("  ");
}

const HEADER = ["index", "name", "flags", "mtu", "mac", "addresses"];

function table(all: readonly NetworkInterface[]): string {
  const rows = [
    HEADER,
    ...all.map((item) => [
      String(item.index),
      printable(item.name),
      flags(item),
      String(item.mtu ?? "-"),
      item.mac ?? "-",
      item.addresses.map(addressText).join(", ") || "-",
    ]),
  ];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  return rows.map((cells) =>
    cells.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd() + "\n"
  ).join("");
}

const FLAGS = ["up", "running", "loopback", "multicast", "pointToPoint"] as const;
const MARKS = ["tentative", "duplicate", "temporary", "deprecated"] as const;

function flags(item: NetworkInterface): string {
  return FLAGS.filter((flag) => item[flag]).join(",") || "-";
}

function addressText(own: InterfaceAddress): string {
  const length = own.prefixLength === null ? "" : `/${own.prefixLength}`;
  const marks = MARKS.filter((mark) => own[mark]).map((mark) => ` ${mark}`);
  return own.address + length + marks.join("");
}
