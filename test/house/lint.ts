// The checks that need no run: format and lint (biome), types (tsc), floors. All are made, whatever fails.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkHouse, readHouse } from "./floors.ts";

const root = join(import.meta.dirname, "../..");

function runTool(name: string, ...args: string[]): boolean {
  const tool = join(root, "node_modules/.bin", name);
  const { status, error } = spawnSync(process.execPath, [tool, ...args], { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw error;
  return status === 0;
}

function checkFloors(): boolean {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const faults = checkHouse(readHouse(root), Object.keys(manifest.dependencies));
  for (const { place, message } of faults) console.log(`${place}: ${message}`);
  return faults.length === 0;
}

const checks: Record<string, () => boolean> = {
  "format and lint": () => runTool("biome", "check", "--error-on-warnings"),
  types: () => runTool("tsc", "-p", "."),
  floors: checkFloors,
};
const failed = Object.entries(checks).filter(([name, check]) => {
  console.log(`# ${name}`);
  return !check();
});
console.log(failed.length === 0 ? "# all hold" : `# failed: ${failed.map(([name]) => name).join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
