/** Which addresses are on the networks of an interface: answers from elsewhere are not to be believed. */
import { interfaces, type NetworkInterface, parseIp } from "../mod.ts";

/** The bits in which two addresses may differ are those behind the prefix. */
function samePrefix(a: string, b: string, length: number): boolean {
  const [one, other] = [parseIp(a), parseIp(b)];
  if (one.family !== other.family) return false;
  return (["w0", "w1", "w2", "w3"] as const).every((word, index) => {
    const bits = Math.min(32, Math.max(0, length - index * 32));
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    return ((one[word] ^ other[word]) & mask) === 0;
  });
}

/** Whether an address is on a network of the interface. */
export function isOnLink(
  address: string,
  index: number | null,
  present: readonly NetworkInterface[],
): boolean {
  const own = present.find((item) => item.index === index)?.addresses ?? [];
  return own.some((one) =>
    one.prefixLength !== null && samePrefix(address, one.address, one.prefixLength)
  );
}

/** The interfaces of this host, looked up at most once a second however many packets come. */
export function presentInterfaces(): () => readonly NetworkInterface[] {
  let list: readonly NetworkInterface[] = [];
  let until = -Infinity;
  return () => {
    const now = performance.now();
    if (now >= until) {
      list = interfaces();
      until = now + 1000;
    }
    return list;
  };
}
