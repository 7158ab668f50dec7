/** A piece of TypeScript as far as the house's checks look at it. Comments and blanks are gone. */
interface Token {
  kind: "word" | "string" | "other";
  /** For a string, what stands between its quotes; otherwise the source text (one character for a sign). */
  text: string;
  line: number;
}

/** One place where a file names another. */
export interface SourceImport {
  /** As written; undefined when it is computed, so that nobody can say what it names. */
  specifier: string | undefined;
  /** Counted from 1. */
  line: number;
}

/** After these words a slash begins a regular expression; after any other word it divides. */
const WORDS_BEFORE_EXPRESSION = new Set(
  "return typeof case in of delete void throw new else do await yield instanceof".split(" "),
);

/**
 * Everything that makes one file depend on another: import and export-from statements, dynamic imports, types
 * written as import("x"), require("x"), and modules named by new URL("x.ts", import.meta.url), as a worker is.
 */
export function findImports(source: string): SourceImport[] {
  const tokens = tokenize(source);
  const found: SourceImport[] = [];
  const at = (index: number) => tokens[index]?.text;
  const isString = (index: number) => tokens[index]?.kind === "string";
  const add = (index: number, line: number) => found.push({ specifier: at(index), line });

  tokens.forEach((token, index) => {
    if (token.kind !== "word" || at(index - 1) === ".") return;
    if (token.text === "import") {
      if (isString(index + 1)) add(index + 1, token.line);
      else if (at(index + 1) === "(") {
        const isLiteral = isString(index + 2) && [")", ","].includes(at(index + 3) ?? "");
        found.push({ specifier: isLiteral ? at(index + 2) : undefined, line: token.line });
      } else if (tokens[index + 1]?.kind === "word" || ["{", "*"].includes(at(index + 1) ?? "")) {
        const from = findFrom(tokens, index + 1);
        if (from !== undefined) add(from, token.line);
      }
    } else if (token.text === "export") {
      const start = at(index + 1) === "type" ? index + 2 : index + 1;
      const end = at(start) === "{" ? tokens.findIndex((t, i) => i > start && t.text === "}") + 1 : start;
      const isReexport = at(start) === "*" || (at(start) === "{" && at(end) === "from" && isString(end + 1));
      const from = isReexport ? findFrom(tokens, end) : undefined;
      if (from !== undefined) add(from, token.line);
    } else if (token.text === "require" && at(index + 1) === "(" && isString(index + 2)) {
      add(index + 2, token.line);
    } else if (token.text === "URL" && at(index - 1) === "new" && isString(index + 2)) {
      const rest = [3, 4, 5, 6, 7, 8].map((offset) => at(index + offset)).join("");
      const isModule = /^\.{1,2}\/.*\.[cm]?[jt]s$/.test(at(index + 2) ?? "");
      if (isModule && rest.startsWith(",import.meta.url")) add(index + 2, token.line);
    }
  });
  return found;
}

/** How many tests a test file declares, as far as its text shows: those made in a loop count once. */
export function countTests(source: string): number {
  const tokens = tokenize(source);
  return tokens.filter(
    (token, index) =>
      token.kind === "word" &&
      (token.text === "test" || token.text === "it") &&
      tokens[index - 1]?.text !== "." &&
      tokens[index + 1]?.text === "(",
  ).length;
}

function findFrom(tokens: readonly Token[], start: number): number | undefined {
  for (let index = start; index < tokens.length && tokens[index]?.text !== ";"; index++) {
    if (tokens[index]?.text === "from" && tokens[index + 1]?.kind === "string") return index + 1;
  }
  return undefined;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  // For each template literal we are inside of, how many braces are open in its current ${...}.
  const templates: number[] = [];
  let position = 0;
  let line = 1;

  const take = (length: number): string => {
    const text = source.slice(position, position + length);
    position += length;
    for (const character of text) if (character === "\n") line++;
    return text;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    return pattern.exec(source)?.[0];
  };
  const push = (kind: Token["kind"], length: number, trim = 0): void => {
    const startLine = line;
    const text = take(length);
    tokens.push({ kind, text: text.slice(trim, text.length - trim), line: startLine });
  };
  // From a backtick, or the brace that ends a ${...}, to the next ${ or the closing backtick.
  const takeTemplatePiece = (isStart: boolean): void => {
    const piece = match(/[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/y) ?? "`";
    const isWhole = isStart && piece.endsWith("`");
    const goesOn = piece.endsWith("${");
    if (isStart && goesOn) templates.push(0);
    if (!isStart && !goesOn) templates.pop();
    if (isWhole) push("string", piece.length, 1);
    else push("other", piece.length);
  };

  while (position < source.length) {
    const blank = match(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/y);
    if (blank !== undefined) {
      take(blank.length);
      continue;
    }
    const quoted = match(/"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y);
    const word = match(/[\p{ID_Start}$_#@][\p{ID_Continue}$]*/uy) ?? match(/\d[\w.]*/y);
    const regex = beginsExpression(tokens.at(-1))
      ? match(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y)
      : undefined;
    const sign = source[position];
    const depth = templates.at(-1);

    if (quoted !== undefined) push("string", quoted.length, 1);
    else if (word !== undefined) push("word", word.length);
    else if (regex !== undefined) push("other", regex.length);
    else if (sign === "`") takeTemplatePiece(true);
    else if (sign === "}" && depth === 0) takeTemplatePiece(false);
    else {
      if (depth !== undefined && sign === "{") templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && sign === "}") templates[templates.length - 1] = depth - 1;
      push("other", 1);
    }
  }
  return tokens;
}

function beginsExpression(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  if (previous.kind === "word") return WORDS_BEFORE_EXPRESSION.has(previous.text);
  return previous.kind === "other" && !/^[)\]}]$|`$/.test(previous.text);
}
