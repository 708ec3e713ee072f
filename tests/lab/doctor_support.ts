/** A host on which multicast works, to be broken; and what the doctor has to say about it. */
import { assertEquals } from "@std/assert";
import { diagnose, type DiagnoseOptions, type Diagnosis, type Finding } from "../../doctor/mod.ts";
import { type Host, Lab } from "./lab.ts";

/** How long the kernel may take to be done with a remedy: duplicate address detection needs seconds. */
const HEALING_MS = 10_000;
const LOOK_AGAIN_MS = 100;

/** What a finding is about. */
export type Expected = Pick<Finding, "id" | "level" | "interface"> & Partial<Finding>;

/** Here with eth0 (10.1.0.1, fd01::1) towards `a` and eth1 (10.2.0.1, fd02::1) towards `b`, and a default route. */
export interface HealthyHost {
  lab: Lab;
  here: Host;
  a: Host;
  b: Host;
}

/** Builds it, with duplicate address detection or without. */
export async function healthyHost(
  duplicateAddressDetection = false,
): Promise<HealthyHost & AsyncDisposable> {
  const options = { duplicateAddressDetection };
  const lab = new Lab(options);
  const { here } = lab;
  try {
    const [a, b] = [await lab.host("a", options), await lab.host("b", options)];
    const host = { lab, here, a, b, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
    const cable = (number: number, host: Host) =>
      lab.link(
        { host: here, name: `eth${number - 1}`, addresses: addresses(number, 1) },
        { host, name: "eth0", addresses: addresses(number, 100) },
      );
    // One after the other: findings come in the order of the interfaces' indexes.
    await cable(1, a);
    await cable(2, b);
    for (const name of ["eth0", "eth1"]) await here.linkLocal(name);
    await lab.ip("route add default via 10.1.0.100 dev eth0");
    return host;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

function addresses(network: number, host: number): string[] {
  return [`10.${network}.0.${host}/24`, `fd0${network}::${host}/64`];
}

/** The findings that make a host unhealthy. */
export function serious({ findings }: Diagnosis): Finding[] {
  return findings.filter(({ level }) => level !== "note");
}

/** The same without words, to be compared. */
export function brief(findings: readonly Expected[]): string[] {
  return findings.map(({ id, level, interface: name, family }) =>
    [level, id, name ?? "-", family ?? "-"].join(" ")
  );
}

/** Asserts that nothing is wrong. */
export async function assertHealthy(options?: DiagnoseOptions): Promise<Diagnosis> {
  const diagnosis = await diagnose(options);
  assertEquals(brief(serious(diagnosis)), [], JSON.stringify(serious(diagnosis), null, 2));
  assertEquals(diagnosis.healthy, true);
  return diagnosis;
}

/** Waits until nothing is wrong any more. */
export async function assertHeals(options?: DiagnoseOptions): Promise<void> {
  for (const end = Date.now() + HEALING_MS;;) {
    const { healthy } = await diagnose(options);
    if (healthy) return;
    if (Date.now() > end) return void await assertHealthy(options);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Asserts what is found, executes the remedies as a shell would, and asserts that nothing is wrong any more. */
export async function assertFindsAndHeals(
  host: Host,
  expected: readonly Expected[],
  options?: DiagnoseOptions,
): Promise<Finding[]> {
  const diagnosis = await diagnose(options);
  const found = serious(diagnosis);
  assertEquals(brief(found), brief(expected), JSON.stringify(diagnosis, null, 2));
  assertEquals(diagnosis.healthy, false);
  for (const { id, remedy } of found) {
    if (!remedy) throw new Error(`${id} has no remedy`);
    for (const command of remedy.commands) await host.run("sh", ["-c", command]);
  }
  await assertHeals(options);
  return found;
}
