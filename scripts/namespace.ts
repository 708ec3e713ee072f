/**
 * Commands in a fresh network namespace, so that a test can do anything to "the network" without touching the machine's.
 * The namespace has a private /run/netns (for `ip netns add`), its own processes (all of them die with the first) and
 * lo set up. Tests find PKTINFO_LAB=1 in their environment.
 */

/** What runs first in there. tests/lab/lab.ts knows the mount by its name, and refuses to work without it. */
const enter = `
set -e
# Everything "ip netns add" makes is to be seen here only. Without /run/netns nothing is made on the machine: all of /run is covered.
mount --make-rprivate / 2>/dev/null || true
if [ -d /run/netns ]; then mount -t tmpfs pktinfo-lab /run/netns
else mount -t tmpfs pktinfo-lab /run && mkdir /run/netns; fi
# /sys/class/net is to show the interfaces of this namespace. Containers may forbid it; few programs look there.
mount -t sysfs sysfs /sys 2>/dev/null || true
ip link set lo up
`;

/** Ends every script: the shell stays as the first process of the namespace, since that one is deaf to signals. */
const runIt = `
"$@"
exit $?
`;

/** Interfaces for documentation examples: one that may be called eth0, with routes, and the multicast route on lo. */
const docsNetwork = `
ip link add eth0 type dummy 2>/dev/null || {
  # Not every kernel has dummy interfaces: a cable whose other end nobody listens to does as well.
  ip link add eth0 type veth peer name eth0-far
  ip link set eth0-far up
}
for name in all default; do
  if [ -e /proc/sys/net/ipv6/conf/$name/accept_dad ]; then echo 0 > /proc/sys/net/ipv6/conf/$name/accept_dad; fi
done
ip link set eth0 up multicast on
ip addr add 192.0.2.1/24 broadcast + dev eth0
ip route add default via 192.0.2.254
# The kernel turns other routes through lo into "unreachable": this one must be of type local.
if ip -6 addr add 2001:db8::1/64 dev eth0 nodad 2>/dev/null; then
  ip -6 addr add fe80::1/64 dev eth0 nodad
  ip -6 route add default via fe80::fe dev eth0
  ip -6 route add local ff00::/8 dev lo table local
fi
`;

function isRoot(): boolean {
  return Deno.build.os !== "windows" && Deno.uid() === 0;
}

/** The command line that runs another one in a fresh namespace. */
export function inNamespace(
  command: readonly string[],
  options: { docs?: boolean } = {},
): string[] {
  return [
    "unshare",
    // Somebody who is not root may have namespaces of their own as root of a user namespace.
    ...(isRoot() ? [] : ["--user", "--map-root-user"]),
    ...["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ...["sh", "-c", enter + (options.docs ? docsNetwork : "") + runIt, "sh"],
    ...command,
  ];
}

/** Why namespaces cannot be had here; null when they can. */
export async function whyNoNamespace(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "network namespaces are Linux's";
  const probe =
    "ip netns add probe && ip netns exec probe true && ip link add name va type veth peer name vb";
  const [program, ...args] = inNamespace(["sh", "-e", "-c", probe]);
  try {
    const { success, stderr } = await new Deno.Command(program, {
      args,
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return null;
    return "no network namespaces here: " +
      new TextDecoder().decode(stderr).trim().split("\n")[0];
  } catch (error) {
    return `no network namespaces here: ${(error as Error).message}`;
  }
}
