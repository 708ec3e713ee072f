/** Reads the part of `deno test --junit-path` that the summary needs. */

/** What became of the tests of one run. */
export interface Tally {
  passed: number;
  /** Names of those that passed; none where a stage is no set of tests. */
  names?: string[];
  /** Names. */
  failed: string[];
  /** Names; the harness puts the reason into them. */
  skipped: string[];
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replaceAll(
    /&(?:(lt|gt|quot|apos|amp)|#(\d+)|#x([0-9a-fA-F]+));/g,
    (_, name, decimal, hex) => {
      if (name !== undefined) return entities[name];
      return String.fromCodePoint(decimal !== undefined ? Number(decimal) : parseInt(hex, 16));
    },
  );
}

/** Counts the test cases of a JUnit report. Markup in names and messages is always escaped there, so patterns do. */
export function readJunit(xml: string): Tally {
  const names: string[] = [];
  const tally: Tally = { passed: 0, names, failed: [], skipped: [] };
  for (
    const [, attributes, body = ""] of xml.matchAll(
      /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
    )
  ) {
    const name = unescape(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "(no name)");
    if (/<(failure|error)\b/.test(body)) tally.failed.push(name);
    else if (/<skipped\b/.test(body)) tally.skipped.push(name);
    else names.push(name);
  }
  tally.passed = names.length;
  return tally;
}
