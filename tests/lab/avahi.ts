/** Avahi, the mDNS responder of most Linux machines, on a host of the lab: with a bus and a /run of its own. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findProgram } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

/** A reason to skip where Avahi is not installed. */
export const noAvahi: string | false =
  ["avahi-daemon", "avahi-browse", "dbus-daemon"].every((name) => findProgram(name) !== null)
    ? false
    : "needs avahi-daemon, avahi-browse (avahi-utils) and dbus-daemon";

/** A service that Avahi is to announce. */
export interface AvahiService {
  name: string;
  type: string;
  port: number;
  txt?: string[];
}

/** A daemon, and the programs that talk to it. */
export interface Avahi extends AsyncDisposable {
  daemon: Program;
  /** Runs avahi-browse, avahi-resolve … against it. */
  run(program: string, ...args: string[]): Promise<string>;
  /** Starts avahi-browse and the like. */
  start(program: string, ...args: string[]): Promise<Program>;
}

const BUS = `<busconfig><type>system</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow eavesdrop="false"/><allow receive_sender="*"/></policy></busconfig>`;

/** Starts Avahi on a host, as HOSTNAME.local. */
export async function startAvahi(
  host: Host,
  hostName: string,
  services: readonly AvahiService[] = [],
): Promise<Avahi> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pktinfo-avahi-"));
  const file = (name: string) => path.join(folder, name);
  const bus = file("bus");
  fs.mkdirSync(file("services"));
  fs.writeFileSync(file("dbus.conf"), BUS.replace("BUS", bus));
  fs.writeFileSync(
    file("daemon.conf"),
    `[server]\nhost-name=${hostName}\nuse-ipv4=yes\nuse-ipv6=yes\nenable-dbus=yes\n` +
      "[publish]\npublish-workstation=no\npublish-hinfo=no\npublish-aaaa-on-ipv4=yes\n",
  );
  for (const [index, { name, type, port, txt = [] }] of services.entries()) {
    const records = txt.map((text) => `<txt-record>${text}</txt-record>`).join("");
    fs.writeFileSync(
      file(`services/${index}.service`),
      `<service-group><name>${name}</name><service><type>${type}</type><port>${port}</port>` +
        `${records}</service></service-group>`,
    );
  }
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus}` };
  const dbus = await host.spawn("dbus-daemon", [
    `--config-file=${file("dbus.conf")}`,
    "--nofork",
    "--print-address",
  ]);
  await dbus.nextLine();
  // Its places are fixed: a pid file in /run, services in /etc/avahi/services.
  const script = `mount -t tmpfs run /run && mount --bind ${file("services")} /etc/avahi/services &&
    exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --file=${file("daemon.conf")}`;
  const daemon = await host.spawn("unshare", ["--mount", "sh", "-c", script], { env });
  const ready = services.length > 0 ? /successfully established/ : /Server startup complete/;
  await daemon.waitForStderr(ready);
  return {
    daemon,
    run: (program, ...args) => host.run(program, args, { env }),
    start: (program, ...args) => host.spawn(program, args, { env }),
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await dbus.stop();
      fs.rmSync(folder, { recursive: true });
    },
  };
}
