// Text for terminals: widths, sizes, help and completion scripts.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { integer, onlyOne, seconds, UsageError } from "../../cli/command.ts";
import { bytesText, counted, fit, widthOf } from "../../cli/text.ts";
import { wrap } from "../../doctor/wrap.ts";
import { findProgram, test } from "../harness.ts";
import { run as runProgram } from "../lab/process.ts";
import { run } from "./support.ts";

test("wide characters take two columns, accents and joiners none", () => {
  const widths = { abc: 3, é: 1, "e\u0301": 1, 日本: 4, "🖨\ufe0f": 1, "😀": 2, "한": 2, "": 0 };
  for (const [text, width] of Object.entries(widths)) assertEquals(widthOf(text), width, text);
});

test("a text is filled or cut to just so many columns", () => {
  assertEquals(fit("abc", 5), "abc  ");
  assertEquals(fit("abcdef", 5), "abcd…");
  assertEquals(fit("日本語", 5), "日本…");
  assertEquals(fit("日本語", 4), "日… ");
  assertEquals([fit("abc", 1), fit("abc", 0)], ["…", ""]);
  for (const text of ["日本語日本語", "abcdefgh", "a日b本c"]) {
    for (let columns = 0; columns < 12; columns++) {
      assertEquals(widthOf(fit(text, columns)), columns);
    }
  }
});

test("numbers of things and bytes are told in words", () => {
  assertEquals([counted(1, "hop"), counted(0, "hop")], ["1 hop", "0 hops"]);
  const sizes = [0, 999, 1_000, 1_250, 99_949, 999_499, 999_500, 12_345_678_901, 5e15];
  assertEquals(sizes.map(bytesText), [
    ...["0 B", "999 B", "1.0 kB", "1.3 kB", "99.9 kB", "999 kB", "1.0 MB", "12.3 GB", "5000 TB"],
  ]);
});

test("help is broken into lines that fit", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("incomprehensibilities", 7), ["incomprehensibilities"]);
});

test("numbers and seconds are read strictly", () => {
  assertEquals([integer("5", "count", 1, 9), integer(undefined, "count", 1, 9)], [5, undefined]);
  for (const wrong of ["0", "10", "", " 5", "5.0", "0x5", "1e1", "five"]) {
    assertThrows(() => integer(wrong, "count", 1, 9), UsageError, "from 1 to 9");
  }
  assertEquals(["0.5", "10", "3.", ".25", "0"].map((text) => seconds(text, "for")), [
    ...[500, 10_000, 3_000, 250, 0],
  ]);
  for (const wrong of ["", "-1", "1s", "1e3", "Infinity", "9999999", "."]) {
    assertThrows(() => seconds(wrong, "for"), UsageError, "--for");
  }
  onlyOne({ json: true }, "hex", "json");
  assertThrows(() => onlyOne({ json: true, hex: true }, "hex", "json"), UsageError, "exclude");
});

/** What bash completes for a line, whose last word is the one that is being written. */
async function completed(...words: string[]): Promise<string[]> {
  const { out: script } = await run("completions", "bash");
  const ask = `${script}
pktinfo() { printf 'eth0\\nlo\\n'; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _pktinfo
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = await runProgram("bash", ["--norc", "-c", ask, "bash", ...words]);
  return out.trim().split("\n");
}

/** From a file: fish reads none from a socket, which is what some runtimes have for a pipe. */
async function runScript(shell: string, options: string[], script: string): Promise<string> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-"));
  try {
    const file = path.join(folder, "script");
    fs.writeFileSync(file, script);
    return await runProgram(shell, [...options, file]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

const skip = (shell: string) => ({ skip: findProgram(shell) === null && `needs ${shell}` });

test(
  "bash completes commands, options, protocols, interfaces and files",
  skip("bash"),
  async () => {
    assertEquals(await completed("pktinfo", "li"), ["listen"]);
    assertEquals(await completed("pktinfo", "listen", "--p"), ["--port", "--pcap"]);
    assertEquals(await completed("pktinfo", "discover", "p"), ["pva"]);
    assertEquals(await completed("pktinfo", "send", "-i", "e"), ["eth0"]);
    assertEquals(await completed("pktinfo", "doctor", "--interface", ""), ["eth0", "lo"]);
    assertEquals(await completed("pktinfo", "listen", "--count", ""), [""]);
    assertEquals(await completed("pktinfo", "listen", "--pcap", "/etc/host"), [
      ...(await runProgram("bash", ["-c", "compgen -f /etc/host"])).trim().split("\n"),
    ]);
    const commands = await completed("pktinfo", "");
    for (const name of ["listen", "send", "discover", "doctor", "completions", "--version"]) {
      assert(commands.includes(name), commands.join());
    }
  },
);

for (const shell of ["zsh", "fish"]) {
  test(`${shell} understands its completion script`, skip(shell), async () => {
    const { out: script } = await run("completions", shell);
    await runScript(shell, ["-n"], script);
  });
}

test("fish completes commands, options, protocols and interfaces", skip("fish"), async () => {
  const { out: script } = await run("completions", "fish");
  const ask = async (line: string) => {
    const words =
      `function pktinfo; printf 'eth0\\nlo\\n'; end\n${script}\ncomplete -C "${line}"\n`;
    const out = await runScript("fish", ["--no-config"], words);
    return out.trim().split("\n").map((text) => text.split("\t")[0]);
  };
  assertEquals(await ask("pktinfo li"), ["listen"]);
  assertEquals((await ask("pktinfo listen --p")).sort(), ["--pcap", "--port"]);
  assertEquals(await ask("pktinfo discover pv"), ["pva"]);
  assertEquals(await ask("pktinfo send -i e"), ["eth0"]);
});
