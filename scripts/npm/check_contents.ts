/** What is in the package, and what is not. */
import { assert, assertEquals } from "@std/assert";
import path from "node:path";
import type { Check, Consumer } from "./check.ts";
import { description, name, root } from "./package.ts";

/** In bytes; some half more than it was when this was written. */
const LIMITS = { size: 400_000, unpackedSize: 1_400_000 };

export function contentChecks({ folder, packed }: Consumer): Check[] {
  const installed = (file: string) =>
    Deno.readTextFile(path.join(folder, "node_modules", name, file));
  return [
    {
      name: "the package holds modules, their types and its papers, and is small",
      run() {
        const strangers = packed.files.map((file) => file.path).filter((file) =>
          !/^esm\/[\w/]+\.(?:js|d\.ts)$/.test(file) &&
          !["package.json", "README.md", "LICENSE", "CHANGELOG.md"].includes(file)
        );
        assertEquals(strangers, []);
        for (const [what, limit] of Object.entries(LIMITS)) {
          const size = packed[what as keyof typeof LIMITS];
          assert(size < limit, `${what} is ${size} of at most ${limit} bytes`);
        }
        return Promise.resolve();
      },
    },
    {
      name: "package.json is the one described, with no scripts and three dependencies",
      async run() {
        const found = JSON.parse(await installed("package.json"));
        assertEquals(found, JSON.parse(JSON.stringify(description())));
        const dependencies = ["koffi", "dns-packet", "fast-xml-parser"];
        assertEquals([found.scripts, Object.keys(found.dependencies)], [undefined, dependencies]);
      },
    },
    {
      name: "the licence is MIT, and there",
      async run() {
        const { license } = JSON.parse(await installed("package.json"));
        const text = await installed("LICENSE");
        assertEquals(license, "MIT");
        assertEquals(text, await Deno.readTextFile(path.join(root, "LICENSE")));
        assert(text.startsWith("MIT License"), text);
      },
    },
    {
      name: "modules import by the names that the files have, and examples by the package's",
      async run() {
        for (const { path: file } of packed.files) {
          if (!file.startsWith("esm/")) continue;
          const text = await installed(file);
          const wrong = text.match(/(?:from |import\()"(?:\.[^"]*\.ts|jsr:[^"]*|@pktinfo[^"]*)"/);
          assertEquals(wrong?.[0], undefined, file);
        }
      },
    },
  ];
}
