// The command line of the doctor: exit status, JSON, the script that mends, and no more permission than named.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { diagnose, type Diagnosis, fixScript } from "../../doctor/mod.ts";
import { SocketError } from "../../mod.ts";
import { python3, runtime, test, type TestOptions } from "../harness.ts";
import { descriptors, startProgram } from "../kernel/support.ts";
import { assertHealthy, brief, healthyHost, serious } from "./doctor_support.ts";
import { Program } from "./process.ts";

const needs: TestOptions = { needs: ["lab"] };

interface Ended {
  status: string;
  out: string;
  err: string;
}

/** Runs the command line to its end. */
async function pktinfo(args: string[], permissions = ["--allow-ffi"]): Promise<Ended> {
  await using program = await startProgram("../../cli/main.ts", permissions, ...args);
  const status = await program.ended;
  return { status, out: program.takeLines().join("\n"), err: program.stderr };
}

test(
  "the exit status is 0 for healthy, 1 for findings, 2 for wrong usage and failures",
  needs,
  async () => {
    await using net = await healthyHost();
    const well = await pktinfo(["doctor"]);
    assertEquals([well.status, well.err], ["0", ""], well.out);
    assertStringIncludes(well.out, "Multicast works on this host.");
    // What could not be looked at is said; who is not kept from anything looks.
    if (runtime === "deno") assertStringIncludes(well.out, "packet filter");

    await net.lab.ip("link set eth1 down");
    const ill = await pktinfo(["doctor"]);
    assertEquals([ill.status, ill.err], ["1", ""], ill.out);
    assertStringIncludes(ill.out, "ip link set dev eth1 up");
    assertEquals((await pktinfo(["doctor", "--interface", "eth0"])).status, "0");

    for (
      const [args, why] of [
        [["doctor", "--interface", "nosuch0"], "nosuch0"],
        [["doctor", "--group", "10.0.0.1"], "10.0.0.1"],
        [["doctor", "--group", "ff02::1@nosuch0"], "nosuch0"],
        [["doctor", "--nosuch"], "--nosuch"],
        [["doctor", "word"], "word"],
        [["doctor", "--interface"], "--interface"],
        [["surgeon"], "surgeon"],
        [[], "usage"],
      ] as const
    ) {
      const { status, out, err } = await pktinfo([...args]);
      assertEquals([status, out], ["2", ""], err);
      assertStringIncludes(err, why);
      assert(!err.includes("    at "), err);
    }
    for (
      const args of [["--help"], ["doctor", "--help"], ["interfaces", "--help"], ["--version"]]
    ) {
      const { status, err } = await pktinfo(args, []);
      assertEquals([status, err], ["0", ""]);
    }
  },
);

test("--json prints one object, the same as diagnose() says", needs, async () => {
  await using net = await healthyHost();
  await net.lab.ip("link set eth1 multicast off");
  const { status, out } = await pktinfo(["doctor", "--json", "--group", "ff02::fb@eth0"]);
  assertEquals([status, out.split("\n").length], ["1", 1]);
  const printed: Diagnosis = JSON.parse(out);
  const own = await diagnose({ groups: ["ff02::fb@eth0"] });
  assertEquals(JSON.parse(JSON.stringify(own)), own);
  assertEquals(brief(serious(printed)), brief(serious(own)));
  const shapes = [printed, own].map(({ interfaces }) =>
    interfaces.map(({ name, tests }) => `${name} ${tests.map(({ receive }) => receive)}`)
  );
  assertEquals(shapes[0], shapes[1]);
  const { tests } = printed.interfaces.find(({ name }) => name === "eth0")!;
  assertEquals(tests.map(({ group }) => group).at(-1), "ff02::fb");
});

test("--fix-commands prints a script that mends everything at once", needs, async () => {
  await using net = await healthyHost();
  for (
    const command of [
      "link set eth0 multicast off",
      "link set eth1 down",
      "route del default",
      "route add unreachable 239.0.0.0/8",
      "-6 route del multicast ff00::/8 dev eth0 table local",
    ]
  ) await net.lab.ip(command);
  await net.here.sysctl({ "net.ipv4.conf.eth1.force_igmp_version": "2" });
  const { status, out } = await pktinfo(["doctor", "--fix-commands"]);
  assertEquals(status, "1");
  const lines = out.trimEnd().split("\n");
  // Each command has its reason above it.
  lines.forEach((line, at) => assert(line.startsWith("#") || lines[at - 1].startsWith("# "), out));
  await net.here.run("sh", ["-e"], { input: `${out}\n` });
  await net.here.settled("eth1");
  // What the interface that was down kept to itself is said now that it is up.
  await net.here.run("sh", ["-e"], { input: (await pktinfo(["doctor", "--fix-commands"])).out });
  await assertHealthy();
  assertEquals(await pktinfo(["doctor", "--fix-commands"]), { status: "0", out: "", err: "" });
});

