/**
 * What debug mode checks before each call, by the function's name in the platforms' tables.
 *
 * @module
 */

import type { Platform } from "./platform/platform.ts";

/** What has to hold of a call's arguments, each told by its position. */
export interface Rule {
  /** Descriptors. */
  readonly descriptors?: readonly number[];
  /** A buffer and the argument that says its length; the latter in units of so many bytes. */
  readonly sized?: readonly (readonly [buffer: number, length: number, unit?: number])[];
  /** A buffer and a second one, in which its length stands (32 bits). */
  readonly told?: readonly (readonly [buffer: number, length: number])[];
  /** A buffer whose length C knows by itself. */
  readonly fixed?: readonly (readonly [buffer: number, bytes: number])[];
  /** Strings: there is a NUL, of so many bytes. */
  readonly text?: readonly (readonly [buffer: number, unit: number])[];
  /** Buffers that C only writes to. */
  readonly out?: readonly number[];
  /** A function of ours, which must not have been released. */
  readonly callback?: number;
  /** An array of message headers, and the argument that says how many; none: it is one. */
  readonly messages?: {
    readonly headers: number;
    readonly count?: number;
    readonly direction: "receive" | "send";
  };
}

const ADDRESS: Rule = { descriptors: [0], sized: [[1, 2]] };
const POINTER_SIZE = 8;
const LUID_SIZE = 8;
const WSADATA_SIZE = 408;

/** The rules of a platform. Functions that take no memory have none. */
export function rulesOf({ epoll, constants }: Platform): Record<string, Rule> {
  const notify: Rule = { callback: 1, fixed: [[4, POINTER_SIZE]], out: [4] };
  return {
    memcpy: { sized: [[1, 2]] },
    memmove: { sized: [[0, 2]] },
    bind: ADDRESS,
    connect: ADDRESS,
    getsockname: { descriptors: [0], told: [[1, 2]], out: [1] },
    setsockopt: { descriptors: [0], sized: [[3, 4]] },
    getsockopt: { descriptors: [0], told: [[3, 4]], out: [3] },
    recv: { descriptors: [0], sized: [[1, 2]], out: [1] },
    sendto: { descriptors: [0], sized: [[1, 2], [4, 5]] },
    recvmsg: { descriptors: [0], messages: { headers: 1, direction: "receive" } },
    sendmsg: { descriptors: [0], messages: { headers: 1, direction: "send" } },
    recvmmsg: { descriptors: [0], messages: { headers: 1, count: 2, direction: "receive" } },
    sendmmsg: { descriptors: [0], messages: { headers: 1, count: 2, direction: "send" } },
    read: { descriptors: [0], sized: [[1, 2]], out: [1] },
    write: { descriptors: [0], sized: [[1, 2]] },
    epoll_ctl: { descriptors: [0, 2], fixed: [[3, epoll?.layouts.epoll_event.size ?? 0]] },
    getifaddrs: { fixed: [[0, POINTER_SIZE]], out: [0] },
    if_nametoindex: { text: [[0, 1]] },
    if_indextoname: { fixed: [[1, constants.IF_NAMESIZE]], out: [1] },
    // Windows.
    WSAStartup: { fixed: [[1, WSADATA_SIZE]] },
    ioctlsocket: { descriptors: [0], fixed: [[2, 4]] },
    WSAIoctl: { descriptors: [0], sized: [[2, 3], [4, 5]], fixed: [[6, 4]], out: [4] },
    WSARecvMsg: {
      descriptors: [0],
      messages: { headers: 1, direction: "receive" },
      fixed: [[2, 4]],
    },
    WSASendMsg: { descriptors: [0], messages: { headers: 1, direction: "send" }, fixed: [[3, 4]] },
    GetAdaptersAddresses: { told: [[3, 4]], out: [3] },
    ConvertInterfaceIndexToLuid: { fixed: [[1, LUID_SIZE]], out: [1] },
    ConvertInterfaceLuidToIndex: { fixed: [[0, LUID_SIZE], [1, 4]], out: [1] },
    ConvertInterfaceLuidToAlias: { fixed: [[0, LUID_SIZE]], sized: [[1, 2, 2]], out: [1] },
    ConvertInterfaceAliasToLuid: { text: [[0, 2]], fixed: [[1, LUID_SIZE]], out: [1] },
    NotifyIpInterfaceChange: notify,
    NotifyUnicastIpAddressChange: notify,
    // Only a descriptor.
    close: { descriptors: [0] },
    closesocket: { descriptors: [0] },
    // What waits on another thread is looked at by debug.ts.
    poll: {},
    epoll_wait: { descriptors: [0] },
    // Addresses of C's own memory, which it gave us.
    free: {},
    strlen: {},
    freeifaddrs: {},
    CancelMibChangeNotify2: {},
    // Its only pointer is null.
    WSASocketW: {},
  };
}

/** What makes descriptors. */
export const OPENS: ReadonlySet<string> = new Set([
  "socket",
  "WSASocketW",
  "eventfd",
  "epoll_create1",
]);

/** What closes them. */
export const CLOSES: ReadonlySet<string> = new Set(["close", "closesocket"]);
