/**
 * One operating-system socket: a half of a dual-stack socket, or all of another.
 *
 * @module
 */

import { isMulticast, isUnspecified, needsZone } from "../address/classify.ts";
import { type Family, formatIp, type Ip } from "../address/ip.ts";
import type { SocketAddress } from "../address/socket_address.ts";
import { SocketError, unlessRefused } from "../ffi/errors.ts";
import type { OptionForOneCall } from "../ffi/egress.ts";
import type { OptionName } from "../ffi/platform/platform.ts";
import { pollerOf, READ, type Registration, WRITE } from "../ffi/poller.ts";
import type { SocketWords } from "../ffi/sockaddr.ts";
import type { System } from "../ffi/syscalls.ts";
import type { InterfaceId, InterfaceNames } from "../interfaces/names.ts";
import type { CheckedChanges, CheckedOptions } from "./options.ts";

/** An open, bound socket of one family. */
export class FamilySocket {
  /** Called when the poller finds it ready. */
  onReadable: () => void = () => {};
  /** Reports the kernel's queued ICMP errors; returns how many there were. The receiver sets it. */
  readErrorQueue!: () => number;
  /** Called when the poller finds room in its send buffer. */
  onWritable: () => void = () => {};
  /** Sends that wait for their turn; `null` while the kernel keeps up. */
  sending: Promise<void> | null = null;
  /** The last count of datagrams the kernel dropped; `null` where it does not count. */
  dropped: number | null = null;
  /** What is received may be a train of datagrams. */
  receivesTrains = false;
  /** The kernel makes datagrams up to this size of a train; 0: none. */
  largestSegment = 0;
  /** The kernel queues ICMP errors for it. */
  queuesErrors = false;
  /** The interface that the kernel confines it to, or `null`. */
  kernelInterface: InterfaceId | null = null;
  /** The group of `address`, where the kernel does not select by it. */
  filterGroup: Ip | null = null;
  /** The interface that each unicast has to be told, as the OS confines the socket to none; or 0. */
  forcedInterface = 0;
  /** Where multicasts leave that name no interface; `null`: as routed. */
  multicastInterface: InterfaceId | null = null;
  /** Options that were set for one datagram and could not be put back yet. */
  owed: OptionForOneCall[] = [];
  /** The peer while it is connected. */
  peer: SocketWords | null = null;
  readonly registration: Registration;
  /** That of what sends. */
  readonly sendRegistration: Registration;
  #local!: SocketWords;
  #own: SocketWords | null = null;
  /** It was begun to take the peer back, and something was refused. */
  #disconnecting = false;
  #closed = false;

  private constructor(
    readonly system: System,
    readonly names: InterfaceNames,
    readonly family: Family,
    readonly fd: number,
    /** What sends: the same, except where a socket that is bound to a group cannot. */
    readonly sendFd: number,
    local: SocketWords,
  ) {
    this.#setLocal(local);
    const onReady = (fired: number) => {
      if ((fired & READ) !== 0) this.onReadable();
      if ((fired & WRITE) !== 0) this.onWritable();
    };
    const poller = pollerOf(system);
    this.registration = poller.register(fd, onReady);
    this.sendRegistration = sendFd === fd ? this.registration : poller.register(sendFd, onReady);
  }

  /**
   * Opens and binds a socket.
   *
   * @param port The port to bind to; 0 for one that the OS chooses.
   * @param only The interface to receive and send on, or `null` for any.
   * @throws {SocketError} If the OS refuses. Nothing is left open then.
   */
  static open(
    system: System,
    names: InterfaceNames,
    family: Family,
    options: CheckedOptions,
    port: number,
    only: InterfaceId | null,
  ): FamilySocket {
    const { address } = options;
    const { bindTo, group } = bindAddress(system, names, family, address, port, only);
    const context = {
      family,
      address: address ? formatIp(address) : null,
      port,
      multicast: group !== null || undefined,
    };
    const multicastInterface = options.multicastInterface === null
      ? only
      : names.resolve(options.multicastInterface);
    const opened: number[] = [];
    const openOne = (local: SocketWords, shared: boolean): Setup => {
      const fd = system.openSocket(family);
      opened.push(fd);
      const setup = new Setup(system, fd, family, options, shared);
      setup.beforeBind();
      if (only) setup.bindToInterface(only);
      system.bind(fd, local, context);
      setup.afterBind();
      setup.sending(only);
      if (multicastInterface) setup.sendingGroups(names, multicastInterface);
      return setup;
    };
    try {
      // macOS: what is bound to a group cannot send, so a second socket of the same port does.
      const twice = isMulticast({ ...bindTo, zone: null }) &&
        !system.platform.quirks.sendFromGroupBoundSocket;
      const { fd, queuesErrors, countsDrops, cutsTrains, confined, forced } = openOne(
        bindTo,
        twice,
      );
      const local = system.localAddress(fd);
      const sender = twice ? openOne({ ...wildcard(family), port: local.port }, true).fd : fd;
      const socket = new FamilySocket(system, names, family, fd, sender, local);
      socket.queuesErrors = queuesErrors;
      socket.dropped = countsDrops ? 0 : null;
      socket.receivesTrains = cutsTrains;
      socket.largestSegment = cutsTrains ? Infinity : 0;
      socket.kernelInterface = confined ? only : null;
      socket.forcedInterface = forced;
      socket.multicastInterface = multicastInterface;
      socket.filterGroup = group;
      return socket;
    } catch (error) {
      for (const fd of opened) system.close(fd);
      throw error;
    }
  }

