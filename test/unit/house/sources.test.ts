import assert from "node:assert/strict";
import test from "node:test";
import { countTests, findImports } from "../../house/sources.ts";

const names = (source: string) => findImports(source).map(({ specifier }) => specifier);

const forms: Record<string, { source: string; expected: (string | undefined)[] }> = {
  "a plain import": { source: 'import a from "x";', expected: ["x"] },
  "an import of types": { source: 'import type { A } from "./a.ts";', expected: ["./a.ts"] },
  "an import for its effect": { source: "import 'x'", expected: ["x"] },
  "an import over several lines": {
    source: 'import {\n  a, // from "nowhere"\n  b as from,\n} from "./b.ts";',
    expected: ["./b.ts"],
  },
  "an import of a whole module": { source: 'import * as a from "x"', expected: ["x"] },
  "a dynamic import": { source: 'const a = await import("./a.ts");', expected: ["./a.ts"] },
  "a dynamic import of a plain template": { source: "import(`./a.ts`)", expected: ["./a.ts"] },
  "a dynamic import of a computed name": {
    source: `import(name); import(\`./\${n}.ts\`)`,
    expected: [undefined, undefined],
  },
  "a type written as an import": { source: 'let a: import("./a.ts").A;', expected: ["./a.ts"] },
  "an export from elsewhere": {
    source:
      'export { a } from "./a.ts"; export * from "./b.ts"; export * as c from "./c.ts"; export type { D } from "./d.ts";',
    expected: ["./a.ts", "./b.ts", "./c.ts", "./d.ts"],
  },
  "a worker": {
    source: 'new Worker(new URL("./worker.ts", import.meta.url), { name: "x" });',
    expected: ["./worker.ts"],
  },
  "a required module": { source: 'const a = require("a");', expected: ["a"] },
  "an import inside a template": {
    source: `\`\${await import('./a.ts')} \${\`\${import('./b.ts')}\`}\``,
    expected: ["./a.ts", "./b.ts"],
  },
  "an import after a regular expression with quotes": {
    source: "const r = /['\"`/]/g; const s = a / b / c;\nimport x from 'x';",
    expected: ["x"],
  },
};

for (const [form, { source, expected }] of Object.entries(forms)) {
  test(`${form} is found`, () => assert.deepEqual(names(source), expected));
}

test("what only looks like an import is not one", () => {
  const source = [
    '// import a from "a"',
    '/* import b from "b";\n export * from "b" */',
    "const text = 'import c from \"c\"';",
    `const template = \`import d from "d" \${1 + 1} import("e")\`;`,
    'const url = import.meta.url; loader.import("f"); const g = { import: 1, from: "g" };',
    'export const h = { i: "i" }; export { h as from }; const j = "j";',
    'export type K = { from: "k" };',
    'new URL("http://l"); new URL("./m.json", import.meta.url);',
  ].join("\n");
  assert.deepEqual(names(source), []);
});

test("a found import carries the line where its statement begins", () => {
  assert.deepEqual(findImports('`\n\n`;\n/*\n*/ import {\n a } from "x";'), [{ specifier: "x", line: 5 }]);
});

test("tests are counted as they are written, in suites and with options", () => {
  const source =
    'test("a", f);\ndescribe("s", () => { it("b", f); test.skip("c", f); });\n/re/.test("d"); // test("e")';
  assert.equal(countTests(source), 2);
});
