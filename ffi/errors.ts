/**
 * What an operating system's refusal looks like to a caller.
 *
 * @module
 */

/** What a {@linkcode SocketError} is made of. */
export interface SocketErrorInit {
  /** The symbolic error name, e.g. `"EADDRINUSE"`. The same on every OS. */
  code: string;
  /** The number the OS gave; 0 where no system call was involved. */
  errno: number;
  /** The call that failed, with the option's name where it was one: `"setsockopt(IP_TTL)"`. */
  syscall: string;
  /** What the code means in plain words. */
  reason?: string;
  /** The address the call was about, with its zone. */
  address?: string | null;
  /** The port the call was about. */
  port?: number | null;
  /** The interface the call was about. */
  interfaceIndex?: number | null;
  /** That interface's name. */
  interfaceName?: string | null;
  /** What to do about it. */
  hint?: string | null;
}

/**
 * The operating system refused a call on a socket.
 *
 * `code` is what to branch on; `message` holds all of it in one sentence, and
 * `hint` the remedy where one is known.
 *
 * @example A port that is taken
 * ```ts
 * import { openUdpSocket, SocketError } from "@pktinfo/pktinfo";
 *
 * await using first = openUdpSocket({ address: "127.0.0.1" });
 * try {
 *   openUdpSocket({ address: "127.0.0.1", port: first.port });
 * } catch (error) {
 *   if (error instanceof SocketError && error.code === "EADDRINUSE") {
 *     console.log(error.hint); // says which option lets sockets share a port
 *   }
 * }
 * ```
 */
export class SocketError extends Error {
  /** Always `"SocketError"`. */
  override readonly name = "SocketError";
  /** The symbolic error name, e.g. `"EADDRINUSE"`; `"ECANCELED"` for a wait that `close()` ended. */
  readonly code: string;
  /** The number the OS gave; 0 where no system call was involved. */
  readonly errno: number;
  /** The call that failed, e.g. `"bind"` or `"setsockopt(IP_TTL)"`. */
  readonly syscall: string;
  /** The address the call was about (with its zone), or `null`. */
  readonly address: string | null;
  /** The port the call was about, or `null`. */
  readonly port: number | null;
  /** The index of the interface the call was about, or `null`. */
  readonly interfaceIndex: number | null;
  /** The remedy, where one is known, or `null`. */
  readonly hint: string | null;

  /**
   * Makes the error.
   *
   * @param init What happened, on what, and what to do about it.
   */
  constructor(init: SocketErrorInit) {
    super(describe(init));
    this.code = init.code;
    this.errno = init.errno;
    this.syscall = init.syscall;
    this.address = init.address ?? null;
    this.port = init.port ?? null;
    this.interfaceIndex = init.interfaceIndex ?? null;
    this.hint = init.hint ?? null;
  }
}

/**
 * What a call gives, or what stands in for it where the OS refuses.
 *
 * Anything else that is thrown is a fault of our own and must not be taken for a refusal.
 */
export function unlessRefused<T>(call: () => T, refused: (error: SocketError) => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    return refused(error);
  }
}

function describe(init: SocketErrorInit): string {
  const { address, port, interfaceName, interfaceIndex } = init;
  let subject = "";
  if (address) {
    const host = address.includes(":") && port != null ? `[${address}]` : address;
    subject += ` ${host}${port == null ? "" : `:${port}`}`;
  } else if (port != null) {
    subject += ` port ${port}`;
  }
  if (interfaceName) subject += ` on ${interfaceName}`;
  else if (interfaceIndex) subject += ` on interface ${interfaceIndex}`;
  const reason = init.reason ? ` (${init.reason})` : "";
  const hint = init.hint ? `. ${init.hint}` : "";
  return `${init.syscall}${subject}: ${init.code}${reason}${hint}`;
}

/**
 * This operating system has no way to do what was asked.
 *
 * Nothing is emulated silently: a feature the OS lacks raises this error, and
 * `platform` tells beforehand what there is.
 *
 * @example Asking before trying
 * ```ts
 * import { openUdpSocket, UnsupportedError } from "@pktinfo/pktinfo";
 *
 * try {
 *   await using socket = openUdpSocket({ reusePort: true });
 *   console.log(socket.port);
 * } catch (error) {
 *   if (!(error instanceof UnsupportedError)) throw error;
 *   console.log(`${error.feature} is not to be had on ${error.os}`);
 * }
 * ```
 */
export class UnsupportedError extends Error {
  /** Always `"UnsupportedError"`. */
  override readonly name = "UnsupportedError";
  /** The feature that is missing, in the words of the option or method. */
  readonly feature: string;
  /** The operating system that lacks it. */
  readonly os: string;

  /**
   * Makes the error.
   *
   * @param feature The missing feature, in the words of the option or method.
   * @param os The operating system that lacks it.
   * @param hint What to do instead, if anything.
   */
  constructor(feature: string, os: string, hint?: string) {
    super(`${feature} is not supported on ${os}${hint ? `. ${hint}` : ""}`);
    this.feature = feature;
    this.os = os;
  }
}
