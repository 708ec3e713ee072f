/**
 * Linux: finds in a packet filter's rules the places where packets may be dropped. Pure.
 *
 * @module
 */

import type { FilterPlace, IptablesTool } from "./causes.ts";

/** Where a packet passes on its way out, and on its way in. */
const HOOKS: Readonly<Record<string, "input" | "output">> = {
  prerouting: "input",
  input: "input",
  output: "output",
  postrouting: "output",
};
const FAMILIES = new Set(["inet", "ip", "ip6"]);

interface Chain {
  family: string;
  table: string;
  name: string;
  hook: "input" | "output" | null;
  policy: string | null;
  /** Rules that drop, and the chains that rules lead to. */
  drops: string[];
  leads: Set<string>;
}

/**
 * Of nft(8)'s ruleset as JSON (libnftables-json(5)).
 *
 * @returns One place for each chain that packets enter by and in which, or behind which, something drops.
 */
export function placesOfNft(json: string): FilterPlace[] {
  const chains = new Map<string, Chain>();
  const key = ({ family, table }: { family: string; table: string }, name: string) =>
    `${family} ${table} ${name}`;
  let items: Record<string, Record<string, unknown>>[];
  try {
    items = JSON.parse(json).nftables ?? [];
  } catch {
    return [];
  }
  for (const { chain } of items) {
    if (!chain || !FAMILIES.has(String(chain.family))) continue;
    const at = { family: String(chain.family), table: String(chain.table) };
    const name = String(chain.name);
    chains.set(key(at, name), {
      ...at,
      name,
      // Chains of type nat never see most packets, those of type route do not drop.
      hook: chain.type === "nat" ? null : HOOKS[String(chain.hook)] ?? null,
      policy: chain.policy === undefined ? null : String(chain.policy),
      drops: [],
      leads: new Set(),
    });
  }
  for (const { rule } of items) {
    if (!rule) continue;
    const at = { family: String(rule.family), table: String(rule.table) };
    const chain = chains.get(key(at, String(rule.chain)));
    if (!chain) continue;
    const { verdicts, targets } = verdictsOf(rule.expr);
    for (const target of targets) chain.leads.add(key(at, target));
    if (verdicts.size > 0) {
      const comment = rule.comment === undefined ? "" : ` (${rule.comment})`;
      chain.drops.push(
        `${[...verdicts].join(" or ")} in ${at.family} ${at.table} ${chain.name}, handle ` +
          `${rule.handle}${comment}`,
      );
    }
  }
  return places(chains).map((place) => ({ tool: "nft", ...place }));
}

/** What a rule's expressions may do, however deep: a verdict can be in a map. */
function verdictsOf(expression: unknown): { verdicts: Set<string>; targets: Set<string> } {
  const verdicts = new Set<string>();
  const targets = new Set<string>();
  const walk = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === "drop" || name === "reject") verdicts.add(name);
      else if ((name === "jump" || name === "goto") && typeof inner?.target === "string") {
        targets.add(inner.target);
      } else walk(inner);
    }
  };
  walk(expression);
  return { verdicts, targets };
}

/**
 * Of what iptables-save(8) and its relatives write.
 *
 * @param tool Whose rules they are.
 */
export function placesOfIptables(tool: IptablesTool, text: string): FilterPlace[] {
  const chains = new Map<string, Chain>();
  const family = tool.startsWith("ip6") ? "ip6" : "ip";
  let table = "filter";
  for (const line of text.split("\n")) {
    const [, begun] = /^\*(\S+)/.exec(line) ?? [];
    if (begun) table = begun;
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared) {
      const [, name, policy] = declared;
      chains.set(`${table} ${name}`, {
        family,
        table,
        name,
        hook: table === "nat" ? null : HOOKS[name.toLowerCase()] ?? null,
        policy: policy.toLowerCase(),
        drops: [],
        leads: new Set(),
      });
      continue;
    }
    const rule = /^-A (\S+) (?:.* )?-[jg] (\S+)/.exec(line);
    const chain = rule && chains.get(`${table} ${rule[1]}`);
    if (!chain) continue;
    if (rule[2] === "DROP" || rule[2] === "REJECT") chain.drops.push(`${tool} ${line}`);
    else chain.leads.add(`${table} ${rule[2]}`);
  }
  return places(chains).map((place) => ({ tool, ...place }));
}

function places(chains: ReadonlyMap<string, Chain>): Omit<FilterPlace, "tool">[] {
  return [...chains.values()].flatMap((chain) => {
    if (chain.hook === null) return [];
    const rules = new Set<string>();
    const visited = new Set<Chain>();
    const visit = (at: Chain | undefined) => {
      if (!at || visited.has(at)) return;
      visited.add(at);
      for (const drop of at.drops) rules.add(drop);
      for (const lead of at.leads) visit(chains.get(lead));
    };
    visit(chain);
    const { family, table, name, hook, policy } = chain;
    if (policy === "drop") rules.add(`policy drop of ${family} ${table} ${name}`);
    return rules.size > 0 ? [{ family, table, chain: name, hook, rules: [...rules] }] : [];
  });
}