test("an interface's name cannot become a command", needs, async () => {
  await using net = await healthyHost();
  const names = ["a;b$(id)", "x'y", '`w`"|&', "-n", "#x", "a.b", "é~*?", "\\$IFS"];
  for (const [at, name] of names.entries()) {
    const words = ["link", "add", "name", name, "type", "veth", "peer", "name", `far${at}`];
    await net.here.run("ip", words);
    await net.lab.ip(`link set far${at} up`);
    await net.here.run("ip", ["link", "set", "dev", name, "up"]);
    await net.here.run("ip", ["address", "add", `10.20.${at}.1/24`, "dev", name]);
  }
  await assertHealthy();
  for (const name of names) {
    await net.here.run("ip", ["link", "set", "dev", name, "multicast", "off"]);
    const file = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
    await net.here.run("sh", ["-c", 'echo 1 > "$1"', "sh", file]);
  }
  const ill = await diagnose();
  assertEquals(serious(ill).length, 2 * names.length);
  await net.here.run("sh", ["-e"], { input: fixScript(ill) });
  for (const name of names) await net.here.run("ip", ["link", "show", "dev", name]);
  for (const end = Date.now() + 5_000; Date.now() < end && !(await diagnose()).healthy;);
  await assertHealthy();
  // On the terminal as well.
  const { out } = await pktinfo(["doctor"]);
  for (const name of names) assertStringIncludes(out, name);
});

/** Runs the command line on a terminal of its own, without `--no-prompt`: what is asked would be seen. */
const ON_TERMINAL = `
import os, pty, sys
chunks = []
def read(fd):
    data = os.read(fd, 65536)
    chunks.append(data)
    return data
status = pty.spawn(sys.argv[1:], read, lambda fd: b"")
sys.exit(os.waitstatus_to_exitcode(status))
`;

test("--allow-ffi is enough, and nothing more is asked for on a terminal", {
  needs: ["lab", "deno", "python3"],
}, async () => {
  await using net = await healthyHost();
  const python = python3()!;
  const command = ["-c", ON_TERMINAL, process.execPath, "run", "--no-check", "--allow-ffi"];
  const main = new URL("../../cli/main.ts", import.meta.url).pathname;
  for (const [args, expected] of [[["doctor"], "0"], [["interfaces"], "0"]] as const) {
    await using program = await Program.start(python, [...command, main, ...args], {
      env: { NO_COLOR: "" },
    });
    const status = await program.ended;
    const out = program.takeLines().join("\n");
    assertEquals(status, expected, out);
    assert(!/permission request|Allow\?|NotCapable/i.test(out), out);
    if (args[0] === "doctor") {
      // Progress on one line, colours, and no trace of the progress in what is left.
      assertStringIncludes(out, "\r\x1b[K");
      assertStringIncludes(out, "\x1b[32m");
    }
  }
  await net.lab.ip("link set eth1 down");
  await using plain = await Program.start(python, [...command, main, "doctor"], {
    env: { NO_COLOR: "1" },
  });
  assertEquals(await plain.ended, "1");
  assert(!plain.takeLines().join("\n").includes("\x1b[3"));
});

