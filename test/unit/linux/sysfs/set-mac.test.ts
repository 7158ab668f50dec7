import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasSetMac } from "../../../../src/linux/sysfs/set-mac.ts";

test("a link's MAC address counts as set only where the kernel says that somebody set it", async () => {
  const root = mkdtempSync(join(tmpdir(), "lanyard-sysfs-"));
  try {
    // NET_ADDR_PERM, NET_ADDR_RANDOM, NET_ADDR_STOLEN, NET_ADDR_SET.
    for (const [type, isSet] of [false, false, false, true].entries()) {
      const folder = join(root, "class/net", `br${type}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "addr_assign_type"), `${type}\n`);
      assert.equal(await hasSetMac(root, `br${type}`), isSet, `${type}`);
    }
    assert.equal(await hasSetMac(root, "elsewhere"), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});
