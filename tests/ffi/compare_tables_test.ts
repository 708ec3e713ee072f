// The numbers of systems without headers here against those that Go's x/sys and Rust's libc have of them.
import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  compare,
  evaluate,
  factsOf,
  notSoUnused,
  sourcesHere,
  type Subject,
  SUBJECTS,
} from "../../scripts/compare_tables.ts";
import type { Facts } from "../../scripts/facts/facts.ts";
import { claims } from "../../scripts/probe_layouts.ts";
import { test } from "../harness.ts";
import { changed, changes } from "./wrong_numbers.ts";

const sources = sourcesHere();
const skip = (sources.go === null && "needs golang-golang-x-sys-dev (PKTINFO_GO_SYS)") ||
  (sources.rust === null && "needs librust-libc-dev (PKTINFO_RUST_LIBC)");

/**
 * What neither source has. Newer ones may have more; but what they have now must not be lost.
 * group_req is RFC 3678's, in no table of theirs; RTM_DESYNC is
 * OpenBSD's alone, and not there in the others' (-1); the rest of Android's are Linux's own headers'.
 */
const UNKNOWN: Readonly<Record<string, RegExp>> = {
  darwin: /^layouts\.group_(?:source_)?req\b/,
  freebsd: /^(?:layouts\.group_(?:source_)?req\b|routeSocket\.constants\.RTM_DESYNC)/,
  openbsd: /^$/,
  netbsd: /^routeSocket\.constants\.RTM_DESYNC$/,
  android:
    /^(?:layouts\.group_(?:source_)?req\b|netlink\.|options\.IPv[46]\.timestamps name|control\.timestamp type|epoll\.layouts\.epoll_event\.data|options\.IPv[46]\.segmentation name|segmentation\.\w+ type|errors\.13[23])/,
};

/** How many numbers there are at least in a system's tables. */
const COUNT: Readonly<Record<string, number>> = {
  darwin: 380,
  freebsd: 350,
  openbsd: 320,
  netbsd: 320,
  android: 470,
};

const read = new Map<string, Facts[]>();

/** What the sources say of a system, read once. */
function facts(subject: Subject): Facts[] {
  const known = read.get(subject.name) ?? factsOf(sources, subject);
  read.set(subject.name, known);
  return known;
}

function comparison(subject: Subject, tables = subject.platform) {
  return compare(tables, subject.dialect, facts(subject));
}

for (const subject of SUBJECTS) {
  const { name, platform, dialect } = subject;

  test(`${name}: every number is what other projects have`, { skip }, () => {
    const { wrong, unknown, compared } = comparison(subject);
    assertEquals(wrong, []);
    assertEquals(unknown.filter((text) => !UNKNOWN[platform.os].test(text)), []);
    assertGreater(compared, COUNT[platform.os]);
  });

  test(`${name}: a wrong number of any kind is found`, { skip }, () => {
    const { unknown } = comparison(subject);
    const right = new Map(claims(platform, dialect).map((claim) => [claim.subject, claim.value]));
    for (const change of changes(platform)) {
      const tables = changed(platform, change);
      const expected = claims(tables, dialect).filter(({ subject, value }) =>
        right.get(subject) !== value && !unknown.includes(subject)
      ).map(({ subject }) => subject);
      const found = comparison(subject, tables).wrong.map((text) => text.replace(/ is .*/, ""));
      assertEquals([...new Set(found)], expected);
      const [part, list, struct] = change[0];
      const excused = part === "netlink" || (list === "timestamp" && platform.os === "android");
      assert(expected.length > 0 || excused, `nobody knows ${part} ${list} ${struct}`);
    }
  });
}

test("NetBSD's socket is the one that programs since 3.0 use", { skip }, () => {
  const subject = SUBJECTS.find(({ platform }) => platform.os === "netbsd")!;
  const libraries = subject.platform.libraries.map((library) => {
    const { symbol: _, ...socket } = library.symbols.socket;
    return { ...library, symbols: { ...library.symbols, socket } };
  });
  const { wrong } = comparison(subject, { ...subject.platform, libraries });
  assertEquals(wrong, ["symbols.socket is socket, in Rust's libc (netbsd, x86_64) __socket30"]);
});

test("what the sources say otherwise they still do", { skip }, () => {
  assertEquals(notSoUnused(SUBJECTS.flatMap((subject) => comparison(subject).notSo)), []);
});

test("a source's structs are laid out as C does it", () => {
  const facts = {
    source: "nobody",
    constants: new Map([["A", 1], ["B", 4]]),
    structs: new Map([[
      "cmsghdr",
      { size: 12, fields: new Map([["cmsg_type", [8, 4] as const]]) },
    ]]),
    controlAlignment: 8,
    functions: new Map(),
  };
  const values = [
    "A | B",
    "B & 0xc",
    "A | C",
    "sizeof(struct cmsghdr)",
    "offsetof(struct cmsghdr, cmsg_type)",
    "sizeof(((struct cmsghdr *)0)->cmsg_type)",
    "sizeof(struct other)",
    "CMSG_LEN(1)",
    "CMSG_SPACE(1)",
  ].map((expression) => evaluate(expression, facts));
  assertEquals(values, [5, 4, null, 12, 8, 4, null, 17, 24]);
});
