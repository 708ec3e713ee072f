// The numbers of ffi/platform/ against the systems' own headers, by way of compilers that read them.
import { assert, assertEquals, assertMatch } from "@std/assert";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { darwin } from "../../ffi/platform/darwin.ts";
import { linux } from "../../ffi/platform/linux.ts";
import { LINUX_C } from "../../scripts/probe_dialects.ts";
import {
  type Claim,
  claims,
  controlRows,
  judge,
  probeSource,
  sourceOf,
} from "../../scripts/probe_layouts.ts";
import { compilerOf, refuted, type Target, TARGETS } from "../../scripts/probe_targets.ts";
import { thorough } from "../figures.ts";
import { test } from "../harness.ts";
import { changed, changes } from "./wrong_numbers.ts";

/** The claims about wrong tables that are others than those about the right ones. */
function falsehoods({ platform, dialect }: Target, list = changes(platform)): Claim[] {
  const right = new Map(claims(platform, dialect).map(({ subject, value }) => [subject, value]));
  return claims(changed(platform, ...list), dialect).filter(({ subject, value }) =>
    right.get(subject) !== value
  );
}

const results = new Map<Target, string[]>();

/** What a compiler says against the tables and, in the same file, against wrong ones. */
function said(target: Target): string[] {
  let result = results.get(target);
  if (!result) {
    const { platform, dialect } = target;
    const wrong = claims(changed(platform, ...changes(platform)), dialect)
      .map((claim) => ({ ...claim, subject: `wrong: ${claim.subject}` }));
    results.set(target, result = refuted(compilerOf(target)!, sourceOf(target, wrong)));
  }
  return result;
}

for (const target of TARGETS) {
  const { name, platform, needs, slow = false } = target;
  const skip = slow && !thorough
    ? "part of the complete run only (PKTINFO_FULL)"
    : compilerOf(target) === null && `needs ${needs}`;

  test(`${name}: every number in the tables is the headers'`, { skip }, () => {
    const objections = judge(target, said(target));
    assertEquals(objections.filter((subject) => !subject.startsWith("wrong: ")), []);
  });

  test(`${name}: a wrong number anywhere does not compile`, { skip }, () => {
    const list = changes(platform).filter(([path]) => !path.includes("guids"));
    for (const change of list) {
      assert(falsehoods(target, [change]).length > 0, `nothing is claimed of ${change[0]}`);
    }
    assertEquals(
      said(target).filter((subject) => subject.startsWith("wrong: ")),
      falsehoods(target).map(({ subject }) => `wrong: ${subject}`),
    );
  });

  if (platform.winsock !== null) {
    test(`${name}: a wrong identifier of an extension function is found`, { skip }, () => {
      const guids = changes(platform).filter(([path]) => path.includes("guids"));
      const wrong = { ...target, platform: changed(platform, ...guids) };
      const objections = judge(wrong, said(target));
      assertEquals(objections.filter((subject) => !subject.startsWith("wrong: ")), [
        "winsock.guids.WSAID_WSASENDMSG",
      ]);
    });
  }
}

/** What Zig knows of macOS's C library: the names that a program may be linked with. */
function libSystem(): string[] {
  const folder = path.join(path.dirname(process.env.PKTINFO_ZIG ?? ""), "lib/libc/darwin");
  if (!process.env.PKTINFO_ZIG || !fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
}

test("macOS: the C library has every function that is called", {
  skip: libSystem().length === 0 && "needs zig (PKTINFO_ZIG)",
}, () => {
  const { libraries, errno } = darwin("aarch64");
  const names = libraries.flatMap(({ symbols }) =>
    Object.entries(symbols).map(([name, { symbol = name }]) => symbol)
  );
  for (const text of libSystem()) {
    const exported = new Set(text.match(/[\w$]+/g));
    assertEquals([...names, errno.symbol].filter((name) => !exported.has(`_${name}`)), []);
    assert(!exported.has("_recvmmsg") && names.length > 10);
  }
});

const [x86_64] = TARGETS;

test("Linux: the processors' tables are not the same", {
  skip: compilerOf(x86_64) === null && `needs ${x86_64.needs}`,
}, () => {
  // What is packed on x86-64 only shows that the probe looks at the right processor.
  const source = probeSource(claims(linux("aarch64"), LINUX_C), LINUX_C);
  assertEquals(refuted(compilerOf(x86_64)!, source), [
    "epoll.layouts.epoll_event size",
    "epoll.layouts.epoll_event.data offset",
  ]);
});

test("a compiler that fails for another reason is no proof of anything", {
  skip: compilerOf(x86_64) === null && `needs ${x86_64.needs}`,
}, () => {
  let failure = "";
  try {
    refuted(compilerOf(x86_64)!, '_Static_assert(NO_SUCH_NAME == 1, "a");');
  } catch (error) {
    failure = String(error);
  }
  assertMatch(failure, /NO_SUCH_NAME/);
});

for (const { name, platform, dialect } of TARGETS) {
  test(`${name}: the probe claims something of everything in the tables`, () => {
    const subjects = claims(platform, dialect).map(({ subject }) => subject);
    const has = new Set(subjects);
    assertEquals(has.size, subjects.length, "every claim has a subject of its own");
    const missing: string[] = [];
    const want = (subject: string) => has.has(subject) || missing.push(subject);
    const parts = { "": platform, "epoll.": platform.epoll, "netlink.": platform.netlink };
    const others = { "routeSocket.": platform.routeSocket, "winsock.": platform.winsock };
    for (const [at, tables] of Object.entries({ ...parts, ...others })) {
      if (tables === null) continue;
      for (const [struct, { fields }] of Object.entries(tables.layouts)) {
        want(`${at}layouts.${struct} size`);
        for (const field of Object.keys(fields)) {
          want(`${at}layouts.${struct}.${field} offset`);
          want(`${at}layouts.${struct}.${field} width`);
        }
      }
      for (const constant of Object.keys(tables.constants)) {
        if (dialect.constants[constant] !== null) want(`${at}constants.${constant}`);
      }
    }
    for (const family of ["IPv4", "IPv6"] as const) {
      for (const option of Object.keys(platform.options[family])) {
        want(`options.${family}.${option} name`);
        want(`options.${family}.${option} level`);
      }
      for (const [call, rows] of Object.entries(platform.memberships[family])) {
        for (const { cName } of rows) want(`memberships.${family}.${call} ${cName} name`);
      }
    }
    for (const { subject } of controlRows(platform)) want(`${subject} type`);
    for (const [errno, [code]] of Object.entries(platform.errors)) {
      want(`errors.${errno} ${code}`);
    }
    assertEquals(missing, []);
    // What no header can confirm is what a system does not have.
    for (const [constant, expression] of Object.entries(dialect.constants)) {
      if (expression !== null) continue;
      const value = { ...platform.constants, ...platform.routeSocket?.constants }[constant];
      assert(value === 0 || value === -1, `${constant} is ${value}`);
    }
  });
}

test("the probe is C that says which number is wrong", () => {
  assertMatch(
    probeSource(claims(linux("x86_64"), LINUX_C), LINUX_C),
    /^_Static_assert\(\(long long\)\(sizeof\(struct msghdr\)\) == 56LL, "layouts\.msghdr size"\);$/m,
  );
});
