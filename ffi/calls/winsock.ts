/**
 * Sockets as Windows has them: WSARecvMsg and WSASendMsg, which WSAIoctl tells the addresses of.
 *
 * @module
 */

import type { ReceiveBatch, SendBatch } from "../message.ts";
import type { Platform, Signature, WinsockTables } from "../platform/platform.ts";
import type { CFunction, Library, Runtime } from "../runtime/runtime.ts";
import type { SocketCalls } from "./calls.ts";

/** Winsock 2.2. */
const VERSION = 0x0202;
/** `sizeof(WSADATA)`, which nobody reads. */
const WSADATA_SIZE = 408;
const NULL = 0n;

const WSA_RECV_MSG: Signature = {
  parameters: ["usize", "buffer", "buffer", "pointer", "pointer"],
  result: "i32",
  symbol: "WSARecvMsg",
};
const WSA_SEND_MSG: Signature = {
  parameters: ["usize", "buffer", "u32", "buffer", "pointer", "pointer"],
  result: "i32",
  symbol: "WSASendMsg",
};

/** The calls of Windows. */
export class WinsockCalls implements SocketCalls {
  readonly #c: Library["symbols"];
  readonly #tables: WinsockTables;
  /** How much a call moved. */
  readonly #moved = new Uint8Array(4);
  readonly #movedView = new DataView(this.#moved.buffer);
  #receive: CFunction | undefined;
  #send: CFunction | undefined;

  constructor(
    readonly platform: Platform,
    readonly library: Library,
    readonly runtime: Runtime,
    /** The negative error of the call that has just failed. */
    readonly failure: () => number,
    /** The negative WSAEMSGSIZE. */
    readonly tooLong: number,
  ) {
    this.#c = library.symbols;
    this.#tables = platform.winsock!;
    // Every process calls it for itself; it is never undone, as sockets live until the end.
    this.#c.WSAStartup(VERSION, new Uint8Array(WSADATA_SIZE));
  }

  open(domain: number, type: number): number {
    const c = this.#tables.constants;
    const flags = c.WSA_FLAG_OVERLAPPED | c.WSA_FLAG_NO_HANDLE_INHERIT;
    const fd = Number(this.#c.WSASocketW(domain, type, 0, NULL, 0, flags));
    // INVALID_SOCKET is ~0; handles are small.
    if (!Number.isSafeInteger(fd)) return -1;
    const on = new Uint8Array([1, 0, 0, 0]);
    if (this.#c.ioctlsocket(fd, c.FIONBIO, on) !== 0) return this.#giveBack(fd);
    // An ICMP error would come out of the next receive, as if that had failed (KB263823). What is older
    // than these two codes has no such errors to switch off.
    this.#ioctl(fd, c.SIO_UDP_CONNRESET, new Uint8Array(4), null);
    this.#ioctl(fd, c.SIO_UDP_NETRESET, new Uint8Array(4), null);
    this.#receive ??= this.#extension(fd, this.#tables.guids.WSAID_WSARECVMSG, WSA_RECV_MSG);
    this.#send ??= this.#extension(fd, this.#tables.guids.WSAID_WSASENDMSG, WSA_SEND_MSG);
    return this.#receive && this.#send ? fd : this.#giveBack(fd);
  }

  /** Closes what could not be finished, and keeps the error that says why. */
  #giveBack(fd: number): number {
    const error = this.library.errno();
    this.close(fd);
    this.#c.WSASetLastError(error);
    return -1;
  }

  #ioctl(fd: number, code: number, input: Uint8Array, output: Uint8Array | null): boolean {
    const length = output?.length ?? 0;
    const { WSAIoctl } = this.#c;
    return WSAIoctl(fd, code, input, input.length, output, length, this.#moved, NULL, NULL) === 0;
  }

  #extension(fd: number, guid: readonly number[], signature: Signature): CFunction | undefined {
    const { SIO_GET_EXTENSION_FUNCTION_POINTER } = this.#tables.constants;
    const address = new Uint8Array(8);
    if (!this.#ioctl(fd, SIO_GET_EXTENSION_FUNCTION_POINTER, new Uint8Array(guid), address)) {
      return undefined;
    }
    const value = new DataView(address.buffer).getBigUint64(0, true);
    return this.runtime.functionAt(value, signature);
  }

  close(fd: number): void {
    this.#c.closesocket(fd);
  }

  receiveMany(): number {
    throw new RangeError("Windows receives one message a call");
  }

  receiveQueuedError(): number {
    throw new RangeError("Windows has no queue of errors");
  }

  receiveOne(fd: number, batch: ReceiveBatch): number {
    this.#movedView.setUint32(0, 0, true);
    if (this.#receive!(fd, batch.headers, this.#moved, NULL, NULL) === 0) {
      return this.#movedView.getUint32(0, true);
    }
    const failure = this.failure();
    if (failure !== this.tooLong) return failure;
    // The beginning is there, and the flag says so on Windows; Wine leaves it out.
    batch.markTruncated(0);
    return batch.dataSize;
  }

  receive(fd: number, buffer: Uint8Array): number {
    const length = this.#c.recv(fd, buffer, buffer.length, 0);
    return length >= 0 ? length : this.failure();
  }

  send(fd: number, data: Uint8Array, name: Uint8Array | null, nameLength: number): number {
    const result = this.#c.sendto(fd, data, data.length, 0, name, nameLength);
    return result >= 0 ? result : this.failure();
  }

  sendOne(fd: number, batch: SendBatch): number {
    if (this.#send!(fd, batch.headers, 0, this.#moved, NULL, NULL) !== 0) return this.failure();
    return this.#movedView.getUint32(0, true);
  }

  sendMany(fd: number, batch: SendBatch): number {
    const result = this.sendOne(fd, batch);
    return result < 0 ? result : 1;
  }

  interfaceIndex(name: string): number {
    const luid = new Uint8Array(8);
    const index = new Uint8Array(4);
    if (this.#c.ConvertInterfaceAliasToLuid(wide(name), luid) !== 0) return 0;
    if (this.#c.ConvertInterfaceLuidToIndex(luid, index) !== 0) return 0;
    return new DataView(index.buffer).getUint32(0, true);
  }

  interfaceName(index: number): string | null {
    const luid = new Uint8Array(8);
    const alias = new Uint16Array(this.platform.constants.IF_NAMESIZE);
    const bytes = new Uint8Array(alias.buffer);
    if (this.#c.ConvertInterfaceIndexToLuid(index, luid) !== 0) return null;
    if (this.#c.ConvertInterfaceLuidToAlias(luid, bytes, alias.length) !== 0) return null;
    const end = alias.indexOf(0);
    return end > 0 ? String.fromCharCode(...alias.subarray(0, end)) : null;
  }
}

/** A string as Windows takes it: UTF-16 and a NUL. */
function wide(text: string): Uint8Array {
  // By units, not by characters: one beyond U+FFFF is two. Behind the end there is none, which is stored as 0.
  const units = Uint16Array.from({ length: text.length + 1 }, (_, at) => text.charCodeAt(at));
  return new Uint8Array(units.buffer);
}
