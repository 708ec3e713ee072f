// Addresses as others read them: node:net, the URL parser of browsers, Python's ipaddress.
import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import net from "node:net";
import { isIpv4Mapped } from "../../address/classify.ts";
import { formatIp, parseIp, tryParseIp } from "../../address/ip.ts";
import { multicastScope } from "../../address/scope.ts";
import { inputs, note } from "../faults/mutate.ts";
import { python3, test } from "../harness.ts";
import { mutate, pick, randomWords, refusalOrResult, sparseWord } from "./random.ts";

const SEEDS = [
  "0.0.0.0",
  "1.2.3.4",
  "255.255.255.255",
  "224.0.0.251",
  "::",
  "::1",
  "1::",
  "fe80::1",
  "ff02::fb",
  "2001:db8:0:0:1:0:0:1",
  "2001:DB8::A",
  "::ffff:1.2.3.4",
  "64:ff9b::192.0.2.33",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:1.2.3.4",
];

/** Addresses as text: right ones, written in many ways, and ones with a mistake or two. */
function* texts(seed: number, count: number): Generator<string> {
  const next = randomWords(seed);
  for (let i = 0; i < count; i++) {
    const [w0, w1, w2] = [sparseWord(next), sparseWord(next), sparseWord(next)];
    const random = formatIp(
      next() % 2 === 0
        ? { family: "IPv4", w0: next(), w1: 0, w2: 0, w3: 0, zone: null }
        : { family: "IPv6", w0, w1, w2, w3: next(), zone: null },
    );
    const text = next() % 2 === 0 ? random : pick(next, SEEDS);
    yield next() % 3 === 0 ? text : mutate(next, text);
  }
}

test("what node:net takes for an address is one, and nothing else", () => {
  const count = inputs(4_000, 60_000);
  let addresses = 0;
  for (const text of texts(31, count)) {
    // A zone is a matter of its own: node:net knows fewer characters of names.
    if (text.includes("%")) continue;
    const family = tryParseIp(text)?.family ?? null;
    const other = { 0: null, 4: "IPv4", 6: "IPv6" }[net.isIP(text)];
    if (family !== other) assertEquals(family, other, JSON.stringify(text));
    if (family) addresses++;
  }
  assert(addresses > count / 4 && addresses < count, `${addresses} addresses`);
  note("addresses as node:net reads them", count);
});

test("IPv6 is written as URLs have it", () => {
  const count = inputs(1_000, 20_000);
  let compared = 0;
  for (const text of texts(32, count)) {
    const ip = tryParseIp(text);
    // URLs have no zones, and write IPv4 inside of IPv6 as two groups.
    if (ip?.family !== "IPv6" || ip.zone !== null || isIpv4Mapped(ip)) continue;
    assertEquals(`[${formatIp(ip)}]`, new URL(`http://[${text}]/`).hostname);
    compared++;
  }
  assert(compared > count / 20, `${compared} compared`);
  note("addresses as URLs have them", count);
});

test("addresses are what Python's ipaddress says", { needs: ["python3"] }, () => {
  const count = inputs(1_000, 20_000);
  const all = [...texts(33, count)].filter((text) => !text.includes("%"));
  const script = `
import ipaddress, json, sys
answers = []
for text in json.load(sys.stdin):
    try:
        ip = ipaddress.ip_address(text)
        answers.append([ip.version, ip.packed.hex(), ip.is_multicast, ip.is_unspecified])
    except ValueError:
        answers.append(None)
json.dump(answers, sys.stdout)`;
  const { stdout, stderr } = spawnSync(python3()!, ["-I", "-c", script], {
    input: JSON.stringify(all),
    maxBuffer: 2 ** 28,
  });
  assertEquals(stderr.toString(), "");
  const answers: ([4 | 6, string, boolean, boolean] | null)[] = JSON.parse(stdout.toString());
  all.forEach((text, i) => {
    const ip = tryParseIp(text);
    const words = ip?.family === "IPv4" ? [ip.w0] : ip ? [ip.w0, ip.w1, ip.w2, ip.w3] : [];
    const packed = words.map((word) => word.toString(16).padStart(8, "0")).join("");
    const own = ip && [
      ip.family === "IPv4" ? 4 : 6,
      packed,
      multicastScope(text) !== null,
      /^0+$/.test(packed),
    ];
    if (JSON.stringify(own) !== JSON.stringify(answers[i])) {
      assertEquals<unknown>(own, answers[i], JSON.stringify(text));
    }
  });
  note("addresses as Python's ipaddress reads them", count);
});

test("scopes of damaged text are one of sixteen, none, or an error that says why", () => {
  const next = randomWords(34);
  const count = inputs(2_000, 30_000);
  const groups = ["ff02::fb", "ff0e::1", "ff12::1%eth0", "224.0.0.251", "239.255.0.1", "::1"];
  let known = 0;
  for (let i = 0; i < count; i++) {
    const text = mutate(next, pick(next, groups));
    const outcome = refusalOrResult(() => multicastScope(text));
    if (!("result" in outcome)) continue;
    const ip = parseIp(text);
    const first = ip.w0 >>> 24;
    const isGroup = ip.family === "IPv4" ? first >> 4 === 14 : first === 255;
    assertEquals(outcome.result !== null, isGroup, text);
    if (outcome.result === null) continue;
    assert(outcome.result.value >= 0 && outcome.result.value <= 15);
    if (ip.family === "IPv6") assertEquals(outcome.result.value, (ip.w0 >>> 16) & 15, text);
    known++;
  }
  assert(known > count / 10, `${known} groups`);
  note("scopes of damaged text", count);
});
