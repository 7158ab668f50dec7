import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The test files below a folder; of them those that lie under one of `wanted`, where there are any. Absolute paths. */
export function findTestFiles(folder: string, wanted: readonly string[]): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) => wanted.length === 0 || wanted.some((path) => file === path || file.startsWith(`${path}/`)),
    )
    .sort();
}
