// Socket addresses of every length and family, and of any bytes, as each system has them.
import { assert, assertEquals } from "@std/assert";
import type { Platform } from "../../ffi/platform/platform.ts";
import { emptyWords, SockaddrCodec, type SocketWords } from "../../ffi/sockaddr.ts";
import { pick, randomWords } from "../address/random.ts";
import { inputs, mutated, note, randomBytes } from "../faults/mutate.ts";
import { thorough } from "../figures.ts";
import { test } from "../harness.ts";
import { PLATFORMS } from "./tables.ts";

/** Longer than any that the kernel has (sockaddr_storage). */
const LONGEST = 128;

/** The same in other words: what there is of the address, cut to the length that is claimed. */
function reference(platform: Platform, bytes: Uint8Array, claimed: number): SocketWords | null {
  const { sockaddr_in, sockaddr_in6 } = platform.layouts;
  const { AF_INET, AF_INET6 } = platform.constants;
  const whole = bytes.slice(0, claimed);
  const number = (at: number, size: number) =>
    [...whole.slice(at, at + size)].reduce((sum, byte) => sum * 256 + byte, 0);
  const [at, kind] = sockaddr_in.fields.sin_family;
  if (whole.length < at + 2) return null;
  const family = kind === "u8" ? whole[at] : whole[at] + 256 * whole[at + 1];
  if (family === AF_INET && whole.length >= sockaddr_in.size) {
    const { sin_addr, sin_port } = sockaddr_in.at;
    return { ...emptyWords(), w0: number(sin_addr, 4), port: number(sin_port, 2) };
  }
  if (family !== AF_INET6 || whole.length < sockaddr_in6.size) return null;
  const { sin6_addr, sin6_port, sin6_scope_id } = sockaddr_in6.at;
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((i) => number(sin6_addr + i, 4));
  const scope = whole.slice(sin6_scope_id, sin6_scope_id + 4).reverse();
  const scopeId = [...scope].reduce((sum, byte) => sum * 256 + byte, 0);
  return { family: "IPv6", w0, w1, w2, w3, port: number(sin6_port, 2), scopeId };
}

const text = (words: SocketWords | null) => words && Object.values(words).join();

/** Reads from memory that ends where the address does, and compares. */
function check(platform: Platform, codec: SockaddrCodec, bytes: Uint8Array, claimed: number) {
  const words = emptyWords();
  const view = new DataView(bytes.slice().buffer);
  const read = codec.read(view, 0, claimed, words) ? words : null;
  const right = reference(platform, bytes, claimed);
  if (text(read) !== text(right)) assertEquals(read, right, `${claimed} bytes: ${bytes}`);
  if (!read) return false;
  // What was read is written as something that is read alike.
  const written = new Uint8Array(codec.size);
  const length = codec.write(new DataView(written.buffer), 0, read);
  const again = emptyWords();
  assert(codec.read(new DataView(written.buffer), 0, length, again));
  if (text(again) !== text(read)) assertEquals(again, read);
  return true;
}

for (const [name, platform] of PLATFORMS) {
  const codec = new SockaddrCodec(platform);
  const [at, kind] = platform.layouts.sockaddr_in.fields.sin_family;
  const { AF_INET, AF_INET6 } = platform.constants;

  const addressOf = (family: number, bytes: Uint8Array) => {
    if (bytes.length > at) bytes[at] = family & 0xff;
    if (kind !== "u8" && bytes.length > at + 1) bytes[at + 1] = family >> 8;
    return bytes;
  };

  test(`socket addresses of every length and family, as on ${name}`, () => {
    const next = randomWords(0x50c);
    const families = [...Array(256).keys(), 0x0200, 0x0a00, 0x0102, 0x8002, 0xffff];
    // All families with few lengths in the quick loop.
    const step = thorough ? 1 : 9;
    let count = 0;
    for (const family of families) {
      const known = family === AF_INET || family === AF_INET6;
      for (let length = 0; length <= LONGEST; length += known ? 1 : step) {
        check(platform, codec, addressOf(family, randomBytes(next, length)), length);
        count++;
      }
    }
    note("socket addresses of every length and family", count, true);
  });

  test(`socket addresses with damage, and lengths that lie, as on ${name}`, () => {
    const next = randomWords(0x50cad);
    const samples = [AF_INET, AF_INET6].map((family) =>
      addressOf(family, randomBytes(next, codec.sizeOf(family === AF_INET ? "IPv4" : "IPv6")))
    );
    const count = inputs(1_000, 20_000);
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const bytes = mutated(next, samples);
      // The kernel may claim less than there is, or more: then as much as is needed is there.
      const long = bytes.length >= codec.size;
      const claims = [bytes.length, next() % (bytes.length + 1)];
      if (long) claims.push(LONGEST, 0x7fff_ffff, 0xffff_ffff);
      if (check(platform, codec, bytes, pick(next, claims))) taken++;
    }
    assert(taken > count / 20 && taken < count, `${taken} taken`);
    note("socket addresses with damage", count);
  });
}
