// The numbers of ffi/platform/linux.ts against the C library's own headers, by way of the C compiler.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";
import type { Struct } from "../../ffi/layout.ts";
import { linux } from "../../ffi/platform/linux.ts";
import type { Arch, Platform } from "../../ffi/platform/platform.ts";
import { claims, LINUX_C, probeSource } from "../../scripts/layout_probe.ts";
import { findProgram, test } from "../harness.ts";

/** Compiles without output; returns what the compiler has to say against it. */
function complaints(compiler: string, source: string): string {
  const { status, stderr, error } = spawnSync(
    compiler,
    ["-std=gnu11", "-fsyntax-only", "-x", "c", "-"],
    { input: source, env: { ...process.env, LC_ALL: "C" } },
  );
  if (error) throw error;
  const text = stderr.toString();
  assertEquals(status === 0, text === "", text);
  return text;
}

/** The subjects of the assertions that did not hold. */
function refuted(compiler: string, platform: Platform): string[] {
  const text = complaints(compiler, probeSource(claims(platform, LINUX_C), LINUX_C));
  const subjects = [...text.matchAll(/static assertion failed: "([^"]*)"/g)].map(([, s]) => s);
  if (text !== "") assert(subjects.length > 0, text);
  return subjects;
}

function withStruct(platform: Platform, name: keyof Platform["layouts"], part: Partial<Struct>) {
  const layouts = { ...platform.layouts, [name]: { ...platform.layouts[name], ...part } };
  return { ...platform, layouts } as Platform;
}

function withNetlink(
  platform: Platform,
  part: { layouts?: Record<string, unknown>; constants?: Record<string, number> },
) {
  const { layouts, constants } = platform.netlink!;
  const netlink = {
    layouts: { ...layouts, ...part.layouts },
    constants: { ...constants, ...part.constants },
  };
  return { ...platform, netlink } as Platform;
}

/** Tables with one wrong number, and what the compiler has to object to. */
function perturbed(right: Platform): [string[], Platform][] {
  const { msghdr, iovec } = right.layouts;
  const { IPv4, IPv6 } = right.options;
  const { nlmsghdr, sockaddr_nl, ifaddrmsg } = right.netlink!.layouts;
  return [
    [["layouts.msghdr size"], withStruct(right, "msghdr", { size: msghdr.size + 8 })],
    [
      ["layouts.msghdr.msg_flags offset"],
      withStruct(right, "msghdr", { fields: { ...msghdr.fields, msg_flags: [44, "i32"] } }),
    ],
    [
      ["layouts.iovec.iov_len width"],
      withStruct(right, "iovec", { fields: { ...iovec.fields, iov_len: [8, "u32"] } }),
    ],
    [["constants.MSG_TRUNC"], { ...right, constants: { ...right.constants, MSG_TRUNC: 0x21 } }],
    [["constants.EFD_FLAGS"], { ...right, constants: { ...right.constants, EFD_FLAGS: 0o4000 } }],
    [
      ["options.IPv4.hops name"],
      { ...right, options: { IPv4: { ...IPv4, hops: { ...IPv4.hops!, name: 3 } }, IPv6 } },
    ],
    [
      ["options.IPv6.share level"],
      { ...right, options: { IPv4, IPv6: { ...IPv6, share: { ...IPv6.share!, level: 41 } } } },
    ],
    [
      ["memberships.IPv6.join MCAST_JOIN_GROUP name"],
      {
        ...right,
        memberships: {
          ...right.memberships,
          IPv6: { join: [{ ...right.memberships.IPv6.join![0], name: 43 }] },
        },
      },
    ],
    [
      ["control.IPv6 hops type"],
      {
        ...right,
        control: {
          ...right.control,
          IPv6: { ...right.control.IPv6, hops: { ...right.control.IPv6.hops, type: 51 } },
        },
      },
    ],
    [
      ["control space of 1", "control space of 4", "control space of 20"],
      { ...right, controlAlignment: 16 },
    ],
    [
      ["netlink.layouts.nlmsghdr size"],
      withNetlink(right, { layouts: { nlmsghdr: { ...nlmsghdr, size: 20 } } }),
    ],
    [
      ["netlink.layouts.sockaddr_nl.nl_groups offset"],
      withNetlink(right, {
        layouts: {
          sockaddr_nl: {
            ...sockaddr_nl,
            fields: { ...sockaddr_nl.fields, nl_groups: [6, "u32"] },
          },
        },
      }),
    ],
    [
      ["netlink.layouts.ifaddrmsg.ifa_flags width"],
      withNetlink(right, {
        layouts: {
          ifaddrmsg: { ...ifaddrmsg, fields: { ...ifaddrmsg.fields, ifa_flags: [2, "u16"] } },
        },
      }),
    ],
    [["netlink.constants.RTM_DELADDR"], withNetlink(right, { constants: { RTM_DELADDR: 20 } })],
    [["netlink.constants.IFA_FLAGS"], withNetlink(right, { constants: { IFA_FLAGS: 7 } })],
    [
      ["netlink.constants.NLA_TYPE_MASK"],
      withNetlink(right, { constants: { NLA_TYPE_MASK: 0x7fff } }),
    ],
    [["errors.12 EAGAIN"], { ...right, errors: { ...right.errors, 12: ["EAGAIN", "wrong"] } }],
  ];
}

