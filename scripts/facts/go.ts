/** What Go's golang.org/x/sys knows; Debian's golang-golang-x-sys-dev has its sources. */
import fs from "node:fs";
import path from "node:path";
import type { Arch } from "../../ffi/platform/platform.ts";
import { type Facts, folder, layOut, type StructFacts, type Type } from "./facts.ts";

/** Where Debian puts it; `PKTINFO_GO_SYS` for another place. */
export function goFolder(): string | null {
  return folder("PKTINFO_GO_SYS", "/usr/share/gocode/src/golang.org/x/sys/unix");
}

/** Go's name of a struct, C's, and what C's fields begin with. */
const GO_STRUCTS: readonly (readonly [go: string, c: string, prefix: string])[] = [
  ["RawSockaddrInet4", "sockaddr_in", "sin_"],
  ["RawSockaddrInet6", "sockaddr_in6", "sin6_"],
  ["RawSockaddrDatalink", "sockaddr_dl", "sdl_"],
  ["Iovec", "iovec", "iov_"],
  ["Msghdr", "msghdr", "msg_"],
  ["Cmsghdr", "cmsghdr", "cmsg_"],
  ["Inet4Pktinfo", "in_pktinfo", "ipi_"],
  ["Inet6Pktinfo", "in6_pktinfo", "ipi6_"],
  ["IPMreq", "ip_mreq", "imr_"],
  ["IPMreqn", "ip_mreqn", "imr_"],
  ["IPv6Mreq", "ipv6_mreq", "ipv6mr_"],
  ["Timeval", "timeval", "tv_"],
  ["PollFd", "pollfd", ""],
  ["RtMsghdr", "rt_msghdr", "rtm_"],
  ["IfData", "if_data", "ifi_"],
  // FreeBSD's own; the other is that of FreeBSD 8.
  ["ifData", "if_data", "ifi_"],
];

function goType(text: string, types: string): Type {
  const array = /^\[(\d+)\](.*)$/.exec(text);
  if (array) {
    const { size, alignment } = goType(array[2], types);
    return { size: Number(array[1]) * size, alignment };
  }
  const bits = /^u?int(\d+)$/.exec(text);
  if (!bits && text !== "byte" && !text.startsWith("*")) return goStruct(text, "", types)!;
  const size = bits ? Number(bits[1]) / 8 : text === "byte" ? 1 : 8;
  return { size, alignment: size };
}

function goStruct(name: string, prefix: string, types: string) {
  const body = new RegExp(`^type ${name} struct {\n((?:\t.*\n)*)}`, "m").exec(types)?.[1];
  if (body === undefined) return null;
  return layOut(
    body.trim().split("\n").map((line, index) => {
      const [name, type] = line.trim().split(/\s+/);
      const padding = name === "_" || name.startsWith("Pad_cgo");
      return [padding ? `_${index}` : prefix + name.toLowerCase(), goType(type, types)] as const;
    }),
  );
}

/** The `switch` in sockcmsg_unix_other.go: the last unit that is set for this system. */
function goAlignment(text: string, os: string, arch: string): number | null {
  let unit: number | null = null;
  let applies = true;
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (line.startsWith("case ")) applies = line.includes(`"${os}"`);
    else if (line.startsWith("if ") && applies) {
      const conditions = [...line.matchAll(/runtime\.(GOOS|GOARCH) == "(\w+)"/g)];
      applies = conditions.every(([, what, value]) => value === (what === "GOOS" ? os : arch));
    } else if (line === "}") applies = true;
    const value = /^salign :?= (\w+)$/.exec(line)?.[1];
    if (value === "SizeofPtr") unit = 8;
    else if (value && applies) unit = Number(value) || unit;
    if (line.startsWith("return")) return unit;
  }
  return null;
}

/** What Go's x/sys says. */
export function goFacts(root: string, os: string, arch: Arch): Facts {
  const goArch = arch === "x86_64" ? "amd64" : "arm64";
  const read = (name: string) => fs.readFileSync(path.join(root, name), "utf8");
  const types = read(`ztypes_${os}_${goArch}.go`);
  const numbers = read(`zerrors_${os}_${goArch}.go`) + types;
  const constants = new Map<string, number>();
  const definition = /^\t([A-Z]\w*)\s+= (?:syscall\.Errno\()?(-?(?:0x)?[0-9a-f]+)\)?$/gm;
  for (const [, name, value] of numbers.matchAll(definition)) {
    constants.set(name, value.startsWith("-") ? -Number(value.slice(1)) : Number(value));
  }
  const structs = new Map<string, StructFacts>();
  for (const [go, c, prefix] of GO_STRUCTS) {
    const struct = goStruct(go, prefix, types);
    if (struct) structs.set(c, struct);
  }
  const controlAlignment = goAlignment(read("sockcmsg_unix_other.go"), os, goArch);
  const source = `Go's x/sys (${os}/${goArch})`;
  return { source, constants, structs, controlAlignment, functions: new Map() };
}
