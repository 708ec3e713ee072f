/**
 * Tries what `--allow-ffi` opens and what stays shut, under the permissions it was started with; reports in one line of
 * JSON. Arguments: the path of libc, another library, a file.
 */
// deno-lint-ignore-file no-console
import process from "node:process";

const [libc, other, file] = process.argv.slice(2);

/** "done", or why not. */
function attempt(what: () => unknown): string {
  try {
    what();
    return "done";
  } catch (error) {
    return (error as Error).name;
  }
}

/** Reads a file by C: what code that may call C can do, whatever else it may not. */
function readByC(): string {
  const { symbols } = Deno.dlopen(libc, {
    fopen: { parameters: ["buffer", "buffer"], result: "usize" },
    fread: { parameters: ["buffer", "usize", "usize", "usize"], result: "usize" },
    fclose: { parameters: ["usize"], result: "i32" },
  });
  const text = (value: string) => new TextEncoder().encode(`${value}\0`);
  const stream = symbols.fopen(text(file), text("r"));
  const bytes = new Uint8Array(100);
  const length = Number(symbols.fread(bytes, 1n, 100n, stream));
  symbols.fclose(stream);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

const report = {
  libc: attempt(() => Deno.dlopen(libc, {}).close()),
  other: attempt(() => Deno.dlopen(other, {}).close()),
  pointer: attempt(() => Deno.UnsafePointer.create(0n)),
  view: attempt(() => Deno.UnsafePointerView.getCString(null as unknown as Deno.PointerObject)),
  read: attempt(() => Deno.readTextFileSync(file)),
  write: attempt(() => Deno.writeTextFileSync(file, "overwritten")),
  env: attempt(() => Deno.env.get("HOME")),
  sys: attempt(() => Deno.hostname()),
  run: attempt(() => new Deno.Command("true").outputSync()),
  net: attempt(() => Deno.listen({ port: 0 }).close()),
  byC: "",
};
try {
  report.byC = readByC();
} catch (error) {
  report.byC = (error as Error).name;
}
console.log(JSON.stringify(report));
