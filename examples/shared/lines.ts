/** Findings as lines, for the programs of this folder. */
import type { Found } from "../found.ts";

/** `+ MediaServer:1  My server  192.0.2.1:8200  on eth0` */
export function lineOf({ gone, kind, name, address, interface: on }: Found): string {
  return `${gone ? "-" : "+"} ${kind}  ${name}  ${address}  on ${on}`;
}
