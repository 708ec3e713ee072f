/** systemd-resolved on a host of the lab, without the rest of systemd: it speaks mDNS and LLMNR. */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { within } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

const { PKTINFO_RESOLVED: program, PKTINFO_RESOLVED_LIBRARIES: libraries } = process.env;

/** A reason to skip where it is not to be had. */
export const noResolved: string | false = program === undefined
  ? 'needs systemd-resolved (the stage "machines" gets it)'
  : false;

/** An address that it knows, and the interface it knows it from. */
export interface Resolution {
  ifindex: number;
  address: string;
}

/** The daemon. */
export interface Resolved extends AsyncDisposable {
  daemon: Program;
  /** Asks it for the addresses of a name; rejects if there are none. */
  resolve(name: string): Promise<Resolution[]>;
}

/** Starts it on a host, as `hostName` and `hostName.local`, with mDNS and LLMNR on one interface. */
export async function startResolved(
  host: Host,
  hostName: string,
  on: string,
  service?: { name: string; type: string; port: number; txt: string },
): Promise<Resolved> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-resolved-"));
  fs.chmodSync(folder, 0o755);
  const write = (name: string, text: string) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  // What systemd-networkd would say of the interface: without it there is no mDNS.
  write(
    `run/systemd/netif/links/${await host.index(on)}`,
    "ADMIN_STATE=configured\nOPER_STATE=routable\nMDNS=yes\nLLMNR=yes\n",
  );
  write(
    "run/systemd/resolved.conf.d/lab.conf",
    "[Resolve]\nDNSStubListener=no\nMulticastDNS=yes\nLLMNR=yes\n",
  );
  if (service) {
    const { name, type, port, txt } = service;
    write(
      "run/systemd/dnssd/lab.dnssd",
      `[Service]\nName=${name}\nType=${type}\nPort=${port}\nTxtText=${txt}\n`,
    );
  }
  // It gives up being root, for a user that only its package makes.
  const id = 64_999;
  write("passwd", `root:x:0:0::/:/bin/sh\nsystemd-resolve:x:${id}:${id}::/:/bin/false\n`);
  write("group", `root:x:0:\nsystemd-resolve:x:${id}:\n`);
  const own = path.join(folder, "run/systemd/resolve");
  fs.mkdirSync(own);
  fs.chownSync(own, id, id);
  const script = `hostname ${hostName} && mount --bind ${folder}/passwd /etc/passwd &&
    mount --bind ${folder}/group /etc/group && mount --bind ${folder}/run /run && exec ${program}`;
  const env = {
    LD_LIBRARY_PATH: libraries!,
    SYSTEMD_LOG_LEVEL: "debug",
    SYSTEMD_LOG_TARGET: "console",
  };
  const daemon = await host.spawn("unshare", ["--mount", "--uts", "sh", "-c", script], { env });
  // Both protocols probe for the name first.
  await daemon.waitForStderr(
    new RegExp(`Record ${hostName}\\.local IN A \\S+ successfully probed`),
  );
  await daemon.waitForStderr(new RegExp(`Record ${hostName} IN A \\S+ successfully probed`));
  return {
    daemon,
    resolve: (name) => within(10_000, ask(path.join(own, "io.systemd.Resolve"), name), name),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

/** Asks by Varlink: JSON, ended by a zero. */
function ask(socket: string, name: string): Promise<Resolution[]> {
  return new Promise((resolve, reject) => {
    let text = "";
    const connection = net.connect({ path: socket }, () => {
      const call = { method: "io.systemd.Resolve.ResolveHostname", parameters: { name, flags: 0 } };
      connection.write(JSON.stringify(call) + "\0");
    });
    connection.once("error", reject);
    connection.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (!text.endsWith("\0")) return;
      connection.destroy();
      const { parameters, error } = JSON.parse(text.slice(0, -1));
      if (error) return reject(new Error(`${name}: ${error}`));
      resolve(parameters.addresses.map((found: { ifindex: number; address: number[] }) => ({
        ifindex: found.ifindex,
        address: found.address.length === 4 ? found.address.join(".") : hexWords(found.address),
      })));
    });
  });
}

function hexWords(bytes: number[]): string {
  return bytes.map((byte, at) =>
    byte.toString(16).padStart(2, "0") + (at % 2 && at < 15 ? ":" : "")
  ).join("");
}
