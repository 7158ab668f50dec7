import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { readAgentConfig } from "../../../src/agent/config-file.ts";

/** A folder that is gone at the end, and a file in it when there is a text for it. */
function makeFile(text?: string) {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-config-"));
  const path = join(folder, "config.yaml");
  if (text !== undefined) writeFileSync(path, text);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

test("without a file at the default path the defaults hold, and that there is none is told", async () => {
  using file = makeFile();
  const { config, path, isThere } = await readAgentConfig(undefined, file.path);
  assert.deepEqual([config.pools, path, isThere], [[], file.path, false]);
});

test("a file at the default path is read", async () => {
  using file = makeFile("pools: []\n");
  const { path, isThere } = await readAgentConfig(undefined, file.path);
  assert.deepEqual([path, isThere], [file.path, true]);
});

test("a file that somebody named must be there", async () => {
  using file = makeFile();
  await assert.rejects(readAgentConfig(file.path), { code: "not-found" });
});

test("what is no YAML is told in one line that names the place", async () => {
  using file = makeFile("pools:\n  - name: [\n");
  await assert.rejects(readAgentConfig(file.path), (error: Error & { code: string }) => {
    assert.equal(error.code, "invalid");
    assert.match(error.message, /config\.yaml: not YAML: .* at line \d+, column \d+$/);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
});
