// What the smaller benchmarks share.
const encoder = new TextEncoder();

export function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Several `ip` commands in one process. */
export async function ip(commands: readonly string[]): Promise<void> {
  const child = new Deno.Command("ip", { args: ["-batch", "-"], stdin: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encoder.encode(commands.join("\n") + "\n"));
  await writer.close();
  if (!(await child.status).success) throw new Error("ip failed");
}
