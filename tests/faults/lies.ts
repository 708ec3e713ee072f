/** A kernel that says something else than what it has done: the headers of received messages, changed behind its back. */
import type { FakeLibrary } from "../kernel/fake_library.ts";

/** What a header says of a received message. */
export class Header {
  readonly #view: DataView;
  readonly #at;

  /** @param length Where recvmsg itself says the length. */
  constructor(library: FakeLibrary, bytes: Uint8Array, slot: number, public length: number) {
    const { msghdr, mmsghdr } = library.system.platform.layouts;
    const size = mmsghdr?.size ?? msghdr.size;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset + slot * size, size);
    this.#at = { ...msghdr.at, msg_len: mmsghdr?.at.msg_len ?? 0 };
    if (length < 0) this.length = this.#view.getUint32(this.#at.msg_len, true);
  }

  /** Writes back the length, where it is part of the header. */
  writeLength(): void {
    this.#view.setUint32(this.#at.msg_len, this.length, true);
  }

  get flags(): number {
    return this.#view.getInt32(this.#at.msg_flags, true);
  }

  set flags(flags: number) {
    this.#view.setInt32(this.#at.msg_flags, flags, true);
  }

  get nameLength(): number {
    return this.#view.getUint32(this.#at.msg_namelen, true);
  }

  set nameLength(length: number) {
    this.#view.setUint32(this.#at.msg_namelen, length, true);
  }

  get controlLength(): number {
    return this.#view.getUint32(this.#at.msg_controllen, true);
  }

  set controlLength(length: number) {
    this.#view.setUint32(this.#at.msg_controllen, length, true);
  }
}

/** Changes the header of each message that is received from now on. */
export function lie(library: FakeLibrary, change: (header: Header) => void): void {
  library.on("recvmmsg", ([, headers], call) => {
    const count = call();
    for (let slot = 0; slot < count; slot++) {
      const header = new Header(library, headers, slot, -1);
      change(header);
      header.writeLength();
    }
    return count;
  });
  library.on("recvmsg", ([, headers], call) => {
    const length = call();
    if (length < 0) return length;
    const header = new Header(library, headers, 0, length);
    change(header);
    return header.length;
  });
}

/** The truth again. */
export function tellTheTruth(library: FakeLibrary): void {
  lie(library, () => {});
}
