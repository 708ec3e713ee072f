/** Made-up hosts for the checks. */
import type { Facts, InterfaceFacts, Probe } from "../../doctor/facts.ts";
import type { LinkDetails, RouteRecord, RuleRecord } from "../../ffi/route/inspection.ts";
import type { InterfaceAddress } from "../../interfaces/list.ts";

/** `"10.1.0.1/24"`. */
export function address(text: string, part: Partial<InterfaceAddress> = {}): InterfaceAddress {
  const [own, length] = text.split("/");
  return {
    address: own,
    family: own.includes(":") ? "IPv6" : "IPv4",
    prefixLength: Number(length),
    broadcast: null,
    scopeId: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
    ...part,
  };
}

/** What the kernel says of an interface with nothing special. */
export function details(index: number, part: Partial<LinkDetails> = {}): LinkDetails {
  return {
    index,
    kind: null,
    master: null,
    peer: null,
    bridge: null,
    strictReversePath: false,
    forcedIgmp: 0,
    forcedMld: 0,
    ipv6Disabled: false,
    duplicateProbes: 1,
    ...part,
  };
}

/** An interface with all that multicast needs. */
export function ethernet(
  index: number,
  part: Partial<InterfaceFacts> = {},
  settings: Partial<LinkDetails> = {},
): InterfaceFacts {
  return {
    index,
    name: `eth${index - 2}`,
    description: null,
    mac: `02:00:00:00:00:0${index}`,
    mtu: 1500,
    up: true,
    running: true,
    loopback: false,
    multicast: true,
    pointToPoint: false,
    addresses: [address(`10.${index}.0.1/24`), address(`fe80::${index}/64`)],
    details: details(index, settings),
    ...part,
  };
}

/** Loopback, as it always is. */
export const LOOPBACK: InterfaceFacts = {
  ...ethernet(1),
  name: "lo",
  mac: null,
  mtu: 65536,
  loopback: true,
  multicast: false,
  addresses: [address("127.0.0.1/8"), address("::1/128")],
};

/** A test in which everything works. */
export function works(index: number | null, part: Partial<Probe> = {}): Probe {
  return {
    index,
    family: "IPv4",
    group: part.family === "IPv6" ? "ff12::1" : "239.255.0.1",
    port: null,
    join: "works",
    send: "works",
    receive: "works",
    destination: "works",
    interface: "works",
    error: null,
    code: null,
    syscall: null,
    stuck: false,
    ...part,
  };
}

/** A test that fails at a step, with what the system said. */
export function fails(
  step: "join" | "send" | "receive",
  index: number | null,
  code: string | null,
  part: Partial<Probe> = {},
): Probe {
  const after = { destination: "untried", interface: "untried" } as const;
  const send = step === "receive" ? "works" : step === "send" ? "fails" : "untried";
  return works(index, {
    join: step === "join" ? "fails" : "works",
    send,
    receive: step === "receive" ? "fails" : "untried",
    ...after,
    code,
    error: code ?? "nothing arrived",
    ...part,
  });
}

/** A route to all groups of a family. */
export function route(part: Partial<RouteRecord> = {}): RouteRecord {
  const family = part.family ?? "IPv6";
  return {
    family,
    type: "multicast",
    destination: family === "IPv4"
      ? { address: "224.0.0.0", length: 4 }
      : { address: "ff00::", length: 8 },
    table: 255,
    interfaces: [2],
    gateway: false,
    metric: 256,
    limited: false,
    ...part,
  };
}

/** A rule that applies to everything. */
export function rule(part: Partial<RuleRecord>): RuleRecord {
  return {
    family: "IPv4",
    priority: 0,
    action: "lookup",
    table: 254,
    target: null,
    destination: null,
    source: null,
    inverted: false,
    suppressed: null,
    conditions: [],
    ...part,
  };
}

/** Loopback, eth0 and a default route, and all tests work. */
export function facts(part: Partial<Facts> = {}): Facts {
  const interfaces = part.interfaces ?? [LOOPBACK, ethernet(2)];
  const probes = interfaces.filter(({ up }) => up).flatMap(({ index }) => [
    works(index),
    works(index, { family: "IPv6" }),
  ]);
  return {
    os: "linux",
    selected: new Set(interfaces.map(({ index }) => index)),
    named: new Set(),
    interfaces,
    routes: [
      route({ family: "IPv4", type: "unicast", destination: { address: "0.0.0.0", length: 0 } }),
      ...interfaces.map(({ index, loopback }) =>
        route({ interfaces: [index], ...loopback ? { type: "local", metric: 1024 } : {} })
      ),
    ],
    rules: null,
    missing: {},
    probes,
    naive: [works(null), works(null, { family: "IPv6" })],
    memberships: { wanted: 20, had: 20 },
    sources: { wanted: 10, had: 10 },
    ports: [{ port: 5353, family: "IPv4", taken: false, holders: [] }],
    filter: [],
    forced: { igmp: 0, mld: 0 },
    container: null,
    wsl: false,
    unseen: [],
    random: () => 0.5,
    ...part,
  };
}
