/** Finds the names of tests in their files' text, for documents that name tests. */

/** The names of the tests that a file declares; what a template fills in may be anything. */
export function namesIn(source: string): RegExp[] {
  const declared = /\btest\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)/g;
  return [...source.matchAll(declared)].map(([, literal]) => {
    const parts = literal.slice(1, -1).split(literal[0] === "`" ? /\$\{[^}]*\}/ : /$^/);
    const exact = parts.map((part) =>
      part.replaceAll(/\\(.)/g, "$1").replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")
    );
    return new RegExp(`^${exact.join(".*")}$`);
  });
}
