/** Tables in which one number of every kind is wrong: a check that lets one pass is none. */
import type { Platform } from "../../ffi/platform/platform.ts";

type Path = readonly (string | number)[];
// deno-lint-ignore no-explicit-any -- a path leads anywhere
type Change = readonly [path: Path, change: (old: any) => unknown];

// deno-lint-ignore no-explicit-any -- a path leads anywhere
function at(tables: any, path: Path): any {
  return path.reduce((inner, key) => inner?.[key], tables);
}

function withChange<T>(tables: T, [first, ...rest]: Path, change: (old: unknown) => unknown): T {
  // deno-lint-ignore no-explicit-any -- a path leads anywhere
  const old = (tables as any)[first];
  const value = rest.length === 0 ? change(old) : withChange(old, rest, change);
  // deno-lint-ignore no-explicit-any -- a path leads anywhere
  const copy: any = Array.isArray(tables) ? [...tables] : { ...tables };
  copy[first] = value;
  return copy;
}

const next = (old: number) => old + 1;

/** The wrong numbers that a platform's tables have a place for. */
export function changes(right: Platform): Change[] {
  const first = (table: object) => Object.keys(table)[0];
  const list: Change[] = [
    [["layouts", "msghdr", "size"], next],
    [["layouts", "msghdr", "fields", "msg_flags"], ([offset, kind]) => [offset - 4, kind]],
    [["layouts", "iovec", "fields", "iov_len"], ([offset]) => [offset, "u16"]],
    [["options", "IPv4", "hops", "name"], next],
    [["options", "IPv6", "packetInfo", "level"], next],
    [["memberships", "IPv6", "join", 0, "name"], next],
    [["memberships", "IPv4", "leave", 0, "level"], next],
    [["control", "IPv4", "packetInfo", "level"], next],
    [["control", "IPv4", "destination", "level"], next],
    [["control", "IPv4", "receivedInterface", "type"], next],
    [["control", "IPv6", "hops", 0, "type"], next],
    [["control", "timestamp", "type"], next],
    [["sendControl", "IPv4", "source", "type"], next],
    [["sendControl", "IPv6", "packetInfo", "type"], next],
    [["controlAlignment"], (old) => 2 * old],
    [["constants", "MSG_TRUNC"], next],
    [["constants", "AF_INET6"], next],
    [["constants", "SOCK_DGRAM"], next],
    [["wake", "EFD_FLAGS"], next],
  ];
  for (const part of ["epoll", "netlink", "routeSocket", "winsock"] as const) {
    const tables = right[part];
    if (tables === null) continue;
    const { constants, layouts } = tables;
    const struct = first(layouts);
    const field = first(at(layouts, [struct, "fields"]));
    list.push(
      [[part, "constants", first(constants)], next],
      [[part, "layouts", struct, "size"], next],
      [[part, "layouts", struct, "fields", field], ([offset]) => [offset, 3]],
    );
  }
  if (right.winsock) list.push([["winsock", "guids", "WSAID_WSASENDMSG", 5], next]);
  const eintr = Object.entries(right.errors).find(([, [code]]) => code === "EINTR")!;
  const errno = Number(eintr[0]) + 1;
  list.push([["errors", errno], () => eintr[1]]);
  return list.filter(([path]) =>
    path[0] === "errors" || ![undefined, null].includes(at(right, path))
  );
}

/** The tables with one number changed. */
export function changed(right: Platform, ...list: readonly Change[]): Platform {
  return list.reduce((tables, [path, change]) => withChange(tables, path, change), right);
}
