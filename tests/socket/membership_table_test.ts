// The table of memberships against a plain list, with pairs that share a hash.
import { assert, assertEquals } from "@std/assert";
import { type Entry, MembershipTable, same, type Words } from "../../socket/membership_table.ts";
import { pick, randomWords } from "../address/random.ts";
import { test } from "../harness.ts";

const words = (w0: number, w1 = 0, w2 = 0, w3 = 0): Words => ({ w0, w1, w2, w3 });

/**
 * Groups of one hash, an exclusive or of products with odd numbers: the same high bit in two words cancels itself out.
 * The last one has a hash of its own.
 */
const GROUPS = [
  words(0xff020000, 0, 0, 1),
  words(0xff020000, 0x80000000, 0x80000000, 1),
  words(0xff020000, 0x40000000, 0x40000000, 1),
  words(0xff020000, 0, 0, 2),
];
const INTERFACES = [1, 2];
const SENDERS = [words(0x0a000001), words(0x0a000002), words(0x0a000003)];

interface Joined {
  group: Words;
  index: number;
  source: Words | null;
}

test("groups of one hash are told apart, whichever leaves first", () => {
  const [first, second, third] = GROUPS;
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
    const table = new MembershipTable();
    const groups = [first, second, third];
    const entries = groups.map((group) => table.add(group, 7, null));
    // What makes this a test: they are in one list.
    assertEquals(entries.map(({ next }) => next), [null, entries[0], entries[1]]);
    const left = new Set<Entry>();
    for (const at of order) {
      table.drop(entries[at], null);
      left.add(entries[at]);
      assertEquals(
        groups.map((group) => table.find(group, 7)),
        entries.map((entry) => left.has(entry) ? undefined : entry),
      );
    }
    assertEquals(table.group(first), undefined);
  }
});

test("joining and leaving in any order is as a list of memberships has it", () => {
  const next = randomWords(0x7ab1e);
  const table = new MembershipTable();
  const list: (Joined & { entry: Entry })[] = [];
  const wanted = (group: Words, index: number, sender: Words) =>
    list.some((one) =>
      one.index === index && same(one.group, group) &&
      (one.source === null || same(one.source, sender))
    );
  let accepted = 0;
  for (let step = 0; step < 1500; step++) {
    if (list.length > 0 && next() % 20 < list.length) {
      const [{ entry, source }] = list.splice(next() % list.length, 1);
      table.drop(entry, source);
    } else {
      const [group, index] = [pick(next, GROUPS), pick(next, INTERFACES)];
      const known = list.find((one) => one.index === index && same(one.group, group));
      // For any sender or for some: a socket allows no pair both.
      const any = known ? known.source === null : next() % 2 === 0;
      const source = any ? null : pick(next, SENDERS);
      list.push({ group, index, source, entry: table.add(group, index, source) });
    }
    for (const group of GROUPS) {
      const of = list.filter((one) => same(one.group, group));
      assertEquals(
        table.group(group)?.entries.size ?? 0,
        new Set(of.map(({ index }) => index)).size,
      );
      const senders = new Set(of.flatMap(({ source }) => source ?? []));
      assertEquals(new Set(table.group(group)?.sources.map(({ words }) => words)), senders);
      for (const index of INTERFACES) {
        for (const sender of SENDERS) {
          const answer = table.accepts(group, index, sender);
          assert(answer === wanted(group, index, sender), `step ${step}`);
          if (answer) accepted++;
        }
      }
    }
  }
  assert(accepted > 0);
});
