import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

interface LockedPackage {
  integrity?: string;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../package-lock.json"), "utf8"),
);

// npm leaves out of the lock file what the registry at hand does not hold, such as another system's build of a
// tool; npm ci then refuses the lock file on every machine.
test("the lock file has an entry for every package that a locked package names", () => {
  const names = Object.values(lock.packages).flatMap((entry) => [
    ...Object.keys(entry.dependencies ?? {}),
    ...Object.keys(entry.optionalDependencies ?? {}),
  ]);
  const missing = [...new Set(names)].filter((name) => lock.packages[`node_modules/${name}`] === undefined);
  assert.deepEqual(missing, [], "add each with its version, os, cpu and optional: true, then try npm ci");
});

test("every package that is not optional is locked to its content", () => {
  const open = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== "" && entry.optional !== true && entry.integrity === undefined,
  );
  assert.deepEqual(
    open.map(([path]) => path),
    [],
  );
});
