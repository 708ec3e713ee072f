/**
 * Draws docs/discover.svg and docs/doctor.svg: what the command line shows in a terminal (tmux) on a host that lies
 * in two networks, made of network namespaces, with servers to find.
 *
 *     deno task screenshots
 *
 * It needs Linux, root or user namespaces, and tmux; of the servers it takes those that are installed.
 */
// deno-lint-ignore-file no-console
import { fileURLToPath } from "node:url";
import { discoverers } from "../cli/discoverers.ts";
import { findProgram, python3 } from "../tests/harness.ts";
import { healthyHost } from "../tests/lab/doctor_support.ts";
import type { Host } from "../tests/lab/lab.ts";
import { Terminal } from "../tests/lab/terminal.ts";
import { inNamespace } from "./namespace.ts";
import { terminalSvg } from "./terminal_svg.ts";

const COLUMNS = 100;
const ROWS = 40;
const root = new URL("..", import.meta.url);
const main = fileURLToPath(new URL("cli/main.ts", root));

/** A server to find: what it needs to be there, and how it is started. */
interface Server {
  protocol: keyof typeof discoverers;
  program: string | null;
  start(host: Host, folder: string): Promise<unknown>;
}

const servers: Server[] = [
  {
    protocol: "pva",
    program: python3(),
    start: (host) =>
      host.spawn(python3()!, [
        fileURLToPath(new URL("tests/programs/pva_peer.py", root)),
        "--serve=LAB:TEMPERATURE",
        "--guid=6c61623a74656d7065726174",
      ]),
  },
  {
    protocol: "mdns",
    program: findProgram("avahi-daemon"),
    async start(host, folder) {
      // Two programs of one host may not both have its runtime folder, and the daemon knows no other.
      const services: [string, string, number][] = [
        ["Printer in the hall", "_ipp._tcp", 631],
        ["Lab files", "_sftp-ssh._tcp", 22],
      ];
      await Deno.mkdir(`${folder}/services`, { recursive: true });
      for (const [name, type, port] of services) {
        await Deno.writeTextFile(
          `${folder}/services/${port}.service`,
          `<service-group><name>${name}</name><service><type>${type}</type><port>${port}</port>` +
            `</service></service-group>`,
        );
      }
      const config = `${folder}/avahi.conf`;
      await Deno.writeTextFile(
        config,
        "[server]\nhost-name=labhost\nenable-dbus=no\nallow-interfaces=eth0\n" +
          "[publish]\npublish-workstation=no\npublish-hinfo=no\n",
      );
      const script =
        'mount --bind "$1/services" /etc/avahi/services && mkdir -p /run/avahi-daemon && ' +
        'mount -t tmpfs avahi /run/avahi-daemon && exec avahi-daemon -f "$1/avahi.conf" ' +
        "--no-drop-root --no-chroot --no-rlimits --no-proc-title";
      await host.spawn("unshare", ["--mount", "sh", "-c", script, "sh", folder]);
    },
  },
  {
    protocol: "ssdp",
    program: findProgram("minidlnad"),
    async start(host, folder) {
      const config = `${folder}/minidlna.conf`;
      await Deno.mkdir(`${folder}/media`, { recursive: true });
      await Deno.writeTextFile(
        config,
        `port=8200\nnetwork_interface=eth0\nfriendly_name=Lab media\nmedia_dir=${folder}/media\n` +
          `db_dir=${folder}/db\nlog_dir=${folder}/log\nnotify_interval=60\n`,
      );
      await host.spawn("minidlnad", ["-S", "-f", config, "-P", `${folder}/minidlna.pid`]);
    },
  },
  {
    protocol: "wsd",
    program: findProgram("wsdd"),
    start: (host) => host.spawn("wsdd", ["-i", "eth0", "-n", "LABPC", "-w", "LAB"]),
  },
];

function pktinfo(...args: string[]): string[] {
  return [Deno.execPath(), "run", "--no-check", "--quiet", "--allow-all", main, ...args];
}

async function draw(name: string, args: string[], terminal: Terminal): Promise<void> {
  await terminal.ended();
  const text = await terminal.painted();
  const svg = terminalSvg(`pktinfo ${args.join(" ")}`, text, COLUMNS);
  await Deno.writeTextFile(new URL(`docs/${name}.svg`, root), svg);
  console.log(`docs/${name}.svg`);
}

async function discover(folder: string): Promise<void> {
  await using net = await healthyHost();
  const found = servers.filter(({ protocol, program }) => discoverers[protocol] && program);
  for (const [at, server] of found.entries()) {
    const own = `${folder}/${server.protocol}`;
    await Deno.mkdir(own);
    await server.start(at % 2 === 0 ? net.b : net.a, own);
  }
  const args = ["discover"];
  await using terminal = await Terminal.start(pktinfo(...args), { columns: COLUMNS, rows: ROWS });
  for (const { protocol } of found) await terminal.until(new RegExp(`^${protocol} `, "m"));
  // What is still being asked about has a moment to answer.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  await terminal.type("C-c");
  await draw("discover", args, terminal);
}

async function doctor(): Promise<void> {
  await using net = await healthyHost();
  await net.lab.ip("link set eth1 multicast off");
  await net.lab.ip("-6 route del multicast ff00::/8 dev eth0 table local");
  const args = ["doctor"];
  await using terminal = await Terminal.start(pktinfo(...args), { columns: COLUMNS, rows: ROWS });
  await draw("doctor", args, terminal);
}

if (Deno.env.get("PKTINFO_LAB") === "1") {
  const folder = await Deno.makeTempDir({ prefix: "pktinfo-screenshots-" });
  try {
    await discover(folder);
    await doctor();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
} else {
  const self = [Deno.execPath(), "run", "--allow-all", import.meta.url];
  const [program, ...args] = inNamespace(self);
  const { code } = await new Deno.Command(program, { args, env: { PKTINFO_LAB: "1" } }).spawn()
    .status;
  Deno.exit(code);
}
