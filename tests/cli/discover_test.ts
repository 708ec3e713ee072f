// Discovery without a network: clients that tell what the test says.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readArguments } from "../../cli/command.ts";
import { discoverCommand } from "../../cli/discover.ts";
import {
  type Discoverers,
  discoverers,
  type DiscoverOptions,
  type Found,
} from "../../cli/discoverers.ts";
import { FoundTable } from "../../cli/found_table.ts";
import { painter, widthOf } from "../../cli/text.ts";
import { test, within } from "../harness.ts";
import { lo } from "../kernel/support.ts";
import { FakeIo } from "./support.ts";

const PRINTER: Found = {
  protocol: "mdns",
  name: "Printer in the hall",
  kind: "_ipp._tcp",
  address: "192.0.2.9:631",
  interface: "eth0",
};
const SERVER: Found = {
  protocol: "pva",
  name: "000102030405060708090a0b",
  kind: "PV server",
  address: "[fe80::1%eth1]:5075",
  interface: "eth1",
};

/** A client that tells these and then waits for its signal. */
function telling(...items: Found[]) {
  async function* tell({ signal }: DiscoverOptions): AsyncGenerator<Found> {
    yield* items;
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
  }
  return (options: DiscoverOptions) => Promise.resolve(tell(options));
}

/** Runs the command with these clients until what was written satisfies the condition, then presses Ctrl-C. */
async function discover(
  clients: Discoverers,
  args: string[],
  until: (io: FakeIo) => boolean,
  prepare: (io: FakeIo) => void = () => {},
): Promise<{ code: number; io: FakeIo }> {
  const io = new FakeIo();
  prepare(io);
  const command = discoverCommand(clients);
  const { values, words } = readArguments(command, args);
  const ended = command.run(values, words, io);
  await within(5_000, Promise.race([io.until(until), ended]));
  io.leave.abort();
  return { code: await within(5_000, ended), io };
}

const never = () => false;

test("what is found is one line each, its fields separated by tabs, and gone when it is", async () => {
  const clients = {
    mdns: telling(PRINTER, PRINTER, { ...PRINTER, gone: true }),
    pva: telling(SERVER),
  };
  const lines = (io: FakeIo) => io.stdout.split("\n").length - 1;
  const { code, io } = await discover(clients, [], (io) => lines(io) === 3);
  assertEquals(code, 0);
  assertEquals(io.stdout.trimEnd().split("\n").sort(), [
    "mdns\tPrinter in the hall\t_ipp._tcp\t192.0.2.9:631\teth0",
    "mdns\tPrinter in the hall\t_ipp._tcp\t192.0.2.9:631\teth0\tgone",
    "pva\t000102030405060708090a0b\tPV server\t[fe80::1%eth1]:5075\teth1",
  ]);
});

test("--json prints what the client told", async () => {
  const item = { ...SERVER, details: { version: "2" } };
  const { io } = await discover(
    { pva: telling(item) },
    ["pva", "--json"],
    ({ stdout }) => stdout.includes("\n"),
  );
  assertEquals(JSON.parse(io.stdout), item);
});

test("only the protocols that were named are asked, on the interfaces that were named", async () => {
  const asked: string[] = [];
  const client = (name: string) => (options: DiscoverOptions) => {
    asked.push(`${name} ${options.interfaces}`);
    return telling()(options);
  };
  const clients = { mdns: client("mdns"), ssdp: client("ssdp"), pva: client("pva") };
  const args = ["--interface", String(lo.index), "--for", "0.05"];
  const { code } = await discover(clients, ["pva", "mdns", ...args], never);
  // Nothing was found.
  assertEquals([code, asked.sort()], [1, [`mdns ${lo.name}`, `pva ${lo.name}`]]);
  asked.length = 0;
  await discover(clients, ["all", "--for", "0.05"], never);
  assertEquals(asked.sort(), ["mdns undefined", "pva undefined", "ssdp undefined"]);
});

test("a client that fails is told once and keeps nobody from going on", async () => {
  const broken = async function* ({ onError }: DiscoverOptions): AsyncGenerator<Found> {
    onError(new Error("eth9 is \x1b[31mred"));
    onError(new Error("eth9 is \x1b[31mred"));
    yield await Promise.reject<Found>(new Error("port 5353 is taken"));
  };
  const failing = (options: DiscoverOptions) => Promise.resolve(broken(options));
  const both = { mdns: failing, pva: telling(SERVER) };
  const { code, io } = await discover(both, [], ({ stdout }) => stdout.includes("pva"));
  assertEquals(code, 0);
  assertEquals(io.stderr.split("\n"), [
    "pktinfo discover: mdns: eth9 is \\u{1b}[31mred",
    "pktinfo discover: mdns: port 5353 is taken",
    "",
  ]);
  assertEquals((await discover({ mdns: failing }, [], never)).code, 2);
});

