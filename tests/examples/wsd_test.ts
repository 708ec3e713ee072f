// WS-Discovery's messages and metadata, as they are and as they should not be.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatProbe, formatResolve, parseMessage, VERSIONS } from "../../examples/wsd/message.ts";
import { formatGet, parseMetadata } from "../../examples/wsd/metadata.ts";
import { test } from "../harness.ts";
import { bytesOf, COUNT, feed, SORTS } from "./hostile.ts";

const parse = (text: string) => parseMessage(bytesOf(text));

/** As a device might write it: other prefixes, and things nobody asked for. */
function matches(version: typeof VERSIONS[number], name: string, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<SOAP:Envelope xmlns:SOAP="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="${version.addressing}" xmlns:d="${version.discovery}">
<SOAP:Header><wsa:Action SOAP:mustUnderstand="1">${version.discovery}/${name}</wsa:Action>
<wsa:MessageID>urn:uuid:2</wsa:MessageID><wsa:RelatesTo>urn:uuid:1</wsa:RelatesTo>
<d:AppSequence InstanceId="1" MessageNumber="1"/></SOAP:Header><SOAP:Body>${body}</SOAP:Body></SOAP:Envelope>`;
}

const TARGET = `<wsa:EndpointReference><wsa:Address>urn:uuid:9</wsa:Address></wsa:EndpointReference>
  <d:Types>wsdp:Device pub:Computer</d:Types><d:Scopes>a b</d:Scopes>
  <d:XAddrs>http://192.0.2.1:5357/9 http://[2001:db8::1]:5357/9</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>`;
const target = {
  endpoint: "urn:uuid:9",
  types: ["Device", "Computer"],
  addresses: ["http://192.0.2.1:5357/9", "http://[2001:db8::1]:5357/9"],
};

for (const version of VERSIONS) {
  test(`matches, hellos and goodbyes of ${version.discovery} are read`, () => {
    const common = { version, id: "urn:uuid:2", relatesTo: "urn:uuid:1" };
    const several = `<d:ProbeMatches>${
      `<d:ProbeMatch>${TARGET}</d:ProbeMatch>`.repeat(2)
    }<d:ProbeMatch/></d:ProbeMatches>`;
    assertEquals(parse(matches(version, "ProbeMatches", several)), {
      kind: "matches",
      ...common,
      targets: [target, target],
    });
    const one = `<d:ResolveMatches><d:ResolveMatch>${TARGET}</d:ResolveMatch></d:ResolveMatches>`;
    assertEquals(parse(matches(version, "ResolveMatches", one)), {
      kind: "matches",
      ...common,
      targets: [target],
    });
    for (const [name, kind] of [["Hello", "hello"], ["Bye", "bye"]] as const) {
      const text = matches(version, name, `<d:${name}>${TARGET}</d:${name}>`);
      assertEquals(parse(text), { kind, ...common, targets: [target] });
    }
  });

  test(`our questions of ${version.discovery} are of no interest to ourselves`, () => {
    for (
      const text of [
        formatProbe(version, "urn:uuid:1", ""),
        formatResolve(version, "urn:uuid:1", "x"),
      ]
    ) {
      assertEquals(parse(text), {
        kind: "other",
        version,
        id: "urn:uuid:1",
        relatesTo: "",
        targets: [],
      });
    }
  });
}

test("an identifier that looks like XML stays text", () => {
  assertMatch(
    formatResolve(VERSIONS[0], "1", `a<b>"&`),
    /<a:Address>a&lt;b&gt;&quot;&amp;<\/a:Address>/,
  );
  assertMatch(formatGet("a<b"), /<a:To>a&lt;b<\/a:To>/);
});

test("what has a DTD, no identifier, an unknown action or too many bytes is no message", () => {
  const [version] = VERSIONS;
  const good = matches(version, "Hello", `<d:Hello>${TARGET}</d:Hello>`);
  assert(parse(good) !== null);
  const bad = [
    good.replace("<SOAP:Env", `<!DOCTYPE a [<!ENTITY b "c">]><SOAP:Env`),
    good.replace("<wsa:MessageID>urn:uuid:2</wsa:MessageID>", ""),
    good.replaceAll(version.discovery, "http://example.com"),
    good + " ".repeat(16 * 1024),
    good.replaceAll("Envelope", "__proto__"),
  ];
  for (const text of bad) assertEquals(parse(text), null, text.slice(0, 200));
});

test("more targets and words than anybody needs are cut", () => {
  const body = `<d:ProbeMatches>${
    `<d:ProbeMatch><wsa:EndpointReference><wsa:Address>a</wsa:Address></wsa:EndpointReference><d:Types>${
      "a ".repeat(100)
    }</d:Types></d:ProbeMatch>`.repeat(40)
  }</d:ProbeMatches>`;
  const message = parse(matches(VERSIONS[0], "ProbeMatches", body))!;
  assertEquals([message.targets.length, message.targets[0].types.length], [32, 16]);
});

const METADATA = `<s:Envelope xmlns:s="s"><s:Body><x:Metadata xmlns:x="x">
<x:MetadataSection Dialect="d"><p:ThisDevice xmlns:p="p"><p:FriendlyName>WSD Device films</p:FriendlyName></p:ThisDevice></x:MetadataSection>
<x:MetadataSection><p:ThisModel xmlns:p="p"><p:Manufacturer>wsdd</p:Manufacturer><p:ModelName>1</p:ModelName></p:ThisModel></x:MetadataSection>
<x:MetadataSection><p:Relationship xmlns:p="p"><p:Host><q:Computer xmlns:q="q">FILMS/Workgroup:LAB</q:Computer></p:Host></p:Relationship></x:MetadataSection>
</x:Metadata></s:Body></s:Envelope>`;

test("metadata tell the name that Windows shows", () => {
  assertEquals(parseMetadata(METADATA), {
    computer: "FILMS",
    membership: "Workgroup:LAB",
    friendlyName: "WSD Device films",
    manufacturer: "wsdd",
    modelName: "1",
  });
  assertEquals(parseMetadata("<a/>").computer, "");
});

const samples = VERSIONS.map((version) =>
  bytesOf(matches(version, "Hello", `<d:Hello>${TARGET}</d:Hello>`))
);

for (const [sort, make] of Object.entries(SORTS)) {
  test(`${sort} datagrams end nothing, and nothing of them is kept (WS-Discovery)`, {
    timeout: 300_000,
  }, () => {
    const taken = feed("WS-Discovery", sort, make, samples, parseMessage);
    assert(sort === "random" ? taken === 0 : sort !== "damaged" || taken > 0, `${taken} taken`);
  });
}

test("broken metadata end nothing", { timeout: 300_000 }, () => {
  const parse = (data: Uint8Array) => parseMetadata(new TextDecoder().decode(data));
  feed("WS-Discovery", "damaged", SORTS.damaged, [bytesOf(METADATA)], parse, COUNT / 10);
});
