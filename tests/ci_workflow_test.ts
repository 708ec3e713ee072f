// The workflow runs where we cannot: what it calls must at least be there.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import path from "node:path";
import { nodeMajors } from "../scripts/machines/node.ts";
import { output } from "../scripts/npm/package.ts";
import { test } from "./harness.ts";

const read = (path: string) => fs.readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const workflow = read(".github/workflows/ci.yml");
const { tasks } = JSON.parse(read("deno.json"));

/** Each `run:` with the name of the job that it belongs to. */
function commands(): { job: string; command: string }[] {
  const found: { job: string; command: string }[] = [];
  let job = "";
  for (const line of workflow.slice(workflow.indexOf("\njobs:\n")).split("\n")) {
    job = /^ {2}(\w+):$/.exec(line)?.[1] ?? job;
    const command = /^\s+(?:- )?run: (.+)$/.exec(line)?.[1];
    if (command) found.push({ job, command });
  }
  return found;
}

test("every task that the workflow runs exists, and each job that tests runs one", () => {
  const jobs = new Map<string, string[]>();
  for (const { job, command } of commands()) {
    const names = [...command.matchAll(/\bdeno(?:@[\d.]+)? task ([\w:]+)/g)].map(([, name]) =>
      name
    );
    jobs.set(job, [...jobs.get(job) ?? [], ...names]);
  }
  assertEquals([...jobs], [
    ["test", ["test", "test"]],
    ["node", ["demo", "npm", "npm:check"]],
    ["bun", ["demo", "npm", "npm:check"]],
    ["dnt", ["npm:dnt", "npm:check"]],
    ["publish", ["npm:dnt", "npm:check"]],
  ]);
  for (const name of [...jobs.values()].flat()) {
    assert(name in tasks, `deno.json has no task ${name}`);
  }
});

test("the workflow takes the Deno that .ci/run and the README take", () => {
  const versions = (path: string) => new Set(read(path).match(/\bdeno@[\d.]+/g));
  const [wanted] = versions(".ci/run");
  for (const path of [".github/workflows/ci.yml", "README.md", ".ci/run"]) {
    assertEquals([...versions(path)], [wanted], path);
  }
});

test("what the workflow caches and publishes is where it looks", () => {
  for (const folder of ["machines", "npm"]) {
    assert(workflow.includes(`'scripts/${folder}/*.ts'`));
    assert(fs.existsSync(new URL(`../scripts/${folder}/`, import.meta.url)));
  }
  const { name, version, exports } = JSON.parse(read("deno.json"));
  assertEquals(name, "@pktinfo/pktinfo");
  assert(/^\d+\.\d+\.\d+$/.test(version));
  for (const file of Object.values<string>(exports)) read(file);
  const published = commands().filter(({ job }) => job === "publish").map(({ command }) => command);
  // Both only after the npm package has been checked.
  assertEquals(published.slice(-4), [
    "deno task npm:dnt",
    "deno task npm:check",
    "deno publish",
    "npm publish --provenance --access public",
  ]);
  assert(workflow.trimEnd().endsWith(`working-directory: ${path.basename(output)}`));
});

test("the workflow has each version of Node that the package is for", () => {
  assert(workflow.includes(`node: [${nodeMajors.join(", ")}]`));
});
