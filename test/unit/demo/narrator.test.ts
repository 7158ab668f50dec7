import assert from "node:assert/strict";
import { test } from "node:test";
import { alignColumns, Narrator } from "../../../src/demo/narrator.ts";

test("columns stand under each other, without blanks at the end of a line", () => {
  assert.deepEqual(
    alignColumns([
      ["a", "bb", ""],
      ["ccc", "d", "e"],
    ]),
    ["a    bb", "ccc  d   e"],
  );
});

test("colour takes no width", () => {
  const red = "\u001b[31mx\u001b[39m";
  assert.deepEqual(
    alignColumns([
      [red, "1"],
      ["yy", "2"],
    ]),
    [`${red}   1`, "yy  2"],
  );
});

test("a figure outside its tolerance cannot be overlooked, with colour or without", () => {
  for (const hasColour of [false, true]) {
    let told = "";
    const narrator = new Narrator((text) => {
      told += text;
    }, hasColour);
    const figure = { layer: "link", expected: "1", measured: "2" };
    narrator.figures([
      { ...figure, what: "good", holds: true, deviation: 0.001 },
      { ...figure, what: "bad", holds: false, deviation: 1 },
    ]);
    assert.match(told, /NOT OK.*bad.*\+100\.0 %/);
    assert.match(told, /ok.*good.*\+0\.1 %/);
  }
});
