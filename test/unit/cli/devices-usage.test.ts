import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { DevicesDocument } from "../../../src/cli/devices-document.ts";
import { SysfsTree } from "../sysfs-tree.ts";
import { call, DP, documentOf, FAST, fastVf, tree, YAML } from "./devices-scene.ts";

describe("lanyard devices --root", () => {
  test("gives the same bytes every time", async () => {
    const args = ["--root", tree.root, "--config", YAML, "--device-plugin-config", DP, "-o", "json"];
    const first = await call(...args);
    assert.equal(first.code, 0);
    assert.ok(first.output.endsWith("}\n"));
    for (let time = 0; time < 3; time++) assert.deepEqual(await call(...args), first);
  });

  test("needs neither root nor write access", async () => {
    letOthersThrough(tree.root);
    const main = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
    const args = ["devices", "--root", tree.root, "--device-plugin-config", DP, "-o", "json"];
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: "/", ...nobody });
    assert.equal(stdout, (await call(...args.slice(1))).output);
  });

  test("shows the same as yaml, and a table for people", async () => {
    const args = ["--root", tree.root, "--device-plugin-config", DP];
    const yaml = parse((await call(...args, "-o", "yaml")).output);
    assert.deepEqual(yaml, await documentOf("--device-plugin-config", DP));
    const { output } = await call(...args);
    assert.match(output, /^RESOURCE +DEVICE +IS +NUMA +HEALTH\n/);
    assert.match(output, /example\.org\/dpdk +0000:86:01\.2 +VF 2 of ens1f0, vfio-pci +1 +healthy\n/);
    assert.match(
      output,
      /intel\.com\/sfs +mlx5_core\.sf\.2 +SF 88 of enp216s0f0np0, mlx5_core\.sf +0 +healthy\n/,
    );
    assert.match(output, /\nNotes:\n/);
  });

  test("tells what would be given with an unhealthy device, and why it is unhealthy", async () => {
    using other = new SysfsTree()
      .pci(FAST, { driver: "ice", mostVfs: 8 })
      .vf(FAST, fastVf(0), { driver: "vfio-pci", iommuGroup: 9 })
      .link("ens1f0", { on: FAST, hasCarrier: false })
      .file("c.yaml", "pools: [{ kind: netDevice, name: vfs, selectors: [{ drivers: [vfio-pci] }] }]");
    const { output } = await call("--root", other.root, "--config", join(other.root, "c.yaml"), "-o", "json");
    const [device] = (JSON.parse(output) as DevicesDocument).resources[0]?.devices ?? [];
    assert.equal(device?.health, "Unhealthy");
    assert.equal(device?.reason, "ens1f0 has no carrier");
    assert.deepEqual(device?.findings, [
      { condition: "carrier", effect: "unhealthy", reason: "ens1f0 has no carrier" },
    ]);
    assert.equal(device?.deviceSpecs.length, 2);
  });

  test("offers nothing of an empty folder, and says so", async () => {
    using other = new SysfsTree();
    const { code, output } = await call("--root", other.root, "--device-plugin-config", DP, "-o", "json");
    const document: DevicesDocument = JSON.parse(output);
    assert.deepEqual([code, document.resources], [0, []]);
    assert.ok(
      document.notes.includes("intel.com/fpga is not offered: no device of the node matches its selectors"),
    );
  });
});

const ROOT = ["--root", tree.root];

/** Which call is wrong, the message and the exit code: 2 for wrong usage, 1 for what could not be read. */
const wrong: Record<string, [args: string[], message: RegExp, code: 1 | 2]> = {
  "a folder without a configuration": [
    ROOT,
    /^lanyard: devices: --root needs --config FILE or --device-plugin-config FILE\n$/,
    2,
  ],
  "a configuration for a running agent": [
    ["--config", YAML],
    /^lanyard: devices: --config goes with --root DIR; a running agent has its own configuration\n$/,
    2,
  ],
  "a device plugin's for a running agent": [
    ["--device-plugin-config", DP],
    /^lanyard: devices: --device-plugin-config goes with --root DIR; a running agent/,
    2,
  ],
  "a prefix for a running agent": [
    ["--resource-prefix", "a.io"],
    /^lanyard: devices: --resource-prefix goes with --root DIR; a running agent/,
    2,
  ],
  "an unknown format": [
    [...ROOT, "--config", YAML, "-o", "xml"],
    /^lanyard: --output "xml": expected one of table, json, yaml\n$/,
    2,
  ],
  "an unknown option": [[...ROOT, "--konfig", YAML], /no option --konfig; did you mean --config\?\n$/, 2],
  "an argument": [[...ROOT, "--config", YAML, "nic0"], /"nic0" is too much/, 2],
  "a folder that is not there": [
    ["--root", `${tree.root}/none`, "--config", YAML],
    /^lanyard: devices: --root ".*\/none" is no folder\n$/,
    2,
  ],
  "a folder that is a file": [["--root", YAML, "--config", YAML], /lanyard\.yaml" is no folder\n$/, 2],
  "a prefix without a device plugin's configuration": [
    [...ROOT, "--config", YAML, "--resource-prefix", "a.io"],
    /^lanyard: devices: --resource-prefix goes with --device-plugin-config FILE\n$/,
    2,
  ],
  "a prefix that is no domain": [
    [...ROOT, "--device-plugin-config", DP, "--resource-prefix", "kubernetes.io"],
    /^lanyard: --resource-prefix: "kubernetes\.io" is not usable; expected a domain in lower case that is not Kubernetes' own/,
    1,
  ],
  "a configuration that is not there": [
    [...ROOT, "--config", "/none.yaml"],
    /^lanyard: the configuration \/none\.yaml cannot be read: .*ENOENT.*\n$/,
    1,
  ],
  "a device plugin's configuration that is not there": [
    [...ROOT, "--device-plugin-config", "/none.json"],
    /^lanyard: the device plugin's configuration \/none\.json cannot be read: .*ENOENT.*\n$/,
    1,
  ],
};

for (const [what, [args, message, expected]] of Object.entries(wrong)) {
  test(`${what} is refused in one line`, async () => {
    const { code, output, errors } = await call(...args);
    assert.match(errors, message);
    assert.deepEqual([code, output], [expected, ""]);
  });
}

/** Lets another user reach a folder; those above it, which the test's run made for itself, cannot be listed still. */
function letOthersThrough(folder: string): void {
  chmodSync(folder, 0o755);
  for (let above = dirname(folder); (statSync(above).mode & 0o001) === 0; above = dirname(above)) {
    chmodSync(above, 0o711);
  }
}

test("a mistake in a configuration is told on stderr, too, where stdout is for a program", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-devices-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify({ resourceList: [{ resourceName: "a" }] }));
  const args = ["--root", folder, "--device-plugin-config", file];
  const { code, output, errors } = await call(...args, "-o", "json");
  assert.match(errors, /^lanyard: .*resourceList\[0\]\.selectors is missing; expected at least one selector/);
  assert.deepEqual([code, JSON.parse(output).resources], [0, []]);
  assert.equal((await call(...args)).errors, "");
});
