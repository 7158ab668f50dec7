import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { parseAgentConfig } from "../../../src/model/agent-config.ts";
import { FUNCTION_KINDS } from "../../../src/model/device.ts";
import { parseDevicePluginConfig } from "../../../src/model/device-plugin-config.ts";
import { SELECTOR_FIELDS } from "../../../src/model/function-selector.ts";
import { DEFAULT_HEALTH_POLICY } from "../../../src/model/health.ts";
import { parseManifest } from "../../../src/model/manifest.ts";
import { parsePodReferences } from "../../../src/model/pod-references.ts";
import type { FunctionPoolConfig } from "../../../src/model/pool-config.ts";

const root = join(import.meta.dirname, "../../..");
const defaults = { prefix: "intel.com", health: DEFAULT_HEALTH_POLICY };

const examples = readdirSync(join(root, "deploy/device-plugin")).filter((name) => name.endsWith(".json"));

function readExample(name: string): readonly FunctionPoolConfig[] {
  const document: unknown = JSON.parse(readFileSync(join(root, "deploy/device-plugin", name), "utf8"));
  const { pools, problems } = parseDevicePluginConfig(document, name, defaults);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [],
  );
  assert.ok(pools.length > 0);
  return pools;
}

for (const name of examples) {
  test(`the example deploy/device-plugin/${name} is read without a complaint`, () => {
    readExample(name);
  });
}

test("the examples for the device plugin's configuration use every selector and option together", () => {
  const pools = examples.flatMap(readExample);
  for (const kind of FUNCTION_KINDS) {
    const selectors = pools.filter((pool) => pool.kind === kind).flatMap((pool) => pool.selectors);
    // A flag that is not set says nothing.
    const used = selectors.flatMap((selector) =>
      Object.entries(selector).flatMap(([field, value]) => (value === false ? [] : [field])),
    );
    const expected = SELECTOR_FIELDS[kind];
    assert.deepEqual([...new Set(used)].sort(), [...expected].sort(), kind);
  }
  const vdpaTypes = pools.flatMap((pool) => pool.selectors.flatMap(({ vdpaType }) => vdpaType ?? []));
  assert.deepEqual(vdpaTypes.sort(), ["vhost", "virtio"]);
  assert.ok(pools.some((pool) => pool.excludeTopology));
  assert.ok(pools.some((pool) => pool.additionalInfo["*"] !== undefined));
  assert.ok(pools.some((pool) => Object.keys(pool.additionalInfo).some((key) => key !== "*")));
  assert.ok(pools.some((pool) => pool.prefix !== defaults.prefix));
});

const PAGES = ["docs/configuration.md", "docs/cni.md"];

/** The fenced blocks of a page, with the line each begins at. */
function blocksOf(file: string) {
  const page = readFileSync(join(root, file), "utf8");
  return Array.from(
    page.matchAll(/^```(yaml|json)\n(.*?)^```$/gms),
    ({ 1: language, 2: text = "", index }) => ({
      language,
      text,
      place: `${file}:${page.slice(0, index).split("\n").length}`,
    }),
  );
}

/** What the configuration says in seconds, and is read in milliseconds. */
const WRITTEN_IN_SECONDS = ["waitSeconds", "graceSeconds", "programTimeoutSeconds", "collectIntervalSeconds"];

function check(document: unknown, place: string): "manifest" | "pod" | "device plugin" | "agent" {
  if (typeof document === "object" && document !== null && "apiVersion" in document) {
    parseManifest(document, place);
    return "manifest";
  }
  if (typeof document === "object" && document !== null && "metadata" in document) {
    const { annotations } = document.metadata as { annotations: Readonly<Record<string, string>> };
    assert.ok(parsePodReferences(annotations, "default", place).length > 0, place);
    return "pod";
  }
  const isOfDevicePlugin = typeof document === "object" && document !== null && "resourceList" in document;
  const { problems } = isOfDevicePlugin
    ? parseDevicePluginConfig(document, place, defaults)
    : parseAgentConfig(document, place);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [],
  );
  return isOfDevicePlugin ? "device plugin" : "agent";
}

test("every example of the pages is what the parsers take", () => {
  const kinds = PAGES.flatMap(blocksOf).flatMap(({ language, text, place }) => {
    if (language === "json") return [check(JSON.parse(text), place)];
    return parseAllDocuments(text).map((document) => check(document.toJS(), place));
  });
  assert.deepEqual([...new Set(kinds)].sort(), ["agent", "device plugin", "manifest", "pod"]);
});

test("the pages name every field and every word that can be written", () => {
  const page = PAGES.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
  const config = Object.keys(parseAgentConfig({}, "c")).filter((key) => key !== "problems");
  const cni = [...WRITTEN_IN_SECONDS, ...Object.keys(parseAgentConfig({}, "c").cni)];
  const words = [
    ...cni.filter((key) => !key.endsWith("Ms")),
    ...Object.values(SELECTOR_FIELDS).flat(),
    ...Object.keys(DEFAULT_HEALTH_POLICY),
    ...FUNCTION_KINDS,
  ];
  for (const word of [...config.filter((key) => key !== "devicePluginPrefix"), ...words]) {
    assert.match(page, new RegExp(`\\b${word}\\b`), word);
  }
});
