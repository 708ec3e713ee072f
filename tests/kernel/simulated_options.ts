/** Options and memberships of an emulated system: see simulated_system.ts. */
import type { Family } from "../../address/ip.ts";
import type { MembershipTarget } from "../../ffi/membership.ts";
import type {
  MembershipName,
  MembershipRow,
  OptionName,
  OptionRow,
  Platform,
} from "../../ffi/platform/platform.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import type { System } from "../../ffi/syscalls.ts";
import { interfaceNames } from "../../interfaces/names.ts";
import { type Descriptor, refusal, SEND_BUFFER, viewOf, words } from "./simulated_descriptor.ts";

/** Options that Linux has not; they are remembered. */
const OWN_OPTIONS: ReadonlySet<OptionName> = new Set(["receiveInterface", "useMinimumMtu"]);

/** Reads what is set as the system writes it, and sets what Linux has for it. */
export class EmulatedOptions {
  readonly #codec: SockaddrCodec;

  constructor(readonly platform: Platform, readonly real: System) {
    this.#codec = new SockaddrCodec(platform);
  }

  #optionOf(family: Family, level: number, name: number): [OptionName, OptionRow] | undefined {
    const rows = Object.entries(this.platform.options[family]) as [OptionName, OptionRow][];
    return rows.find(([, row]) => row.level === level && row.name === name);
  }

  /** setsockopt(2). */
  set({ fd, family, options }: Descriptor, level: number, name: number, bytes: Uint8Array): void {
    const found = this.#optionOf(family, level, name);
    if (!found) return this.#membership(fd, family, level, name, bytes);
    const [option, { kind }] = found;
    const view = viewOf(bytes);
    const { ip_mreqn } = this.platform.layouts;
    const sizes = { int: 4, byte: 1, index: 4, index_be: 4, ip_mreqn: ip_mreqn?.size, name: -1 };
    if (bytes.length !== sizes[kind]) throw refusal("EINVAL");
    const value = kind === "byte"
      ? bytes[0]
      : kind === "ip_mreqn"
      ? view.getInt32(ip_mreqn!.at.imr_ifindex, true)
      : view.getInt32(0, kind !== "index_be");
    options.set(option, value);
    if (OWN_OPTIONS.has(option)) return;
    if (option === "bindToInterface") {
      const id = { index: value, name: this.real.interfaceName(value) ?? "" };
      if (!this.real.tryBindToInterface(fd, family, id)) throw refusal("ENXIO");
    } else this.real.setOption(fd, family, option, value);
  }

  /** getsockopt(2); returns the value's length. */
  get({ fd, family, options }: Descriptor, level: number, name: number, bytes: Uint8Array): number {
    const found = this.#optionOf(family, level, name);
    if (!found) throw refusal("ENOPROTOOPT");
    const [option, { kind }] = found;
    const value = option === "sendBufferSize"
      ? options.get(option) ?? SEND_BUFFER
      : OWN_OPTIONS.has(option)
      ? options.get(option) ?? 0
      : this.real.getOption(fd, family, option)!;
    if (kind === "byte") bytes[0] = value;
    else viewOf(bytes).setInt32(0, value, true);
    return kind === "byte" ? 1 : 4;
  }

  #membership(fd: number, family: Family, level: number, name: number, bytes: Uint8Array): void {
    for (const [call, rows] of Object.entries(this.platform.memberships[family])) {
      const row = rows.find((row) => row.level === level && row.name === name);
      if (!row) continue;
      const target = this.#target(family, row, bytes);
      if (!target) throw refusal("EINVAL");
      this.real.membership(fd, family, call as MembershipName, target, {});
      return;
    }
    throw refusal("ENOPROTOOPT");
  }

  /** What qemu's user mode wants in place of an index. */
  #own(interfaceIndex: number): number {
    return interfaceNames(this.real).firstIpv4(interfaceIndex);
  }

  #target(family: Family, { request }: MembershipRow, bytes: Uint8Array): MembershipTarget | null {
    const layout = this.platform.layouts[request === "ip_mreq_index" ? "ip_mreq" : request]!;
    if (bytes.length !== layout.size) return null;
    const view = viewOf(bytes);
    const at = layout.at as Record<string, number>;
    const address = (start: number) => {
      const words = emptyWords();
      return this.#codec.read(view, start, 128, words) ? words : null;
    };
    const ipv4 = (start: number) => ({ ...emptyWords(), w0: view.getUint32(start) });
    const target = (group: SocketWords | null, interfaceIndex: number, source = null) =>
      group && { group, interfaceIndex, source, interfaceAddress: this.#own(interfaceIndex) };
    switch (request) {
      case "group_req":
        return target(address(at.gr_group), view.getUint32(at.gr_interface, true));
      case "group_source_req": {
        const group = address(at.gsr_group);
        const source = address(at.gsr_source);
        const interfaceIndex = view.getUint32(at.gsr_interface, true);
        const interfaceAddress = this.#own(interfaceIndex);
        return group && source && { group, source, interfaceIndex, interfaceAddress };
      }
      case "ip_mreqn":
        return target(ipv4(at.imr_multiaddr), view.getInt32(at.imr_ifindex, true));
      case "ip_mreq_index":
        return target(ipv4(at.imr_multiaddr), view.getUint32(at.imr_interface));
      case "ipv6_mreq": {
        const group = { ...emptyWords(), family, ...words(view, at.ipv6mr_multiaddr) };
        return target(group, view.getUint32(at.ipv6mr_interface, true));
      }
      default:
        return null;
    }
  }
}
