// What the project uses of others: named with its licence in docs/security.md, and pinned by a lock file.
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { ifCached } from "../scripts/machines/cache.ts";
import { cacheName } from "../scripts/machines/npm.ts";
import { lockFor, readLock } from "../scripts/machines/lock.ts";
import { versions as tools } from "../scripts/npm/check_tools.ts";
import { npmVersion } from "../scripts/npm/client.ts";
import { description, discoveryPackages, koffiVersion, nodeTypes } from "../scripts/npm/package.ts";
import { run } from "./lab/process.ts";
import { test } from "./harness.ts";

const root = new URL("..", import.meta.url);
const read = (name: string) => fs.readFileSync(new URL(name, root), "utf8");

interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, { integrity?: string }>;
}

const EXACT = /^\d+\.\d+\.\d+$/;
const denoLock: Lock = JSON.parse(read("deno.lock"));

const [, chapter] = read("docs/security.md").split("\n## Dependencies\n");
/** The rows of the table: name, version, licence. */
const rows = [...chapter.matchAll(/^\| `(\S+)`\s+\| (\d\S+)\s+\| (\S+)\s+\|/gm)]
  .map(([, name, version, licence]) => ({ name, version, licence }));

/** A package and its version as a lock file has them. */
function split(key: string): [name: string, version: string] {
  const at = key.lastIndexOf("@");
  return [key.slice(0, at), key.slice(at + 1)];
}

test("docs/security.md names every package that is used, in the version that is used", () => {
  const used = new Map<string, string>([
    ...Object.keys(denoLock.npm).map(split),
    ...discoveryPackages.map(({ name, version }) => [name, version] as [string, string]),
    ["koffi", koffiVersion],
    [nodeTypes.name, nodeTypes.version],
    ...Object.entries(tools),
    ["npm", npmVersion],
  ]);
  const named = new Map(rows.map(({ name, version }) => [name, version]));
  assertEquals(Object.fromEntries([...named].sort()), Object.fromEntries([...used].sort()));
});

test("the licences are those that the packages name themselves", async () => {
  const info = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  const registries = fs.existsSync(info.npmCache) ? fs.readdirSync(info.npmCache) : [];
  let seen = 0;
  for (const { name, version, licence } of rows) {
    const cached = ifCached(cacheName({ what: name, name, version }));
    const folders = [
      ...registries.map((registry) => path.join(info.npmCache, registry, name, version)),
      ...(cached === null ? [] : [cached]),
    ];
    const file = folders.map((folder) => path.join(folder, "package.json")).find(fs.existsSync);
    if (!file) continue;
    seen++;
    const said = JSON.parse(fs.readFileSync(file, "utf8"));
    assertEquals([name, said.version, said.license], [name, version, licence]);
  }
  // This very test has loaded one, and the build of the tests another.
  assert(seen >= 2, `${seen}`);
});

test("deno.json imports exact versions, and each has a digest in deno.lock", () => {
  const { imports } = JSON.parse(read("deno.json")) as { imports: Record<string, string> };
  for (const [name, specifier] of Object.entries(imports)) {
    if (specifier.startsWith("./")) continue;
    const [, wanted] = /^npm:((?:@[^/@]+\/)?[^/@]+@[^/]+)/.exec(specifier)!;
    assert(EXACT.test(split(wanted)[1]), `${name}: ${specifier}`);
    assert(wanted in denoLock.npm, `${wanted} is not in deno.lock`);
  }
});

test("every package in a lock file has a digest", () => {
  const locks = ["deno.lock", "scripts/machines/packages.lock", "scripts/machines/clients.lock"];
  for (const file of locks) {
    const { npm, specifiers } = JSON.parse(read(file)) as Lock;
    assert(Object.keys(npm).length > 0, file);
    for (const [name, { integrity }] of Object.entries(npm)) {
      assert(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ""), `${file}: ${name}`);
    }
    for (const [specifier, version] of Object.entries(specifiers)) {
      assert(EXACT.test(version), `${file}: ${specifier}`);
    }
  }
});

test("packages.lock has what packages.json names, and the tests' packages with what they need", () => {
  const { dependencies } = JSON.parse(read("scripts/machines/packages.json")) as {
    dependencies: Record<string, string>;
  };
  const lock = readLock();
  assertEquals(Object.keys(lock.specifiers).sort(), Object.values(dependencies).sort());
  const koffi = lockFor("koffi", koffiVersion);
  assert(`@koromix/koffi-linux-x64@${koffiVersion}` in koffi.npm);
  assertEquals(Object.keys(koffi.specifiers), [`npm:koffi@${koffiVersion}`]);
  assertEquals(Object.keys(lockFor("dns-packet", "5.6.1").npm).sort(), [
    "@leichtgewicht/ip-codec@2.0.5",
    "dns-packet@5.6.1",
  ]);
  for (const { name, version } of [nodeTypes, { name: "npm", version: npmVersion }]) {
    assert(`${name}@${version}` in lock.npm, name);
  }
});

test("what is downloaded in other versions than packages.lock has is refused before it is asked for", () => {
  let message = "";
  try {
    lockFor("koffi", "0.0.1");
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "koffi@0.0.1 is not in scripts/machines/packages.lock");
});

test("the npm package asks for three packages, from these versions on, and runs nothing when it is installed", () => {
  const { dependencies, scripts, optionalDependencies, peerDependencies } = description();
  assertEquals(dependencies, {
    koffi: `^${koffiVersion}`,
    ...Object.fromEntries(discoveryPackages.map(({ name, version }) => [name, `^${version}`])),
  });
  assertEquals([scripts, optionalDependencies, peerDependencies], [
    undefined,
    undefined,
    undefined,
  ]);
  assert(process.versions.deno !== undefined);
});
