import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { readAgentConfig, readDevicePluginConfig } from "../../../src/agent/config-file.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";

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

test("a pool with a mistake is told with the name of the file, and the others are read", async () => {
  using file = makeFile(
    "pools:\n  - {kind: hostDevice, name: a}\n  - {kind: hostDevice, name: b, links: [nic*]}\n",
  );
  const { config } = await readAgentConfig(file.path);
  assert.deepEqual(
    config.pools.map(({ name }) => name),
    ["b"],
  );
  assert.deepEqual(
    config.problems.map(({ place }) => place),
    [`${file.path} pools[0].links`],
  );
});

const defaults = { prefix: "intel.com", health: DEFAULT_HEALTH_POLICY };

test("a device plugin's configuration is JSON, in which a key may come twice, or YAML", () => {
  for (const text of [
    '{"resourceList": [{"resourceName": "b", "resourceName": "a", "selectors": {"vendors": ["8086"]}}]}',
    "resourceList:\n  - resourceName: a\n    selectors:\n      - vendors: ['8086']\n",
  ]) {
    const { pools, problems } = readDevicePluginConfig("/etc/pcidp/config.json", text, defaults);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      pools.map(({ prefix, name, selectors }) => [prefix, name, selectors[0]?.vendors]),
      [["intel.com", "a", ["8086"]]],
    );
  }
});

test("a mistake in a device plugin's configuration is told with the file", () => {
  const text = '{"resourceList": [{"resourceName": "a", "selectors": []}]}';
  const { problems } = readDevicePluginConfig("/etc/pcidp/config.json", text, defaults);
  assert.deepEqual(
    problems.map(({ place }) => place),
    ["/etc/pcidp/config.json resourceList[0].selectors"],
  );
});

test("a device plugin's configuration that cannot be read as a whole is refused in one line", () => {
  for (const [text, message] of [
    ['{"resourceList": [', /^config\.json: not JSON: Unexpected end of JSON input$/],
    ["resourceList: [", /^config\.json: neither JSON nor YAML: .* at line 1, column \d+$/],
    ["", /^config\.json: null is not usable; expected a mapping with the field resourceList$/],
    ["[]", /^config\.json: \[\] is not usable/],
  ] as const) {
    assert.throws(() => readDevicePluginConfig("config.json", text, defaults), { code: "invalid", message });
  }
});
