import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "../../../src/inventory/link-patterns.ts";

const cases: [string, string[], string[]][] = [
  ["nic*", ["nic", "nic0", "nic.10"], ["anic", "Nic0"]],
  ["nic?", ["nic0", "nicx"], ["nic", "nic10"]],
  ["eth[1-3]", ["eth1", "eth3"], ["eth0", "eth4", "eth12"]],
  ["eth[!1-3]", ["eth0", "eth9"], ["eth1"]],
  ["a.b+c", ["a.b+c"], ["axb+c", "a.bbc"]],
  ["p[^a]", ["p^", "pa"], ["pb"]],
  ["p[a-]", ["pa", "p-"], ["pb"]],
  ["open[", ["open["], ["open", "openx"]],
  ["[z-a]", ["[z-a]"], ["z", "a"]],
  ["[]]", ["]"], ["[]]"]],
  ["*", ["", "anything"], []],
];

for (const [pattern, matching, others] of cases) {
  test(`the pattern ${pattern} matches whole names`, () => {
    const matches = compilePattern(pattern);
    for (const name of matching) assert.ok(matches(name), `${pattern} should match ${name}`);
    for (const name of others) assert.ok(!matches(name), `${pattern} should not match ${name}`);
  });
}