test("a signal that is aborted ends it with its reason, before and during", needs, async () => {
  await using net = await healthyHost();
  const reason = new Error("enough");
  const count = descriptors();
  await assertRejects(() => diagnose({ signal: AbortSignal.abort(reason) }), Error, "enough");
  // At every step, also while a packet is waited for that never comes.
  await net.here.run("nft", ["-f", "-"], {
    input: "table inet lab { chain in { type filter hook input priority 0; policy drop; }; }",
  });
  try {
    const steps: string[] = [];
    await diagnose({ onProgress: (step) => void steps.push(step) });
    assert(steps.length >= 6, steps.join());
    for (const at of steps.keys()) {
      const stop = new AbortController();
      let step = 0;
      const error = await assertRejects(() =>
        diagnose({
          signal: stop.signal,
          onProgress: () => {
            if (step++ === at) stop.abort(reason);
          },
        })
      );
      assertEquals(error, reason, steps[at]);
    }
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 100);
    const started = performance.now();
    assertEquals(await assertRejects(() => diagnose({ signal: stop.signal })), reason);
    assert(performance.now() - started < 300);
  } finally {
    await net.here.run("nft", ["flush", "ruleset"]);
  }
  assertEquals(descriptors(), count);
});

test(
  "wrong arguments are refused before anything is done, and nothing is left open",
  needs,
  async () => {
    await using _net = await healthyHost();
    await diagnose();
    const count = descriptors();
    const wrong = [
      [{ interfaces: "eth0" }, TypeError, "interfaces"],
      [{ interfaces: ["a/b"] }, TypeError, "a/b"],
      [{ interfaces: [0] }, RangeError, "0"],
      [{ groups: ["10.0.0.1"] }, TypeError, "10.0.0.1"],
      [{ groups: [7] }, TypeError, "number"],
      [{ groups: ["ff02::1,3"] }, TypeError, "hop limit"],
      [{ groups: ["224.0.0.251:0"] }, RangeError, "port"],
      [{ groups: ["::ffff:224.0.0.1"] }, TypeError, "224.0.0.1"],
      [{ ports: [0] }, RangeError, "port"],
      [{ ports: ["5353"] }, TypeError, "port"],
      [{ signal: {} }, TypeError, "signal"],
      [{ onProgress: 1 }, TypeError, "onProgress"],
      [{ interface: "eth0" }, TypeError, "interfaces"],
      [null, TypeError, "object"],
    ] as const;
    for (const [options, kind, text] of wrong) {
      // deno-lint-ignore no-explicit-any -- wrong on purpose
      await assertRejects(() => diagnose(options as any), kind, text);
    }
    for (
      const options of [{ interfaces: ["nosuch0"] }, { interfaces: [4711] }, {
        groups: ["ff02::1@nosuch0"],
      }]
    ) {
      const error = await assertRejects(() => diagnose(options), SocketError);
      assertEquals(error.code, "ENODEV");
    }
    await diagnose({ interfaces: [1, "eth0"], groups: ["ff02::fb%eth1"], ports: [4000] });
    assertEquals(descriptors(), count);
  },
);

test("interfaces are listed as a table and as JSON, and watched until Ctrl-C", needs, async () => {
  await using net = await healthyHost();
  const listed = await pktinfo(["interfaces"]);
  assertEquals([listed.status, listed.err], ["0", ""]);
  const [header, ...rows] = listed.out.split("\n");
  assert(/^index +name +flags +mtu +mac +addresses$/.test(header), header);
  const eth0 = rows.find((row) => row.includes(" eth0 "))!;
  for (const part of ["up,running,multicast", "1500", "10.1.0.1/24", "fd01::1/64"]) {
    assertStringIncludes(eth0, part);
  }
  const json = await pktinfo(["interfaces", "--json"]);
  const items = json.out.split("\n").map((line) => JSON.parse(line));
  assertEquals(items.map(({ name }) => name).sort(), ["eth0", "eth1", "lo"]);

  for (const args of [["--json"], []]) {
    const program = await startProgram(
      "../../cli/main.ts",
      ["--allow-ffi"],
      "interfaces",
      "--watch",
      ...args,
    );
    await using _ended = program;
    for (let lines = args.length > 0 ? 3 : 5; lines > 0; lines--) await program.nextLine();
    await net.lab.ip("link set eth1 mtu 1400");
    const line = await program.nextLine();
    if (args.length > 0) {
      const change = JSON.parse(line);
      assertEquals([change.type, change.interface.mtu, change.previous.mtu], [
        "changed",
        1400,
        1500,
      ]);
    } else assert(/^changed +eth1 .*mtu 1400/.test(line), line);
    await net.lab.ip("link set eth1 mtu 1500");
    // Not by the parent: Deno would take its own signal for the way the program ended.
    await net.here.run("kill", ["-INT", String(program.pid)]);
    assertEquals(await program.ended, "0");
    assertEquals(program.stderr, "");
  }
});
