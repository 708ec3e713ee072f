// CoAP's messages and link format, as they are and as they should not be.
import { assert, assertEquals } from "@std/assert";
import { CONTENT, formatGet, parseLinks, parseMessage } from "../../examples/coap/message.ts";
import { test } from "../harness.ts";
import { bytesOf, feed, SORTS } from "./hostile.ts";

const hex = (data: Uint8Array) =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text: string) => Uint8Array.from(text.match(/../g)!, (byte) => parseInt(byte, 16));

test("a question for what servers have is the bytes of the RFC", () => {
  const question = formatGet([".well-known", "core"], 0x7d34, Uint8Array.of(0x17));
  // Version 1, NON, one byte of token; GET; Uri-Path twice, the second with a delta of 0.
  assertEquals(hex(question), "51017d3417bb2e77656c6c2d6b6e6f776e04636f7265");
  assertEquals(parseMessage(question), {
    code: 1,
    id: 0x7d34,
    token: "17",
    payload: new Uint8Array(),
  });
});

test("options of any length are passed over, to the payload", () => {
  const etag = "4101"; // option 4, one byte
  const format = "8128"; // option 12: 40
  const long = `dd00${"00".padStart(2, "0")}${"aa".repeat(13)}`; // delta 13, length 13
  const longer = `0e0000${"bb".repeat(269)}`; // length 269
  for (const options of ["", etag, etag + format, etag + format + long + longer]) {
    const message = parseMessage(unhex(`5145000117${options}ff${hex(bytesOf("</a>"))}`));
    assert(message, options);
    assertEquals([message.code, message.token, hex(message.payload)], [
      CONTENT,
      "17",
      hex(bytesOf("</a>")),
    ]);
  }
});

test("what breaks off, is of another version or has a reserved length is no message", () => {
  for (
    const text of [
      "51",
      "91450001ff00", // version 2
      "5945000100000000000000000000", // token of nine bytes
      "5145000117f1", // option delta 15
      "51450001171f", // option length 15
      "51450001171d", // its length is missing
      "5145000117120a", // its value is missing
      "5145000117ff", // a marker without payload
    ]
  ) assertEquals(parseMessage(unhex(text)), null, text);
});

test("links have attributes with and without quotes and values", () => {
  const text =
    '</>;title="General Info, all";ct=0,</s/temp>;rt="temperature celsius";obs;if=sensor , </x>';
  assertEquals(parseLinks(bytesOf(text)).map(({ path, attributes }) => [path, { ...attributes }]), [
    ["/", { title: "General Info, all", ct: "0" }],
    ["/s/temp", { rt: "temperature celsius", obs: "", if: "sensor" }],
    ["/x", {}],
  ]);
});

test("links are read up to where they are none, and no more than anybody has", () => {
  assertEquals(parseLinks(bytesOf("</a>,</b,</c>")).map(({ path }) => path), ["/a", "/b,</c"]);
  assertEquals(parseLinks(bytesOf("no links")), []);
  assertEquals(parseLinks(bytesOf("</a>,".repeat(10_000))).length, 256);
  // One that would take a careless expression years.
  assertEquals(parseLinks(bytesOf(`</a>${";a".repeat(20_000)}"`)), []);
  const [{ attributes }] = parseLinks(bytesOf('</a>;__proto__="x";toString=y'));
  assertEquals(Object.keys(attributes), ["__proto__", "toString"]);
});

const LINKS = '</>;title="General Info";ct=0,</time>;if="clock";rt="ticks";ct=0;obs,</async>;ct=0';
const samples = [
  unhex(`5145000117410181 28ff`.replace(" ", "") + hex(bytesOf(LINKS))),
  formatGet([".well-known", "core"], 1, Uint8Array.of(1, 2, 3, 4)),
];

for (const [sort, make] of Object.entries(SORTS)) {
  test(
    `${sort} datagrams end nothing, and nothing of them is kept (CoAP)`,
    { timeout: 300_000 },
    () => {
      const taken = feed("CoAP", sort, make, samples, (data) => {
        const message = parseMessage(data);
        return message && parseLinks(message.payload);
      });
      assert(taken > 0);
    },
  );
}