// deno-lint-ignore no-control-regex -- it is what terminals are told with
const SEQUENCES = /\x1b\[(?:(\d+)A|([JK])|(\d*)m)|([^])/gu;

/** A terminal that understands what the table writes: text, line feeds, "up", "clear" and colours. */
class Terminal {
  readonly lines: string[] = [""];
  #row = 0;
  #column = 0;
  constructor(readonly columns: number) {}

  write(text: string): void {
    for (const [, up, clear, , character] of text.matchAll(SEQUENCES)) {
      const line = this.lines[this.#row];
      if (up) this.#row -= Number(up);
      else if (clear) {
        this.lines[this.#row] = line.slice(0, this.#column);
        if (clear === "J") this.lines.length = this.#row + 1;
      } else if (character === "\n") {
        this.lines[++this.#row] ??= "";
        this.#column = 0;
      } else if (character === "\r") this.#column = 0;
      else if (character) {
        this.lines[this.#row] = line.slice(0, this.#column) + character +
          line.slice(this.#column + 1);
        this.#column++;
      }
      assert(this.#row >= 0 && this.#column < this.columns, text);
    }
  }
}

test("on a terminal one table is written over itself, and stays when it ends", async () => {
  const screen = { columns: 80, rows: 8 };
  const many = Array.from({ length: 12 }, (_, at) => ({ ...PRINTER, name: `Printer ${at}` }));
  const clients = { mdns: telling(...many), pva: telling({ ...SERVER, gone: true }) };
  const { code, io } = await discover(
    clients,
    [],
    ({ stdout }) => /12 found/.test(stdout),
    (io) => {
      io.screen = screen;
      io.colour = true;
    },
  );
  assertEquals(code, 0);
  const terminal = new Terminal(screen.columns);
  terminal.write(io.stdout);
  const [header, ...rows] = terminal.lines;
  assertEquals(header.split(/ {2,}/), ["proto", "name", "kind", "address", "interface"]);
  // All of them now, however high the terminal is; before there were no more lines than it has.
  assertEquals(rows.length, 12 + 1 + 1);
  assertStringIncludes(rows[12], "(gone)");
  assertStringIncludes(io.stdout, "… and 9 more");
  for (const drawn of io.stdout.split("\x1b[J").slice(0, -2)) {
    assert(drawn.split("\n").length <= screen.rows, drawn);
  }
  assert(io.stdout.includes("\x1b[1m") && io.stdout.includes("\x1b[2m"));
});

test("without colours the table has none", async () => {
  const { io } = await discover(
    { pva: telling(SERVER) },
    [],
    ({ stdout }) => stdout.includes("1 found"),
    (io) => {
      io.screen = { columns: 80, rows: 24 };
    },
  );
  // deno-lint-ignore no-control-regex -- that is what must not be there
  assert(!/\x1b\[\d*m/.test(io.stdout), io.stdout);
});

test("where the table is too wide name and kind give way first, the interface never", () => {
  const table = new FoundTable();
  table.add({
    ...PRINTER,
    name: "日本語のプリンター 🖨 with a name that goes on and on and on",
    address: "[fe80::1234:5678:9abc:def0%enp0s31f6]:631",
    interface: "enp0s31f6",
  });
  const plain = painter(false);
  for (const columns of [120, 80, 60, 40]) {
    const [header, row] = table.lines(columns, 10, plain);
    for (const line of [header, row]) assert(widthOf(line) <= columns, `${columns}: ${line}`);
    assert(row.endsWith("  enp0s31f6"), row);
    assertEquals(row.includes("[fe80::1234:5678:9abc:def0%enp0s31f6]:631"), columns >= 80, row);
  }
});

test("a name cannot control the terminal, and rows that are made up do not fill the memory", () => {
  const table = new FoundTable();
  for (let count = 0; count < 20_000; count++) {
    table.add({ ...PRINTER, name: `\x1b[2J${count}`, gone: count < 5_000 });
  }
  assertEquals(table.present, 10_000);
  assertEquals(table.omitted, 5_000);
  const lines = table.lines(79, 10, painter(false));
  assertEquals(lines.length, 10);
  assertStringIncludes(lines[1], "\\u{1b}[2J");
  assertEquals(lines[9], "… and 14992 more");
});

test("what comes back is news again", () => {
  const table = new FoundTable();
  const gone = { ...PRINTER, gone: true };
  const told = [PRINTER, PRINTER, gone, gone, PRINTER].map((item) => table.add(item));
  assertEquals([told, table.present], [[true, false, true, false, true], 1]);
});

test("each client of the examples is there and ends at once when it is to", async () => {
  const signal = AbortSignal.abort();
  for (const client of Object.values(discoverers)) {
    const options = { interfaces: [lo.name], signal, onError: () => {} };
    const found = await within(5_000, client(options, () => null));
    assertEquals((await within(5_000, found.next())).done, true);
  }
});
