import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import test from "node:test";
import version from "../../../src/cli/commands/version.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";

test("version says what runs and on what", async () => {
  const stdout = new PassThrough();
  const table = { version: { summary: "", load: async () => ({ default: version }) } };
  assert.equal(await dispatch(["version", "-o", "json"], table, { stdout, stderr: new PassThrough() }), 0);
  const facts = JSON.parse(String(stdout.read()));
  assert.match(facts.lanyard, /^\d+\.\d+\.\d+$/);
  assert.equal(facts.node, process.versions.node);
});
