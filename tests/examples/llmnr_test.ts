// Queries and answers of LLMNR to bytes and back, and what becomes of bytes that are none.
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  decodeQuery,
  decodeResponse,
  encodeQuery,
  encodeResponse,
  type Query,
} from "../../examples/llmnr/packet.ts";
import { test } from "../harness.ts";
import { HOSTILE, hostile, sorts } from "./dns_hostile.ts";

const A: Query = { id: 7, name: "box", type: "A" };
const AAAA: Query = { ...A, type: "AAAA" };

/** The same with some bits of the flags. */
function withFlags(bytes: Uint8Array, flags: number): Uint8Array {
  const other = Buffer.from(bytes);
  other.writeUInt16BE(other.readUInt16BE(2) | flags, 2);
  return other;
}

test("a query is the same after encoding and decoding, and its bytes are those of RFC 4795", () => {
  assertEquals(decodeQuery(encodeQuery(A)), A);
  const hex = Buffer.from(encodeQuery(A)).toString("hex");
  assertEquals(hex, "000700000001000000000000" + "03626f7800" + "0001" + "0001");
});

test("an answer tells the addresses of the type that was asked for", () => {
  const own = ["192.0.2.1", "fe80::1", "192.0.2.2"];
  assertEquals(decodeResponse(encodeResponse(A, own), A), {
    id: 7,
    addresses: ["192.0.2.1", "192.0.2.2"],
  });
  assertEquals(decodeResponse(encodeResponse(AAAA, own), AAAA), { id: 7, addresses: ["fe80::1"] });
  assertEquals(decodeResponse(encodeResponse(AAAA, own.slice(0, 1)), AAAA)?.addresses, []);
  const shouted = encodeResponse({ ...A, name: "BOX" }, own);
  assertEquals(decodeResponse(shouted, A)?.addresses.length, 2, "names have no case");
});

test("answers to another question, tentative ones, cut ones and refusals are none", () => {
  const answer = encodeResponse(A, ["192.0.2.1"]);
  assertEquals(decodeResponse(answer, AAAA), null);
  assertEquals(decodeResponse(answer, { ...A, name: "other" }), null);
  for (const flags of [0x0100, 0x0200, 0x0003]) {
    assertEquals(decodeResponse(withFlags(answer, flags), A), null, flags.toString(16));
  }
  assertEquals(decodeResponse(encodeQuery(A), A), null);
});

test("queries that tell of a conflict, and answers, are no queries", () => {
  assertEquals(decodeQuery(withFlags(encodeQuery(A), 0x0400)), null);
  assertEquals(decodeQuery(encodeResponse(A, ["192.0.2.1"])), null);
});

for (const sort of sorts) {
  test(`${sort} packets throw nothing`, { timeout: 120_000 }, () => {
    let understood = 0;
    for (const bytes of hostile(sort, [encodeQuery(A), encodeResponse(A, ["192.0.2.1"])])) {
      const query = decodeQuery(bytes), answer = decodeResponse(bytes, A);
      if (query) encodeResponse(query, ["192.0.2.1", "fe80::1"]);
      if (query || answer) understood++;
    }
    assert(understood < HOSTILE, `${understood} were understood`);
  });
}
