/** SSDP's other sides: minidlna, gssdp, and a client of ours. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Counts, discover } from "../../examples/ssdp/discover.ts";
import { findProgram } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

/** The type of a media server. */
export const SERVER_TYPE = "urn:schemas-upnp-org:device:MediaServer:1";

/** Why there is no minidlna here. */
export const noMinidlna = findProgram("minidlnad") === null && "needs minidlnad (Debian: minidlna)";
/** Why there is no gssdp here. */
export const noGssdp = !fs.existsSync("/usr/share/doc/gir1.2-gssdp-1.6") &&
  "needs GSSDP 1.6 (Debian: python3-gi, gir1.2-gssdp-1.6)";

/** minidlna on a host, with settings and a database of its own. */
export async function startMinidlna(host: Host, folder: string, name: string): Promise<Program> {
  const config = path.join(folder, `${name}.conf`);
  fs.mkdirSync(path.join(folder, name));
  fs.writeFileSync(
    config,
    [
      "network_interface=eth0",
      "port=8200",
      `media_dir=${path.join(folder, name)}`,
      `db_dir=${path.join(folder, name)}`,
      `log_dir=${path.join(folder, name)}`,
      `friendly_name=${name}`,
      "inotify=no",
      "root_container=B",
      "",
    ].join("\n"),
  );
  return await host.spawn("minidlnad", [
    "-S",
    "-f",
    config,
    "-P",
    path.join(folder, `${name}.pid`),
  ]);
}

/** Debian's own Python has GObject; the one in PATH need not. */
export function startGssdp(host: Host, ...args: string[]): Promise<Program> {
  const file = fileURLToPath(new URL("../programs/gssdp.py", import.meta.url));
  return host.spawn("/usr/bin/python3", ["-B", file, ...args]);
}

/** A folder for the length of a test. */
export function temporary(): { folder: string } & Disposable {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-ssdp-"));
  return { folder, [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

/** A client in this process. */
export function startClient(target?: string) {
  const leave = new AbortController();
  const counts: Counts = { offLink: 0, malformed: 0 };
  const findings = discover({ signal: leave.signal, counts, target });
  return {
    findings,
    counts,
    /** Leaves, and sees that the findings end. */
    async [Symbol.asyncDispose]() {
      leave.abort();
      while (!(await findings.next()).done);
    },
  };
}
