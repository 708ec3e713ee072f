// Every command as somebody at a terminal of 80 columns sees it: layout, Ctrl-C, colours, and pipes.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { widthOf } from "../../cli/text.ts";
import { commandOf, python3, test, type TestOptions } from "../harness.ts";
import { healthyHost } from "./doctor_support.ts";
import type { Host } from "./lab.ts";
import { sendFrom, startReceiver } from "./peers.ts";
import { Terminal, type TerminalOptions } from "./terminal.ts";

const needs: TestOptions = { needs: ["lab", "tmux", "python3"] };
const COLUMNS = 80;
const main = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));

function pktinfo(...args: string[]): string[] {
  return commandOf(main, ["--allow-ffi"], args).flat();
}

/** Starts a command in a terminal. */
function terminal(args: string[], options?: TerminalOptions): Promise<Terminal> {
  return Terminal.start(pktinfo(...args), options);
}

/** In a shell, so that there can be pipes. */
function shell(script: string): Promise<Terminal> {
  return Terminal.start(["bash", "--norc", "-c", script]);
}

function quoted(...args: string[]): string {
  return pktinfo(...args).map((word) => `'${word}'`).join(" ");
}

/** Nothing is so wide that the terminal had to break it. */
function assertFits(lines: readonly string[]): void {
  for (const line of lines) assert(widthOf(line) < COLUMNS, line);
}

const COLOUR = "\x1b[3";

test(
  "listen shows packets in lines that fit, its rate below them, and ends with Ctrl-C",
  needs,
  async () => {
    await using net = await healthyHost();
    await using screen = await terminal(["listen", "239.1.2.3:5000", "[ff02::1234]:5000"]);
    await screen.until(/joined on eth0, eth1[^]*joined on/);
    await sendFrom(net.b, { to: "239.1.2.3", port: 5000, interface: "eth0", data: "to all" });
    await sendFrom(net.a, { to: "ff02::1234", port: 5000, interface: "eth0", data: "to all" });
    const lines = await screen.until(/2 datagrams, 12 B, \d+\/s/);
    const [, , ...shown] = lines;
    assertMatch(
      shown[0],
      /^\d\d:\d\d:\d\d\.\d{3} eth1 {2}10\.2\.0\.100:\d+ → 239\.1\.2\.3:5000 {2}6 bytes, 1 hop$/,
    );
    assertEquals(shown[1], "  to all");
    // A link-local address in full leaves no room for the rest.
    assertMatch(
      shown.slice(2, 4).join(" "),
      /eth0 {2}\[fe80::[\da-f:]*\]:\d+ → \[ff02::1234\]:5000 +6 bytes, 1 hop/,
    );
    assertFits(lines);
    await screen.type("C-c");
    assertEquals(await screen.ended(), "0");
    const left = await screen.screen();
    assertEquals(left.at(-1), "2 datagrams, 12 B");
    assert(!left.some((line) => line.includes("/s")), left.join("\n"));
  },
);

test("send shows its progress, and ends with Ctrl-C and 130", needs, async () => {
  await using net = await healthyHost();
  await using _receiver = await startReceiver(net.a, { port: 5000 });
  const args = ["send", "10.1.0.100:5000", "--repeat", "1000", "--interval", "0.01", "hello"];
  await using screen = await terminal(args);
  assertFits(await screen.until(/^sent \d+ of 1000$/m));
  await screen.type("C-c");
  assertEquals(await screen.ended(), "130");
  const [last, ...others] = (await screen.screen()).reverse();
  assertMatch(last, /^sent \d+ datagrams, /);
  assert(!others.some((line) => line.includes("of 1000")));
});

test("send asks for what to send, and takes it from the keyboard", needs, async () => {
  await using _net = await healthyHost();
  await using screen = await terminal(["send", "10.1.0.1:5000", "--json"]);
  await screen.until(/Ctrl-D/);
  await screen.type("hello", "Enter", "C-d");
  assertEquals(await screen.ended(), "0");
  assertStringIncludes((await screen.screen()).join("\n"), '"sent":1,"bytes":6');

  await using other = await terminal(["send", "10.1.0.1:5000"]);
  await other.until(/Ctrl-D/);
  await other.type("C-c");
  assertEquals(await other.ended(), "130");
});

/** A server for discovery to find. */
async function pvaServer(host: Host, guid: string): Promise<void> {
  const file = fileURLToPath(new URL("../programs/pva_peer.py", import.meta.url));
  const args = ["-B", "-s", "-E", file, "--serve=LAB:PV", `--guid=${guid.repeat(12)}`];
  const program = await host.spawn(python3()!, args);
  await program.nextJson();
}