  /** Whether {@linkcode close} was called: the descriptor must not be used any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The port it is bound to. */
  get port(): number {
    return this.#local.port;
  }

  /** Where it is bound, as the OS says it. */
  get localAddress(): SocketAddress {
    return this.names.toSocketAddress(this.#local);
  }

  /** The address it is bound to, if that is one of this host's; otherwise `null`. */
  get own(): SocketWords | null {
    return this.#own;
  }

  #setLocal(local: SocketWords): void {
    this.#local = local;
    const ip = { ...local, zone: null };
    this.#own = isUnspecified(ip) || isMulticast(ip) ? null : local;
  }

  /** Fixes the peer. */
  connect(peer: SocketWords, text: string): void {
    // Its port may not be its own until that is done.
    if (this.#disconnecting) this.disconnect();
    this.system.connect(this.sendFd, peer, { family: this.family, address: text, port: peer.port });
    this.peer = peer;
    try {
      this.#setLocal(this.system.localAddress(this.fd));
    } catch (error) {
      try {
        this.disconnect();
      } catch {
        // The first refusal says more; and it may be connected still, which `peer` tells.
      }
      throw error;
    }
  }

  /** Takes the peer back. What is refused half-way can be asked for again: until all is done there is a peer. */
  disconnect(): void {
    const { port, scopeId } = this.#local;
    this.#disconnecting = true;
    this.system.disconnect(this.sendFd, { family: this.family });
    // Linux' udp_disconnect() forgets the interface too, also that of a link-local address.
    const name = this.kernelInterface?.name ?? this.names.nameOf(scopeId);
    const index = this.kernelInterface?.index ?? scopeId;
    if (name !== null) this.system.tryBindToInterface(this.fd, this.family, { name, index });
    let local = this.system.localAddress(this.fd);
    if (local.port !== port) {
      // Linux gives a port back that the OS had chosen: take it again.
      this.system.bind(this.fd, { ...local, port }, { family: this.family, port });
      local = this.system.localAddress(this.fd);
    }
    this.#disconnecting = false;
    this.peer = null;
    this.#setLocal(local);
  }

  /**
   * Changes options of the open socket.
   *
   * @param multicastInterface `null`: as routed; `undefined`: as it was.
   */
  set(changes: CheckedChanges, multicastInterface: InterfaceId | null | undefined): void {
    const { system, names, fd, sendFd, family } = this;
    const isChanged = (option: OptionForOneCall[0]) =>
      option === "multicastInterface" ? multicastInterface !== undefined : changes[option] !== null;
    this.owed = this.owed.filter(([option]) => !isChanged(option));
    for (const each of fd === sendFd ? [fd] : [fd, sendFd]) {
      for (const [option, value] of Object.entries(changes)) {
        // Only IPv4 has broadcasts.
        if (value === null || (option === "broadcast" && family === "IPv6")) continue;
        system.setOption(each, family, option as keyof CheckedChanges, Number(value));
      }
      if (multicastInterface === undefined) continue;
      const index = multicastInterface?.index ?? 0;
      system.setMulticastInterface(each, family, index, (index) => names.firstIpv4(index));
    }
    if (multicastInterface !== undefined) this.multicastInterface = multicastInterface;
  }

  /** The size of one of the kernel's buffers; `null` where it does not say. */
  bufferSize(which: "receiveBufferSize" | "sendBufferSize"): number | null {
    if (this.#closed) return null;
    // Whoever looks at counts is not to be stopped by what one of them says.
    return unlessRefused(() => this.system.getOption(this.fd, this.family, which), () => null);
  }

  /** Closes the descriptor: at once where the poller allows it, otherwise when it has let go. */
  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    const { fd, sendFd, registration, sendRegistration } = this;
    const close = registration.remove(() => this.system.close(fd));
    if (sendFd === fd) return close;
    const closeSender = sendRegistration.remove(() => this.system.close(sendFd));
    return Promise.all([close, closeSender]).then(() => {});
  }
}

function wildcard(family: Family): SocketWords {
  return { family, w0: 0, w1: 0, w2: 0, w3: 0, port: 0, scopeId: 0 };
}

/** Where to bind, and which group is left for the delivery filter to select. */
function bindAddress(
  system: System,
  names: InterfaceNames,
  family: Family,
  address: Ip | null,
  port: number,
  only: InterfaceId | null,
): { bindTo: SocketWords; group: Ip | null } {
  const anywhere = { ...wildcard(family), port };
  if (address === null) return { bindTo: anywhere, group: null };
  const zone = address.zone === null ? null : names.resolve(address.zone);
  if (zone && only && zone.index !== only.index) {
    throw new TypeError(`the address ${formatIp(address)} is not on the interface ${only.name}`);
  }
  const scopeId = needsZone(address) ? zone?.index ?? only?.index ?? 0 : 0;
  const { w0, w1, w2, w3 } = address;
  const bindTo = { family, w0, w1, w2, w3, port, scopeId };
  if (isMulticast(address)) {
    // A group that is link-local cannot be bound to without saying on which
    // link (Linux: EINVAL); the filter selects it on all of them.
    const possible = system.platform.quirks.bindToGroup && !(needsZone(address) && scopeId === 0);
    return possible ? { bindTo, group: null } : { bindTo: anywhere, group: address };
  }
  if (needsZone(address) && scopeId === 0) {
    throw new TypeError(
      `${formatIp(address)} is link-local: say on which interface, for example "${
        formatIp(address)
      }%eth0"`,
    );
  }
  return { bindTo, group: null };
}

/** Sets the options of one new socket. */
class Setup {
  queuesErrors = false;
  countsDrops = false;
  /** The kernel makes datagrams of trains, and trains of datagrams. */
  cutsTrains = false;
  /** The kernel confines it to the interface; otherwise the delivery filter has to. */
  confined = false;
  /** The interface that each unicast has to be told; or 0. */
  forced = 0;

