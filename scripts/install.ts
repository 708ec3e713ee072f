/** The programs that tests use besides Deno, and how a Debian machine gets them. */
import { run } from "./run.ts";

/** Debian's package and a program or file that proves it is there. */
const packages: { name: string; proof: string }[] = [
  { name: "iproute2", proof: "ip" },
  { name: "nftables", proof: "nft" },
  { name: "iptables", proof: "iptables-nft" },
  { name: "util-linux", proof: "unshare" },
  { name: "procps", proof: "ps" },
  { name: "gcc", proof: "gcc" },
  { name: "libc6-dev", proof: "/usr/include/stdio.h" },
  { name: "gcc-aarch64-linux-gnu", proof: "aarch64-linux-gnu-gcc" },
  { name: "libc6-dev-arm64-cross", proof: "/usr/aarch64-linux-gnu/include/stdio.h" },
  { name: "musl-dev", proof: "/usr/share/doc/musl-dev/copyright" },
  // One of its two models of threads is enough for a C compiler.
  { name: "gcc-mingw-w64-x86-64-win32", proof: "x86_64-w64-mingw32-gcc" },
  { name: "golang-golang-x-sys-dev", proof: "/usr/share/doc/golang-golang-x-sys-dev/copyright" },
  { name: "librust-libc-dev", proof: "/usr/share/doc/librust-libc-dev/copyright" },
  { name: "patchelf", proof: "patchelf" },
  { name: "python3", proof: "python3" },
  { name: "socat", proof: "socat" },
  { name: "tshark", proof: "tshark" },
  // Programs that the examples are tried with.
  { name: "dbus", proof: "dbus-daemon" },
  { name: "avahi-daemon", proof: "avahi-daemon" },
  { name: "avahi-utils", proof: "avahi-browse" },
  { name: "minidlna", proof: "minidlnad" },
  { name: "python3-gi", proof: "/usr/share/doc/python3-gi/copyright" },
  { name: "gir1.2-gssdp-1.6", proof: "/usr/share/doc/gir1.2-gssdp-1.6/copyright" },
  { name: "wsdd", proof: "wsdd" },
  { name: "libcoap3-bin", proof: "coap-server-notls" },
  { name: "bind9-dnsutils", proof: "dig" },
  { name: "udhcpc", proof: "udhcpc" },
  // A terminal for the command line, and the shells that complete it.
  { name: "tmux", proof: "tmux" },
  { name: "zsh", proof: "zsh" },
  { name: "fish", proof: "fish" },
];

/** Debian asks this program whether a service may be started, and takes 101 for no. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Installs packages without starting what they bring: daemons run in network namespaces only. */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  if (exists(POLICY)) return await work();
  await Deno.writeTextFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, createNew: true });
  try {
    return await work();
  } finally {
    await Deno.remove(POLICY);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function isThere(proof: string): boolean {
  if (proof.startsWith("/")) return exists(proof);
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) =>
    folder !== "" && exists(`${folder}/${proof}`)
  );
}

/** What is missing; and, where it may be installed, the attempt to do so. */
export interface Installation {
  /** Packages that are still missing. */
  missing: string[];
  /** Packages that were installed just now. */
  installed: string[];
  /** Why the missing ones were not installed; null when apt-get itself failed. */
  why: string | null;
  output: string;
}

/** Installs what is missing on Debian and its descendants, as root; elsewhere it only tells what is missing. */
export async function install(): Promise<Installation> {
  const missing = () => packages.filter(({ proof }) => !isThere(proof)).map(({ name }) => name);
  const before = Deno.build.os === "linux" ? missing() : [];
  const result: Installation = { missing: before, installed: [], why: null, output: "" };
  if (Deno.build.os !== "linux") {
    return { ...result, why: "the programs below are used on Linux only" };
  }
  if (before.length === 0) return result;
  if (!exists("/usr/bin/apt-get")) return { ...result, why: "this is not Debian" };
  if (Deno.uid() !== 0) return { ...result, why: "only root can install packages" };
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=120"];
  const update = await run([...apt, "update"], { env });
  const done = await withoutServices(() =>
    run([...apt, "install", "--no-install-recommends", ...before], { env })
  );
  const after = missing();
  return {
    missing: after,
    installed: before.filter((name) => !after.includes(name)),
    why: null,
    output: update.output + done.output,
  };
}