test("discover keeps one table up to date, and leaves it when it ends", needs, async () => {
  await using net = await healthyHost();
  await pvaServer(net.b, "bb");
  await using screen = await terminal(["discover", "pva"]);
  const header = /^proto {2}name .*kind .*address .*interface$/m;
  await screen.until(/1 found in \d+ s; Ctrl-C ends/);
  await pvaServer(net.a, "aa");
  // It asks again after a second, then after two.
  const lines = await screen.until(/2 found/);
  assertFits(lines);
  assertMatch(lines[0], header);
  assertMatch(lines[1], /^pva {4}(aa){12} {2}PV server {2}10\.1\.0\.100:5075 {2}eth0$/);
  assertMatch(lines[2], /^pva {4}(bb){12} {2}PV server {2}10\.2\.0\.100:5075 {2}eth1$/);
  assertEquals(lines.length, 4);
  await screen.type("C-c");
  assertEquals(await screen.ended(), "0");
  assertEquals(await screen.screen(), lines.slice(0, 3));
});

test("discover shows what has room on a low terminal", needs, async () => {
  await using net = await healthyHost();
  for (const guid of ["aa", "bb"]) await pvaServer(guid === "aa" ? net.a : net.b, guid);
  await using screen = await terminal(["discover", "all"], { rows: 4, columns: 60 });
  const lines = await screen.until(/2 found/);
  assertEquals(lines.length, 3);
  assertStringIncludes(lines[1], "… and 2 more");
  for (const line of lines) assert(widthOf(line) < 60, line);
  await screen.type("C-c");
  assertEquals(await screen.ended(), "0");
});

test(
  "doctor and interfaces have colours on a terminal only, and none with NO_COLOR",
  needs,
  async () => {
    await using net = await healthyHost();
    {
      await using screen = await terminal(["doctor"]);
      assertEquals(await screen.ended(), "0");
      assertStringIncludes(await screen.painted(), COLOUR);
      // Progress has been there, and is gone.
      const lines = await screen.everything();
      assertMatch(lines[0], /^interface +group/);
      assertFits(lines.filter((line) => !line.startsWith("    ")));
    }
    for (const command of ["doctor", "discover"]) {
      await using screen = await terminal(
        command === "discover" ? ["discover", "pva", "--for", "0.3"] : [command],
        { env: { NO_COLOR: "1" } },
      );
      await screen.ended();
      assert(!(await screen.painted()).includes("\x1b["), await screen.painted());
    }
    await using screen = await terminal(["interfaces", "--watch"]);
    await screen.until(/eth1/);
    await net.lab.ip("link set eth1 mtu 1400");
    await screen.until(/^changed +eth1 .*mtu 1400/m);
    await screen.type("C-c");
    assertEquals(await screen.ended(), "0");
  },
);

test("the doctor is interrupted by Ctrl-C without a word", needs, async () => {
  await using net = await healthyHost();
  // So that it waits for packets that never come.
  await net.here.run("nft", ["-f", "-"], {
    input: "table inet lab { chain in { type filter hook input priority 0; policy drop; }; }",
  });
  await using screen = await terminal(["doctor"]);
  await screen.until(/\S/);
  await screen.type("C-c");
  assertEquals(await screen.ended(), "130");
  const left = (await screen.screen()).join("\n");
  assertEquals(left.replaceAll(/\^C/g, "").trim(), "");
  await net.here.run("nft", ["flush", "ruleset"]);
});

test("into a pipe go plain lines, and who reads no more ends it", needs, async () => {
  await using net = await healthyHost();
  await pvaServer(net.b, "bb");
  const lines = "cat -v; echo status=${PIPESTATUS[*]}";
  {
    await using screen = await shell(`${quoted("discover", "pva", "--for", "1")} | ${lines}`);
    assertEquals(await screen.ended(), "0");
    const shown = (await screen.screen()).join("");
    const fields = ["pva", "bb".repeat(12), "PV server", "10.2.0.100:5075", "eth1"];
    // cat -v shows a tab as it is, and the terminal as spaces.
    assertMatch(shown, new RegExp(`^${fields.join("\\s+")}`));
    assertStringIncludes(shown, "status=0 0");
    assert(!shown.includes("^["), shown);
  }
  const script = `${
    quoted("listen", "10.1.0.1:5000")
  } | head -n 2; echo "status=\${PIPESTATUS[*]}"`;
  await using screen = await shell(script);
  await screen.until(/listening on/);
  // The pipe breaks at the first write that nobody reads.
  const sending = net.a.spawn("sh", [
    "-c",
    "while :; do printf hello | socat -u - UDP-SENDTO:10.1.0.1:5000; sleep 0.05; done",
  ]);
  await screen.until(/status=0 0/);
  await (await sending).stop("SIGKILL");
  const left = await screen.screen();
  assertEquals(left.filter((line) => line === "  hello").length, 1);
  assert(!left.some((line) => /EPIPE|Broken/i.test(line)), left.join("\n"));
});