  constructor(
    readonly system: System,
    readonly fd: number,
    readonly family: Family,
    readonly options: CheckedOptions,
    /** It shares its port with a second one of ours. */
    readonly shared: boolean,
  ) {}

  #set(option: OptionName, value: number | string | boolean | null): void {
    if (value === null) return;
    const raw = typeof value === "boolean" ? Number(value) : value;
    this.system.setOption(this.fd, this.family, option, raw);
  }

  #try(option: OptionName, value: number | string): boolean {
    return this.system.trySetOption(this.fd, this.family, option, value);
  }

  beforeBind(): void {
    const { options } = this;
    if (this.family === "IPv6") this.#set("onlyThisFamily", 1);
    if (this.#sharesBeforeBind) this.#sharing();
    // Windows lets anybody else bind the port, too, unless told not to: without that no socket, rather than one whose
    // port anybody can take over.
    const exclusive = !options.share && !options.reusePort && !this.shared;
    if (exclusive && this.system.hasOption(this.family, "exclusive")) this.#set("exclusive", 1);
    if (options.broadcast && this.family === "IPv4") this.#set("broadcast", 1);
    this.#set("receiveBufferSize", options.receiveBufferSize);
    this.#sendBuffer();
    // What the library exists for: without it, opening fails.
    this.#set("packetInfo", 1);
    // The rest may be missing; then the packet says null.
    this.#try("receiveInterface", 1);
    this.#try("receiveHops", 1);
    this.#try("receiveTrafficClass", 1);
    this.countsDrops = this.#try("dropCounter", 1);
    this.cutsTrains = options.segmentation && this.#try("segmentation", 1);
    if (options.timestamps) this.#set("timestamps", 1);
    // Otherwise Linux hands over every group that any program has joined.
    if (options.deliver !== "all") this.#try("multicastAll", 0);
    this.queuesErrors = options.onError !== null && this.#try("receiveErrors", 1);
  }

  #sendBuffer(): void {
    const wanted = this.options.sendBufferSize;
    const { smallestSendBuffer } = this.system.platform.quirks;
    if (wanted !== null || smallestSendBuffer === null) return this.#set("sendBufferSize", wanted);
    const { fd, family } = this;
    const size = this.system.getOption(fd, family, "sendBufferSize");
    if (size !== null && size < smallestSendBuffer) {
      this.#try("sendBufferSize", smallestSendBuffer);
    }
  }

  bindToInterface(only: InterfaceId): void {
    this.confined = this.system.tryBindToInterface(this.fd, this.family, only);
  }

  afterBind(): void {
    if (!this.#sharesBeforeBind) this.#sharing();
  }

  /** With sharing set beforehand, "any port" may be one that others share. */
  get #sharesBeforeBind(): boolean {
    return this.options.port !== 0 || this.shared ||
      this.system.platform.quirks.shareOnlyBeforeBind;
  }

  #sharing(): void {
    if (this.options.share || this.shared) this.#set("share", 1);
    if (this.options.reusePort) this.#set("reusePort", 1);
  }

  sending(only: InterfaceId | null): void {
    const { options } = this;
    this.#set("hops", options.hops);
    this.#set("trafficClass", options.trafficClass);
    this.#set("multicastHops", options.multicastHops);
    this.#set("multicastLoopback", options.multicastLoopback);
    if (this.family === "IPv6") this.#try("useMinimumMtu", 0);
    if (!only || this.confined) return;
    if (!this.#try("unicastInterface", only.index)) this.forced = only.index;
  }

  sendingGroups(names: InterfaceNames, { index }: InterfaceId): void {
    const { system, fd, family } = this;
    try {
      system.setMulticastInterface(fd, family, index, (index) => names.firstIpv4(index));
    } catch (error) {
      // What the kernel confines to the interface sends there anyway.
      const needed = this.options.multicastInterface !== null || !this.confined;
      if (needed || !(error instanceof SocketError)) throw error;
    }
  }
}
