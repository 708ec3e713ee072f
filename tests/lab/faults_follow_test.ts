// A group that is joined everywhere while calls fail: it is joined where it can be, follows, and says what it could not do.
import { assert, assertEquals } from "@std/assert";
import { SocketError } from "../../ffi/errors.ts";
import { openUdpSocket } from "../../mod.ts";
import { figure, long } from "../figures.ts";
import { ERRNOS } from "../faults/outcomes.ts";
import { type Run, runScenario } from "../faults/run.ts";
import { type Fault, FaultPlan, type Site } from "../faults/schedule.ts";
import { test, type TestOptions } from "../harness.ts";
import { FakeLibrary } from "../kernel/fake_library.ts";
import { atOnce, joinedOn } from "./events.ts";
import { Lab } from "./lab.ts";
import "./sockets.ts"; // loads the library before the first test

const needs: TestOptions = { needs: ["lab"], timeout: 600_000 };

/** Each run makes an interface and deletes it, which takes its time. */
const STRIDE = long ? 1 : 11;

/** How often these are called depends on how the kernel's news come together, and on when anybody looks. */
const TIMED = /^(?:recv|epoll_ctl|read|write)/;

const GROUPS = ["239.1.2.3", "ff15::1234"];
const bridge = (
  name: string,
) => [`link add ${name} type bridge`, `link set ${name} multicast on up`];

/** The calls of the last run, as long as they could fail. */
let made: Site[] = [];

/** Joins everywhere, has an interface come and go, and joins once more. */
async function following(run: Run): Promise<void> {
  const socket = await run.open({ onError: () => {} });
  for (const group of GROUPS) await run.step(`join ${group}`, () => void socket.join(group));
  atOnce(bridge("three0"));
  // The kernel has said it by now; who joins hears of it first.
  await run.step("join another", () => void socket.join("239.1.2.4"));
  atOnce(["link del three0"]);
  await run.step("join a third", () => void socket.join("239.1.2.5"));
  await run.step("leave", () => socket.leave(GROUPS[0]));
  // Whatever could not be done before, now it can be.
  made = run.plan.sites(false);
  run.plan.lift();
  for (const group of GROUPS) {
    const membership = socket.join(group);
    assertEquals(joinedOn(membership), ["one0", "two0"], group);
    assertEquals(membership.failed, []);
  }
  await run.close(socket);
}

test("a group that is joined everywhere, whichever call fails", needs, async () => {
  await using _lab = new Lab();
  atOnce([...bridge("one0"), ...bridge("two0")]);
  await using sink = openUdpSocket();
  await using source = openUdpSocket();
  const peers = { sink, source };
  let plan = new FaultPlan(new FakeLibrary());
  const clean = await runScenario(plan, peers, following, null);
  assertEquals([clean.outcome, clean.told], ["same", 0]);
  const sites = made.filter(({ label }) => !label.startsWith("close("));
  let count = 0;
  let runs = 0;
  const failures: string[] = [];
  for (const site of sites) {
    for (const errno of ERRNOS) {
      for (const mode of ["once", "always"] as const) {
        const fault: Fault = { ...site, errno, mode };
        if (count++ % STRIDE !== 0) continue;
        runs++;
        try {
          const run = await runScenario(plan, peers, following, fault);
          assert(plan.injected > 0 || TIMED.test(site.label), "was not called");
          // Nobody is refused a group for what happens on one interface: it is told.
          const steps = run.refusals.map(({ step }) => step);
          assert(run.waited === 0 && steps.every((step) => step === "leave"), `${steps}`);
          if (run.outcome === "told") assert(run.lastTold instanceof SocketError);
        } catch (error) {
          const what = `${site.label} no. ${site.nth}, ${errno ?? "no errno"} ${mode}`;
          failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
          try {
            atOnce(["link del three0"]);
          } catch {
            // It was not there yet, or not any more.
          }
          plan = new FaultPlan(new FakeLibrary());
          if (failures.length === 10) throw new Error(failures.join("\n"));
        }
      }
    }
  }
  assertEquals(failures, []);
  figure("faults", "calls of a following membership that were made to fail", sites.length);
  if (long) figure("faults", "runs of a following membership with a call that fails", runs);
});
