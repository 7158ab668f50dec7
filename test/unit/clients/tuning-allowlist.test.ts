import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { TuningAllowlist } from "../../../src/clients/tuning-allowlist.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-allowlist-"));
  file = join(folder, "allowlist.conf");
});

afterEach(() => rmSync(folder, { recursive: true }));

const FILTER = "net/ipv4/conf/IFNAME/arp_filter";
const FORWARDING = "net/ipv4/conf/all/forwarding";

describe("the sysctls that networks may set", () => {
  test("are all where the node has no list", async () => {
    assert.deepEqual(await new TuningAllowlist(file).forbidden([FILTER, FORWARDING]), []);
  });

  test("are those that a line of the list matches, written with dots, with slashes or with any character", async () => {
    const list = new TuningAllowlist(file);
    for (const rule of [
      "^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$",
      "^net/ipv4/conf/IFNAME/[a-z_]*$",
      "^net.ipv4.conf.IFNAME.arp_.*$",
    ]) {
      writeFileSync(file, `\n  ${rule}  \r\n\n`);
      assert.deepEqual(await list.forbidden([FILTER, FORWARDING]), [FORWARDING], rule);
    }
  });

  test("are none where the list is empty", async () => {
    writeFileSync(file, "\n");
    assert.deepEqual(await new TuningAllowlist(file).forbidden([FILTER]), [FILTER]);
  });

  test("are read anew each time", async () => {
    const list = new TuningAllowlist(file);
    writeFileSync(file, "arp_filter\n");
    assert.deepEqual(await list.forbidden([FILTER]), []);
    writeFileSync(file, "nothing\n");
    assert.deepEqual(await list.forbidden([FILTER]), [FILTER]);
  });

  test("are not said to be all where the list cannot be read, or a line of it means nothing", async () => {
    const list = new TuningAllowlist(file);
    writeFileSync(file, "arp_filter\n(\n");
    await assert.rejects(list.forbidden([FILTER]), { code: "unavailable", message: /allowlist\.conf/ });
    rmSync(file);
    mkdirSync(file);
    await assert.rejects(list.forbidden([FILTER]), { code: "unavailable", message: /allowlist\.conf/ });
  });
});
