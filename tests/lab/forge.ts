/** Datagrams with made-up addresses, put on a wire as frames (tests/programs/forge.py). */
import { fileURLToPath } from "node:url";
import { parseIp } from "../../mod.ts";
import { python3 } from "../harness.ts";
import type { Host } from "./lab.ts";
import type { Program } from "./process.ts";

export interface Forged {
  source: string;
  sourcePort: number;
  to: string;
  port: number;
  /** Default: 64. */
  hops?: number;
  data: Uint8Array | string;
}

/** A host that lies. */
export class Forger implements AsyncDisposable {
  private constructor(
    readonly program: Program,
    readonly interfaceName: string,
    readonly mac: string,
  ) {}

  /**
   * Starts on a host.
   *
   * @param interfaceName The interface it sends from.
   * @param victim Who is to take what is sent to no group, and by which of its interfaces.
   */
  static async start(
    host: Host,
    interfaceName: string,
    victim: { host: Host; interface: string },
  ): Promise<Forger> {
    const mac = (await victim.host.show(victim.interface)).address!;
    const file = fileURLToPath(new URL("../programs/forge.py", import.meta.url));
    const program = await host.spawn(python3()!, ["-B", "-s", "-E", file], { interactive: true });
    await program.nextJson();
    return new Forger(program, interfaceName, mac);
  }

  /** Sends one; resolves when it is on the wire. */
  async send({ data, ...addresses }: Forged): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const order = {
      ...addresses,
      interface: this.interfaceName,
      mac: macOf(addresses.to) ?? this.mac,
      data: hex,
    };
    this.program.writeLine(JSON.stringify(order));
    await this.program.nextJson();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop("SIGKILL");
  }
}

/** The hardware address of a group (RFC 1112, section 6.4; RFC 2464, section 7) or broadcast; else null. */
function macOf(to: string): string | null {
  const { family, w0, w3 } = parseIp(to);
  const word = family === "IPv4" ? w0 : w3;
  const bytes = [24, 16, 8, 0].map((shift) => word >>> shift & 255);
  const hex = (list: number[]) => list.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  if (family === "IPv6") return w0 >>> 24 === 0xff ? `33:33:${hex(bytes)}` : null;
  if (w0 >>> 28 === 0xe) return `01:00:5e:${hex([bytes[1] & 127, bytes[2], bytes[3]])}`;
  return bytes[3] === 255 ? "ff:ff:ff:ff:ff:ff" : null;
}
