import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isManifestName,
  keepLastGood,
  mergeFiles,
  readManifestFile,
} from "../../../src/standalone/manifest-file.ts";

const head = "apiVersion: lanyard.dev/v1alpha1\nkind: QosClass\n";
const gold = `${head}metadata: {name: gold}\nspec: {priority: 5}\n`;
const silver = `${head}metadata: {name: silver}\nspec: {priority: 3}\n`;
const broken = `${head}metadata: {name: gold}\nspec: {priority: 50}\n`;

const keys = ({ entries }: { entries: readonly { key: string }[] }) => entries.map(({ key }) => key);

test("YAML and JSON are read, hidden files and others are not", () => {
  for (const name of ["a.yaml", "a.yml", "a.json", "A.YAML"]) assert.ok(isManifestName(name), name);
  for (const name of [".a.yaml", "a.yaml~", "a.yaml.swp", "a.txt", "yaml"])
    assert.ok(!isManifestName(name), name);
});

test("a file may hold many documents, empty ones among them", () => {
  const file = readManifestFile("q.yaml", `# only a comment\n---\n${gold}---\n---\n${silver}`);
  assert.deepEqual(keys(file), ["QosClass gold", "QosClass silver"]);
  assert.deepEqual(
    file.entries.map(({ place }) => place),
    ["q.yaml#1", "q.yaml#3"],
  );
  assert.deepEqual(file.problems, []);
});

test("JSON is read too", () => {
  const object = { apiVersion: "lanyard.dev/v1alpha1", kind: "QosClass", metadata: { name: "a" }, spec: {} };
  assert.deepEqual(keys(readManifestFile("q.json", JSON.stringify(object, undefined, "\t"))), ["QosClass a"]);
  assert.deepEqual(readManifestFile("q.json", " \n"), { entries: [], problems: [] });
  assert.match(readManifestFile("q.json", "{").problems[0]?.message ?? "", /^q\.json#1: cannot be read: /);
});

test("a mistake in one document leaves the others usable and is told with its place", () => {
  const file = readManifestFile("q.yaml", `${broken}---\n${silver}`);
  assert.deepEqual(keys(file), ["QosClass silver"]);
  assert.deepEqual(file.problems, [
    {
      place: "q.yaml#1",
      message: "q.yaml#1 spec.priority: 50 is not usable; expected a whole number from 0 to 7",
      kept: [],
      key: "QosClass gold",
    },
  ]);
});

test("text that is no YAML is told in one line with its position", () => {
  const [problem] = readManifestFile("q.yaml", "a: [1\nb: 2").problems;
  assert.match(problem?.message ?? "", /^q\.yaml#1: cannot be read: .* at line \d+, column \d+$/);
});

test("a file with a mistake removes nothing it held before", () => {
  const before = readManifestFile("q.yaml", `${gold}---\n${silver}`);
  const now = keepLastGood(before, readManifestFile("q.yaml", broken));
  assert.deepEqual(keys(now), ["QosClass gold", "QosClass silver"]);
  assert.deepEqual(now.problems[0]?.kept, ["QosClass gold", "QosClass silver"]);
  assert.deepEqual(now.entries[0], before.entries[0]);
});

test("a file in order is taken as it is, with what it no longer holds gone", () => {
  const before = readManifestFile("q.yaml", `${gold}---\n${silver}`);
  assert.deepEqual(keys(keepLastGood(before, readManifestFile("q.yaml", silver))), ["QosClass silver"]);
});

test("of an object that stands in two places the first is used and the second told", () => {
  const { objects, problems } = mergeFiles([
    readManifestFile("a.yaml", gold),
    readManifestFile("b.yaml", `${silver}---\n${gold}`),
  ]);
  assert.deepEqual([...objects.keys()], ["QosClass gold", "QosClass silver"]);
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.message ?? "", /^b\.yaml#2: QosClass gold stands in a\.yaml#1 already/);
});
