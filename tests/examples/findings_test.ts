// What discovery clients remember: each thing told once, until it is gone, and never more than they should.
import { assertEquals } from "@std/assert";
import type { Found } from "../../examples/found.ts";
import { Findings } from "../../examples/shared/findings.ts";
import { staysPending, test, within } from "../harness.ts";

const thing = (name: string): Found => ({
  protocol: "ssdp",
  name,
  kind: "thing",
  address: "192.0.2.1:80",
  interface: "eth0",
});

async function next(changes: AsyncGenerator<Found>): Promise<Found> {
  return (await within(5_000, changes.next(), "a change")).value;
}

test("what is seen again is not told again", async () => {
  const findings = new Findings();
  const changes = findings.changes();
  for (const key of ["a", "b", "a", "b"]) findings.seen(key, thing(key), 60_000);
  assertEquals([(await next(changes)).name, (await next(changes)).name], ["a", "b"]);
  findings.seen("a", thing("a"), 60_000);
  const third = changes.next();
  assertEquals(await staysPending(50, third), true);
  findings.end();
  assertEquals((await third).done, true);
});

test("what says goodbye is told to be gone, if anybody has heard of it", async () => {
  const findings = new Findings();
  const changes = findings.changes();
  findings.seen("eth0 a 1", thing("a1"), Infinity);
  findings.seen("eth0 a 2", thing("a2"), Infinity);
  findings.seen("eth0 ab 1", thing("ab"), Infinity);
  assertEquals((await next(changes)).name, "a1");
  findings.gone("eth0 a ");
  assertEquals(await next(changes), thing("ab"));
  assertEquals(await next(changes), { ...thing("a1"), gone: true });
  assertEquals(findings.size, 1);
  findings.end();
});

test("what goes, comes and goes again while nobody reads is gone in the end", async () => {
  const findings = new Findings();
  const changes = findings.changes();
  findings.seen("a", thing("a"), 60_000);
  assertEquals(await next(changes), thing("a"));
  findings.gone("a");
  findings.seen("a", thing("a"), 60_000);
  findings.gone("a");
  findings.seen("b", thing("b"), 60_000);
  assertEquals(await next(changes), { ...thing("a"), gone: true });
  assertEquals(await next(changes), thing("b"));
  findings.end();
});

test("what is silent for its lifetime is gone; who speaks again in time lives on", async () => {
  const findings = new Findings();
  const changes = findings.changes();
  findings.seen("a", thing("a"), 30);
  findings.seen("b", thing("b"), 30);
  await next(changes);
  await next(changes);
  findings.seen("b", thing("b"), 60_000);
  assertEquals(await next(changes), { ...thing("a"), gone: true });
  assertEquals([findings.has("a"), findings.has("b")], [false, true]);
  findings.end();
});

test("who makes up a hundred thousand things makes nobody remember more than the limit", () => {
  const findings = new Findings(100);
  for (let n = 0; n < 100_000; n++) {
    findings.seen(`eth0 ${n} `, thing(String(n)), 60_000);
    if (n % 3 === 0) findings.gone(`eth0 ${n} `);
  }
  assertEquals(findings.size, 100);
  // All but the first hundred that stayed, and those that came and went before there were a hundred.
  assertEquals(findings.refused, 100_000 - 100 - 50);
  findings.end();
});

test("a flood of things that come and go leaves nothing behind for a reader who does not read", async () => {
  const findings = new Findings(100);
  const changes = findings.changes();
  for (let n = 0; n < 100_000; n++) {
    findings.seen(`eth0 ${n} `, thing(String(n)), 60_000);
    findings.gone(`eth0 ${n} `);
  }
  findings.seen("last", thing("last"), 60_000);
  assertEquals((await next(changes)).name, "last");
  findings.end();
});
