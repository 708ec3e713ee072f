/** What both builds end with: everything in the package that is not compiled. */
import path from "node:path";
import { description, renamed, root } from "./package.ts";

function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const file = path.join(folder, name);
    if (isDirectory) yield* filesIn(file);
    else yield file;
  }
}

/** Changes the text of the compiled modules and their types; returns how many it changed. */
export async function rewrite(folder: string, change: (text: string) => string): Promise<number> {
  let changes = 0;
  for (const file of filesIn(path.join(folder, "esm"))) {
    const text = await Deno.readTextFile(file);
    const changed = change(text);
    if (changed === text) continue;
    await Deno.writeTextFile(file, changed);
    changes++;
  }
  return changes;
}

/** Makes a package of the folder in which there are the compiled modules, in `esm/`. */
export async function finish(folder: string): Promise<void> {
  await rewrite(folder, renamed);
  for (const file of ["README.md", "CHANGELOG.md", "LICENSE"]) {
    const text = await Deno.readTextFile(path.join(root, file));
    await Deno.writeTextFile(path.join(folder, file), renamed(text));
  }
  const text = JSON.stringify(description(), null, 2);
  await Deno.writeTextFile(path.join(folder, "package.json"), `${text}\n`);
}