const machine = process.arch === "arm64" ? "aarch64" : "x86_64";

/** The compilers that see a processor's headers: this machine's own, or a cross compiler. */
function compilerFor(arch: Arch): string | null {
  if (process.platform === "linux" && arch === machine) {
    return findProgram("cc") ?? findProgram("gcc");
  }
  return findProgram(`${arch === "x86_64" ? "x86-64" : arch}-linux-gnu-gcc`);
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const compiler = compilerFor(arch);
  const options = {
    skip: compiler === null && `needs a C compiler for ${arch} (gcc-${arch}-linux-gnu)`,
  } as const;

  test(`linux on ${arch}: every number in the tables is the headers'`, options, () => {
    assertEquals(refuted(compiler!, linux(arch)), []);
  });

  test(`linux on ${arch}: a wrong number anywhere does not compile`, options, () => {
    for (const [subjects, wrong] of perturbed(linux(arch))) {
      assertEquals(refuted(compiler!, wrong), subjects);
    }
  });
}

test("linux: the processors' tables are not the same", {
  skip: compilerFor("x86_64") === null && "needs a C compiler for x86_64",
}, () => {
  // What is packed on x86-64 only shows that the probe looks at the right processor.
  const subjects = refuted(compilerFor("x86_64")!, linux("aarch64"));
  assertEquals(subjects, ["layouts.epoll_event size", "layouts.epoll_event.data offset"]);
});

test("the probe claims something of everything in the tables", () => {
  const platform = linux("x86_64");
  const subjects = new Set(claims(platform, LINUX_C).map(({ subject }) => subject));
  const netlink = platform.netlink!;
  for (
    const [at, layouts] of [
      ["layouts", platform.layouts],
      ["netlink.layouts", netlink.layouts],
    ] as const
  ) {
    for (const [name, { fields }] of Object.entries(layouts)) {
      assert(subjects.has(`${at}.${name} size`));
      for (const field of Object.keys(fields)) {
        assert(subjects.has(`${at}.${name}.${field} offset`));
        assert(subjects.has(`${at}.${name}.${field} width`));
      }
    }
  }
  for (const name of Object.keys(netlink.constants)) {
    assert(subjects.has(`netlink.constants.${name}`));
  }
  for (const family of ["IPv4", "IPv6"] as const) {
    for (const option of Object.keys(platform.options[family])) {
      assert(subjects.has(`options.${family}.${option} name`));
    }
    for (const call of Object.keys(platform.memberships[family])) {
      assert([...subjects].some((s) => s.startsWith(`memberships.${family}.${call} `)));
    }
    for (const name of Object.keys(platform.control[family])) {
      assert(subjects.has(`control.${family} ${name} type`));
    }
  }
  for (const name of Object.keys(platform.constants)) assert(subjects.has(`constants.${name}`));
  for (const errno of Object.keys(platform.errors)) {
    assert([...subjects].some((s) => s.startsWith(`errors.${errno} `)));
  }
  assertMatch(
    probeSource(claims(platform, LINUX_C), LINUX_C),
    /^_Static_assert\(\(long long\)\(sizeof\(struct msghdr\)\) == 56LL, "layouts\.msghdr size"\);$/m,
  );
});
