/** What the parts of an emulated system have in common: see simulated_system.ts. */
import type { Family } from "../../address/ip.ts";
import { SocketError } from "../../ffi/errors.ts";
import type { OptionName } from "../../ffi/platform/platform.ts";
import type { SocketWords } from "../../ffi/sockaddr.ts";

/** A socket of the emulated system. */
export interface Descriptor {
  readonly fd: number;
  readonly family: Family;
  readonly nonBlocking: boolean;
  /** Where it is bound. */
  local: SocketWords;
  /** What was set, also of options that Linux lacks. */
  readonly options: Map<OptionName, number>;
}

/** What 4.4BSD grants a datagram socket to send, until more is asked for. */
export const SEND_BUFFER = 9216;

/** A call that fails; the number is the emulated system's own. */
export function refusal(code: string): SocketError {
  return new SocketError({ code, errno: 0, syscall: "emulated" });
}

/** A view of just these bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The four words of an IPv6 address. */
export function words(view: DataView, at: number) {
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((i) => view.getUint32(at + i));
  return { w0, w1, w2, w3 };
}
