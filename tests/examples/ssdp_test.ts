// SSDP's messages and descriptions, as they are and as they should not be.
import { assert, assertEquals } from "@std/assert";
import { parseDescription } from "../../examples/ssdp/description.ts";
import {
  formatAnswer,
  formatByebye,
  formatNotify,
  formatSearch,
  parseMessage,
} from "../../examples/ssdp/message.ts";
import { test } from "../harness.ts";
import { bytesOf, COUNT, feed, SORTS } from "./hostile.ts";

const about = {
  type: "urn:schemas-upnp-org:device:MediaServer:1",
  usn: "uuid:1::urn:schemas-upnp-org:device:MediaServer:1",
  location: "http://192.0.2.1:8200/rootDesc.xml",
  server: "Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0",
  maxAgeSeconds: 895,
};
const parse = (text: string) => parseMessage(bytesOf(text));

test("what is written is read again", () => {
  assertEquals(parse(formatAnswer(about)), { kind: "alive", answer: true, ...about });
  assertEquals(parse(formatNotify("ff02::c", about)), { kind: "alive", answer: false, ...about });
  assertEquals(parse(formatByebye("ff02::c", about)), {
    kind: "byebye",
    type: about.type,
    usn: about.usn,
  });
  assertEquals(parse(formatSearch("ff05::c", "ssdp:all", 3)), {
    kind: "search",
    target: "ssdp:all",
    maxWaitSeconds: 3,
  });
});

test("a search names the group it is sent to, without zone, in brackets if it is IPv6", () => {
  const hostOf = (group: string) => /^HOST: (.*)\r$/m.exec(formatSearch(group, "ssdp:all", 1))![1];
  assertEquals(["239.255.255.250", "ff02::c"].map(hostOf), [
    "239.255.255.250:1900",
    "[FF02::C]:1900",
  ]);
});

test("devices that take liberties are understood", () => {
  const text =
    "http/1.1 200 OK\nst:upnp:rootdevice\nUsn : uuid:7\nCache-Control: no-cache, Max-Age = 60\n" +
    "Location:http://192.0.2.9/\nLOCATION: http://192.0.2.10/\n\nST: behind the end\n";
  assertEquals(parse(text), {
    kind: "alive",
    answer: true,
    type: "upnp:rootdevice",
    usn: "uuid:7",
    location: "http://192.0.2.9/",
    server: "",
    maxAgeSeconds: 60,
  });
});

test("who says nothing of its lifetime is believed for half an hour, and nobody longer than a day", () => {
  const age = (header: string) => {
    const message = parse(`HTTP/1.1 200 OK\r\nST: a\r\nUSN: uuid:7\r\n${header}\r\n`);
    return message?.kind === "alive" ? message.maxAgeSeconds : null;
  };
  assertEquals(age("EXT:"), 1800);
  assertEquals(age("CACHE-CONTROL: max-age=999999999"), 86_400);
});

test("values cannot control a terminal, and are cut", () => {
  const message = parse(
    `HTTP/1.1 200 OK\r\nST: a\x1b[31m\u202eb\r\nUSN: ${"u".repeat(5000)}\r\n\r\n`,
  );
  assert(message?.kind === "alive");
  assertEquals([message.type, message.usn.length], ["a[31mb", 1024]);
});

test("a search waits five seconds at most, and none without MX", () => {
  const wait = (header: string) => {
    const message = parse(
      `M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n${header}\r\n`,
    );
    return message?.kind === "search" ? message.maxWaitSeconds : null;
  };
  assertEquals(["MX: 120", "MX: 2", "MX: x", "A: b"].map(wait), [5, 2, 0, 0]);
});

test("what lacks a part is no message", () => {
  for (
    const text of [
      "",
      "HTTP/1.1 404 Not Found\r\nST: a\r\nUSN: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nST: a\r\n\r\n",
      "NOTIFY * HTTP/1.1\r\nNT: a\r\nNTS: ssdp:alive\r\n\r\n",
      "NOTIFY * HTTP/1.1\r\nNT: a\r\nNTS: upnp:event\r\nUSN: b\r\n\r\n",
      "M-SEARCH * HTTP/1.1\r\nST: a\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
    ]
  ) assertEquals(parse(text), null, text);
});

const DEVICE = (name: string, more = "") =>
  `<device><deviceType>t:${name}</deviceType><friendlyName>${name} &amp; &lt;co&gt;</friendlyName>
   <manufacturer>m</manufacturer><modelName>1.0</modelName><UDN>uuid:${name}</UDN>${more}</device>`;
const DESCRIPTION = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">${
  DEVICE(
    "a",
    `<deviceList>${DEVICE("b")}${DEVICE("c", `<deviceList>${DEVICE("d")}</deviceList>`)}
  </deviceList>`,
  )
}</root>`;

test("a description tells the device and those in it", () => {
  const found = parseDescription(DESCRIPTION);
  assertEquals(found.map(({ udn }) => udn), ["uuid:a", "uuid:b", "uuid:c", "uuid:d"]);
  assertEquals(found[0], {
    friendlyName: "a & <co>",
    manufacturer: "m",
    modelName: "1.0",
    deviceType: "t:a",
    udn: "uuid:a",
  });
});

test("a description with a DTD, too deep, or none at all is empty", () => {
  const bomb = `<!DOCTYPE a [<!ENTITY x "${"y".repeat(100)}">]>${DESCRIPTION}`;
  const deep = `<root>${"<device><deviceList>".repeat(10_000)}</root>`;
  for (const xml of [bomb, deep, "", "<root><device/></root>x<", "<a", "\0"]) {
    assert(parseDescription(xml).length <= 1, xml.slice(0, 50));
  }
});

const samples = [
  formatAnswer(about),
  formatNotify("ff02::c", about),
  formatByebye("ff02::c", about),
  formatSearch("ff02::c", "ssdp:all", 3),
].map(bytesOf);

for (const [sort, make] of Object.entries(SORTS)) {
  test(`${sort} datagrams end nothing, and nothing of them is kept (SSDP)`, () => {
    const taken = feed("SSDP", sort, make, samples, parseMessage);
    assert(sort === "random" ? taken === 0 : sort !== "damaged" || taken > 0, `${taken} taken`);
  });
}

test("broken descriptions end nothing", () => {
  const parse = (data: Uint8Array) => parseDescription(new TextDecoder().decode(data));
  feed("SSDP", "damaged", SORTS.damaged, [bytesOf(DESCRIPTION)], parse, COUNT / 10);
});
