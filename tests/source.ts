/** Enough of a TypeScript reader to ask what a source file imports and which names it uses as code. */

export interface Token {
  kind: "word" | "string" | "other";
  /** A string's text is without its quotes. */
  text: string;
  line: number;
}

// After one of these a slash begins a regular expression; elsewhere it divides.
const beforeRegExp =
  /^(?:[(,=:[!&|?{;+\-*%~<>^]|return|typeof|case|in|of|delete|void|throw|await|yield|else|do)$/;

/** Splits a source text into words, strings and the rest. Comments and regular expressions are left out. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  // One entry for every open `${`: how many braces have been opened inside of it.
  const templates: number[] = [];
  let at = 0, line = 1;

  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0] ?? null;
    if (found !== null) {
      at += found.length;
      line += found.split("\n").length - 1;
    }
    return found;
  };
  const push = (kind: Token["kind"], text: string, started = line) =>
    tokens.push({ kind, text, line: started });
  /** The text of a template up to its end or to the next `${`. */
  const template = () => {
    const started = line;
    push("string", take(/(?:[^\\`$]|\\[^]|\$(?!\{))*/y) ?? "", started);
    if (take(/\$\{/y) !== null) templates.push(0);
    else at++;
  };

  while (at < source.length) {
    if (take(/\s+|\/\/.*|\/\*[^]*?\*\//y) !== null) continue;
    const started = line;
    const word = take(/#?[\p{ID_Start}$_][\p{ID_Continue}$]*/yu);
    if (word !== null) {
      push("word", word);
      continue;
    }
    const string = take(/"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y);
    if (string !== null) {
      push("string", string.slice(1, -1), started);
      continue;
    }
    if (take(/`/y) !== null) {
      template();
      continue;
    }
    const last = tokens.at(-1);
    if (last === undefined || (last.kind !== "string" && beforeRegExp.test(last.text))) {
      if (take(/\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y) !== null) {
        push("other", "/…/");
        continue;
      }
    }
    if (take(/\d[\w.]*/y) !== null) {
      push("other", "0");
      continue;
    }
    const character = source[at++];
    const depth = templates.length - 1;
    if (character === "{" && depth >= 0) templates[depth]++;
    if (character === "}" && depth >= 0 && templates[depth]-- === 0) {
      templates.pop();
      template();
      continue;
    }
    push("other", character);
  }
  return tokens;
}

/** The module specifiers of all imports and re-exports, types included. */
export function importsOf(tokens: readonly Token[]): Token[] {
  return tokens.filter((token, index) => {
    if (token.kind !== "string") return false;
    const [first, second] = [tokens[index - 1], tokens[index - 2]];
    if (first?.kind === "word") return first.text === "from" || first.text === "import";
    return first?.text === "(" && second?.kind === "word" && second.text === "import";
  });
}
