/** Datagrams of an emulated system, with their control messages: see simulated_system.ts. */
import { assert } from "@std/assert";
import { ControlRecord, type SendControl } from "../../ffi/cmsg.ts";
import { ReceiveBatch, type ReceivedMessage, SendBatch } from "../../ffi/message.ts";
import type { ControlRow, Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import type { System } from "../../ffi/syscalls.ts";
import { controlMessage } from "../ffi/tables.ts";
import { type Descriptor, refusal, SEND_BUFFER, viewOf, words } from "./simulated_descriptor.ts";
import type { SimulatedInterfaces } from "./simulated_interfaces.ts";

/** Room for the largest datagram. */
const SLOT = 65536;

/** Reads and writes the system's msghdr, and lets Linux move what is in it. */
export class EmulatedMessages {
  readonly #codec: SockaddrCodec;
  readonly #in: ReceiveBatch;
  readonly #out: SendBatch;
  readonly #message: ReceivedMessage = {
    source: emptyWords(),
    control: new ControlRecord(),
    length: 0,
    truncated: false,
    controlTruncated: false,
    broadcast: false,
  };

  constructor(
    readonly platform: Platform,
    readonly real: System,
    readonly interfaces: SimulatedInterfaces,
    /** Buffers whose address the library knows. */
    readonly buffers: ReadonlyMap<bigint, Uint8Array>,
  ) {
    const { addressOf } = real.runtime;
    this.#codec = new SockaddrCodec(platform);
    this.#in = new ReceiveBatch(real.platform, addressOf, 1, SLOT);
    this.#in.setDataSize(SLOT);
    this.#out = new SendBatch(real.platform, addressOf, 1, SLOT);
  }

  /** The memory at an address that the library was told. */
  #at(address: bigint, length: number): Uint8Array {
    for (const [start, buffer] of this.buffers) {
      const offset = Number(address - start);
      if (offset >= 0 && offset + length <= buffer.length) {
        return buffer.subarray(offset, offset + length);
      }
    }
    throw new Error(`${length} bytes at ${address} are nobody's`);
  }

  /** The parts of a msghdr; what is empty has to be a null pointer. */
  #parts(headers: Uint8Array) {
    const { msghdr: { at }, iovec } = this.platform.layouts;
    const view = viewOf(headers);
    const part = (pointer: number, length: number) => {
      const address = view.getBigUint64(pointer, true);
      const size = view.getUint32(length, true);
      assert((address === 0n) === (size === 0), "an address of nothing");
      return size === 0 ? new Uint8Array() : this.#at(address, size);
    };
    assert(view.getInt32(at.msg_iovlen, true) === 1);
    const vector = viewOf(this.#at(view.getBigUint64(at.msg_iov, true), iovec.size));
    const length = Number(vector.getBigUint64(iovec.at.iov_len, true));
    const base = vector.getBigUint64(iovec.at.iov_base, true);
    return {
      view,
      name: part(at.msg_name, at.msg_namelen),
      control: part(at.msg_control, at.msg_controllen),
      data: length === 0 ? new Uint8Array() : this.#at(base, length),
    };
  }

  /** recvmsg(2); returns a length, or Linux' negative errno. */
  receive(descriptor: Descriptor, headers: Uint8Array): number {
    const { msghdr: { at } } = this.platform.layouts;
    const { MSG_TRUNC, MSG_BCAST } = this.platform.constants;
    const { view, name, control, data } = this.#parts(headers);
    const length = this.real.receiveOne(descriptor.fd, this.#in);
    if (length < 0) return length;
    const message = this.#message;
    this.#in.take(0, length, message);
    const taken = Math.min(length, data.length);
    data.set(this.#in.data(0, taken));
    view.setUint32(at.msg_namelen, this.#codec.write(viewOf(name), 0, message.source), true);
    const told = this.#told(descriptor, message);
    assert(told.length <= control.length, "there is no room for the control data");
    control.set(told);
    view.setUint32(at.msg_controllen, told.length, true);
    const broadcast = isBroadcast(message);
    view.setInt32(
      at.msg_flags,
      (length > data.length ? MSG_TRUNC : 0) | (broadcast ? MSG_BCAST : 0),
      true,
    );
    return taken;
  }

  /** What the system tells of a datagram, as far as it was asked to. */
  #told({ family, options }: Descriptor, { control }: ReceivedMessage): Uint8Array {
    const { layouts, control: table } = this.platform;
    const rows = table[family];
    const messages: Uint8Array[] = [];
    const put = (
      row: ControlRow | null | undefined,
      size: number,
      fill: (view: DataView) => void,
    ) => {
      if (!row) return;
      const bytes = new Uint8Array(size);
      fill(viewOf(bytes));
      messages.push(controlMessage(this.platform, row, bytes));
    };
    const { interfaceIndex, w0, w1, w2, w3 } = control;
    if (options.get("packetInfo")) {
      if (family === "IPv4") {
        put(rows.destination, 4, (view) => view.setUint32(0, w0));
        const info = layouts.in_pktinfo;
        put(rows.packetInfo, info?.size ?? 0, (view) => {
          view.setUint32(info!.at.ipi_addr, w0);
          view.setUint32(info!.at.ipi_ifindex, interfaceIndex, true);
        });
      } else {
        const { size, at } = layouts.in6_pktinfo;
        put(rows.packetInfo, size, (view) => {
          [w0, w1, w2, w3].forEach((word, i) => view.setUint32(at.ipi6_addr + 4 * i, word));
          view.setUint32(at.ipi6_ifindex, interfaceIndex, true);
        });
      }
    }
    if (options.get("receiveInterface")) {
      const link = this.interfaces.linkAddress(interfaceIndex);
      put(rows.receivedInterface, link.length, (view) => {
        new Uint8Array(view.buffer).set(link);
      });
    }
    // A byte with IPv4, an int with IPv6.
    const number = (row: ControlRow | undefined, value: number) =>
      put(row, family === "IPv4" ? 1 : 4, (view) => view.setUint8(0, value));
    if (options.get("receiveHops")) number(rows.hops[0], control.hops);
    if (options.get("receiveTrafficClass")) number(rows.trafficClass[0], control.trafficClass);
    if (options.get("timestamps")) {
      const { size, at } = layouts.timeval!;
      put(table.timestamp, size, (view) => {
        view.setBigInt64(at.tv_sec, BigInt(control.seconds), true);
        view.setUint32(at.tv_usec, Math.floor(control.nanoseconds / 1000), true);
      });
    }
    return Uint8Array.from(messages.flatMap((message) => [...message]));
  }

  /** sendmsg(2); returns a length, or Linux' negative errno. */
  sendMessage(descriptor: Descriptor, headers: Uint8Array): number {
    const { name, control, data } = this.#parts(headers);
    const to = emptyWords();
    const named = name.length > 0;
    assert(!named || this.#codec.read(viewOf(name), 0, name.length, to), `no address: ${name}`);
    return this.send(descriptor, data, named ? to : null, this.#asked(descriptor, control));
  }

  /** sendto(2) and whatever comes of sendmsg(2). */
  send(
    { fd, family, options }: Descriptor,
    data: Uint8Array,
    to: SocketWords | null,
    asked: SendControl | null,
  ): number {
    if (data.length > (options.get("sendBufferSize") ?? SEND_BUFFER)) throw refusal("EMSGSIZE");
    this.#out.put(0, family, data, to, asked);
    return this.real.sendOne(fd, this.#out);
  }

  /** Reads what a datagram asks for, as the system understands it. */
  #asked({ family, local }: Descriptor, control: Uint8Array): SendControl {
    const { layouts, sendControl, controlAlignment, quirks } = this.platform;
    const { at: head, size } = layouts.cmsghdr;
    const rows = sendControl[family];
    const align = (n: number) => Math.ceil(n / controlAlignment) * controlAlignment;
    const asked: SendControl = {
      hasSource: false,
      w0: 0,
      w1: 0,
      w2: 0,
      w3: 0,
      interfaceIndex: 0,
      hops: -1,
      trafficClass: -1,
    };
    const view = viewOf(control);
    for (let at = 0; at < control.length;) {
      const length = view.getUint32(at + head.cmsg_len, true);
      const level = view.getInt32(at + head.cmsg_level, true);
      const type = view.getInt32(at + head.cmsg_type, true);
      const is = (row: ControlRow | null) => row?.level === level && row?.type === type;
      const start = at + align(size);
      const room = length - align(size);
      if (room < 0 || at + length > control.length) throw refusal("EINVAL");
      if (is(rows.packetInfo) && family === "IPv4") {
        const info = layouts.in_pktinfo!;
        if (room !== info.size) throw refusal("EINVAL");
        asked.interfaceIndex = view.getUint32(start + info.at.ipi_ifindex, true);
        const source = "ipi_spec_dst" in info.at ? info.at.ipi_spec_dst : info.at.ipi_addr;
        const forgotten = asked.interfaceIndex !== 0 && quirks.interfaceForgetsSource;
        asked.w0 = forgotten ? 0 : view.getUint32(start + source);
        asked.hasSource = asked.w0 !== 0;
      } else if (is(rows.packetInfo)) {
        const { at: info } = layouts.in6_pktinfo;
        Object.assign(asked, words(view, start + info.ipi6_addr));
        asked.hasSource = (asked.w0 | asked.w1 | asked.w2 | asked.w3) !== 0;
        asked.interfaceIndex = view.getUint32(start + info.ipi6_ifindex, true);
      } else if (is(rows.source)) {
        if (room !== 4 || (quirks.sourceOnlyOnWildcard && local.w0 !== 0)) throw refusal("EINVAL");
        asked.hasSource = true;
        asked.w0 = view.getUint32(start);
      } else if (is(rows.hops)) asked.hops = view.getInt32(start, true);
      else if (is(rows.trafficClass)) asked.trafficClass = view.getInt32(start, true);
      else throw refusal("EINVAL");
      at += align(length);
    }
    return asked;
  }
}

/** Linux tells it by the address that would answer. */
function isBroadcast({ source, control }: ReceivedMessage): boolean {
  return source.family === "IPv4" && control.w0 >>> 28 !== 0xe &&
    control.localAddress !== control.w0;
}
