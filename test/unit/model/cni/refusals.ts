import assert from "node:assert/strict";
import { InvalidObjectError } from "../../../../src/model/validation.ts";

/** The messages of every mistake that is told; none where nothing is refused. */
export function mistakesOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof InvalidObjectError, String(error));
    assert.equal(error.code, "invalid");
    return error.mistakes.map(({ message }) => message);
  }
  return [];
}
