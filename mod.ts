/**
 * UDP that tells, for every packet, the address it was sent to and the interface
 * it came in on, and can answer from that address out of that interface.
 *
 * @example Who is asking, and on which interface?
 * ```ts
 * import { openUdpSocket } from "@pktinfo/pktinfo";
 *
 * await using socket = openUdpSocket({ signal: AbortSignal.timeout(100) });
 * await socket.send("hello", `127.0.0.5:${socket.port}`);
 * for await (const packet of socket) {
 *   console.log(`${packet.source} → ${packet.destination} on ${packet.interfaceName}`);
 *   if (packet.source.address !== "127.0.0.5") await socket.reply(packet, "hello yourself");
 * }
 * ```
 *
 * @module
 */

export {
  isIpv4Mapped,
  isLimitedBroadcast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isSourceSpecific,
  isUnspecified,
  needsZone,
  unmap,
} from "./address/classify.ts";
export { type Endpoint, formatEndpoint, parseEndpoint } from "./address/endpoint.ts";
export {
  type Family,
  formatIp,
  formatIpv4,
  formatIpv6,
  type Ip,
  parseIp,
  sameIp,
  tryParseIp,
} from "./address/ip.ts";
export { type MulticastScope, multicastScope } from "./address/scope.ts";
export { SocketAddress, type SocketAddressInit } from "./address/socket_address.ts";
export { SocketError, type SocketErrorInit, UnsupportedError } from "./ffi/errors.ts";
export type {
  AddressChange,
  InterfaceChange,
  LinkChange,
  PropertyChange,
} from "./interfaces/change.ts";
export { waitForLinkLocal } from "./interfaces/link_local.ts";
export { type InterfaceAddress, interfaces, type NetworkInterface } from "./interfaces/list.ts";
export type { InterfaceId } from "./interfaces/names.ts";
export { type InterfaceWatcher, watchInterfaces, type WatchOptions } from "./interfaces/watch.ts";
export type { Destination, SendOptions } from "./socket/destination.ts";
export type {
  FailedJoin,
  Membership,
  MembershipChange,
  MembershipChangeEvent,
} from "./socket/membership.ts";
export { openUdpSocket } from "./socket/open.ts";
export type {
  ChangeableOptions,
  Deliver,
  GroupRequest,
  UdpSocketOptions,
} from "./socket/options.ts";
export type { Cast, Packet } from "./socket/packet.ts";
export { platform, type PlatformFeatures } from "./socket/platform.ts";
export type {
  JoinOptions,
  OutgoingDatagram,
  Payload,
  ReceiveManyOptions,
  SocketStats,
  UnavailableFamily,
  WaitOptions,
} from "./socket/types.ts";
export type { UdpSocket } from "./socket/udp_socket.ts";
