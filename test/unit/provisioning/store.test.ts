import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ProvisioningStore, type StoredPf } from "../../../src/provisioning/store.ts";

const pf: StoredPf = {
  address: "0000:01:00.0",
  vendor: "8086",
  device: "10c9",
  names: ["eth1", "lan"],
  linkType: "ether",
  previous: {
    probesVfs: true,
    mtu: 1500,
    isUp: false,
    eswitchMode: "legacy",
    vfs: [{ driver: { name: "vfio-pci" }, defaults: { trust: true } }],
  },
  touched: ["mtu", "vfs"],
};

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-provisioning-"));
  path = join(folder, "state/provisioning.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the provisioning store", () => {
  test("gives back what was written after it was closed and opened again", () => {
    const first = new ProvisioningStore(path);
    first.put(pf);
    first.put({ ...pf, touched: ["mtu", "vfs", "vfCount"] });
    first.close();
    const second = new ProvisioningStore(path);
    assert.deepEqual(second.find(pf.address), { ...pf, touched: ["mtu", "vfs", "vfCount"] });
    second.remove(pf.address);
    assert.equal(second.find(pf.address), undefined);
    second.close();
  });

  test("has every write on the disk when its call returns", () => {
    const store = new ProvisioningStore(path);
    store.put(pf);
    // The files as they are now are what a power cut would leave; nothing waits for the store to be closed.
    const copy = join(folder, "copy.sqlite");
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    const after = new ProvisioningStore(copy);
    assert.deepEqual(after.all(), [pf]);
    after.close();
    store.close();
  });

  test("is one agent's alone", () => {
    const store = new ProvisioningStore(path);
    assert.throws(() => new ProvisioningStore(path), { code: "conflict" });
    store.close();
  });

  test("says what to do with a file that is none", () => {
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), "lanyard-provisioning-"));
    const file = join(folder, "provisioning.sqlite");
    writeFileSync(file, "no database at all, and long enough to be taken for one by nobody".repeat(40));
    assert.throws(() => new ProvisioningStore(file), { code: "unavailable", message: /Move it away/ });
  });
});
