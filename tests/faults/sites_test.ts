// Every call that the library makes, failing for every reason, once and for good: the right error or the right retry.
import { assert, assertEquals } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import { openUdpSocket } from "../../mod.ts";
import { figure, long, thorough } from "../figures.ts";
import { notOn, test } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { lo } from "../kernel/support.ts";
import { ERRNOS, isTried, rowOf } from "./outcomes.ts";
import { type Peers, type Run, runScenario, type Scenario } from "./run.ts";
import { SCENARIOS, SINK_GROUP } from "./scenarios.ts";
import { type Fault, FaultPlan, type Site } from "./schedule.ts";

/** All of them in the complete run; otherwise every so many, so that each test of a stage has its share. */
const STRIDE = long || thorough ? 1 : 11;
const MODES = ["once", "always"] as const;
/** How often these are called depends on when the event loop has its turn: of each the first ones. */
const TIMED = /^(?:recvm?msg|recv$|epoll_ctl|read|write)/;
const TIMED_CALLS = 2;

/** Those that fail: what was recorded without a fault. */
function sitesOf(plan: FaultPlan, all: boolean): Site[] {
  const first = (label: string) => all ? 0 : plan.opened.get(label) ?? 0;
  return plan.sites(all).filter(({ label, nth }) =>
    !TIMED.test(label) || nth - first(label) <= TIMED_CALLS
  );
}

function judge(fault: Fault, scenario: string, opening: boolean, run: Run, clean: Run): void {
  const { outcomes, syscall, code } = rowOf(fault, scenario, opening);
  const { outcome } = run;
  // Errors that came without the fault, too, say nothing about it.
  const found = outcome === "told" && run.told <= clean.told ? "same" : outcome;
  assert(
    outcomes.includes(found) || (found === "same" && outcomes.includes("told") && clean.told > 0),
    `came to "${found}", not to ${outcomes.join(" or ")}: ${
      run.refusals[0]?.error ?? run.lastTold
    }`,
  );
  assertEquals(run.said, clean.said);
  for (const { error, about } of run.refusals) {
    assert(error instanceof SocketError);
    assertEquals(error.code, code, error.message);
    assert(syscall.test(error.syscall), error.message);
    assert(error.errno === 0 || error.errno === run.plan.library.system.errnoOf(error.code));
    // What the call was about; setting an option for a datagram is about the socket.
    if (!/^(?:send|connect|setsockopt\(MCAST)/.test(error.syscall)) continue;
    for (const [what, value] of Object.entries(about)) {
      assertEquals(error[what as keyof typeof about], value, error.message);
    }
  }
}

async function explore(name: string, scenario: Scenario, peers: Peers) {
  let plan = new FaultPlan(new FakeLibrary());
  const clean = await runScenario(plan, peers, scenario, null);
  assert(clean.outcome === "same" || clean.outcome === "told");
  const sites = sitesOf(plan, /^a socket|^the interfaces/.test(name));
  const opened = plan.opened;
  let count = 0;
  let tried = 0;
  let reached = 0;
  const failures: string[] = [];
  for (const site of sites) {
    for (const errno of ERRNOS) {
      for (const mode of MODES) {
        const fault: Fault = { ...site, errno, mode };
        if (!isTried(fault, name) || count++ % STRIDE !== 0) continue;
        tried++;
        try {
          const run = await runScenario(plan, peers, scenario, fault);
          if (plan.injected > 0) reached++;
          else assert(TIMED.test(site.label), "was not called");
          if (plan.injected > 0) {
            judge(fault, name, site.nth <= (opened.get(site.label) ?? 0), run, clean);
          }
        } catch (error) {
          const what = `${name}: ${site.label} no. ${site.nth}, ${errno ?? "no errno"} ${mode}`;
          failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
          // What it has left behind is not the next one's.
          plan = new FaultPlan(new FakeLibrary());
          if (failures.length === 10) throw new Error(failures.join("\n"));
        }
      }
    }
  }
  assertEquals(failures, []);
  assert(reached > tried * 0.9, `${reached} of ${tried} were reached`);
  return { sites: sites.length, tried };
}

const totals = { sites: 0, tried: 0 };

for (const [name, scenario] of Object.entries(SCENARIOS)) {
  test(`${name}: whichever call fails, for whatever reason, the end is right`, {
    needs: ["linux", "ipv6"],
    skip: notOn("qemu", "an imitated processor takes minutes for it"),
    timeout: 300_000,
  }, async () => {
    await using sink = openUdpSocket({ groups: [`${SINK_GROUP}@${lo.name}`] });
    await using source = openUdpSocket();
    const { sites, tried } = await explore(name, scenario, { sink, source });
    totals.sites += sites;
    totals.tried += tried;
  });
}

test("each kind of call was made to fail", { needs: ["linux", "ipv6"] }, () => {
  if (STRIDE > 1) return;
  // Another kernel, or a host of more interfaces, has some calls more or less.
  figure("faults", "calls of the scenarios that were made to fail", totals.sites);
  figure("faults", "errno values each of them failed with", ERRNOS.length, { exact: true });
  figure("faults", "runs with a call that fails", totals.tried);
  assert(totals.tried > totals.sites * ERRNOS.length, JSON.stringify(totals));
});
