import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Entries } from "../../../../src/attachment/journal/entries.ts";
import { Journal } from "../../../../src/attachment/journal/journal.ts";
import type { AttachmentRequest } from "../../../../src/attachment/request.ts";
import { initialStatus } from "../../../../src/attachment/status.ts";

const asking = (link: AttachmentRequest["link"]): AttachmentRequest => ({
  pod: { namespace: "default", name: "one", uid: "1" },
  interfaceName: "net1",
  podNetworkName: "vfs",
  link,
  addresses: [],
  routes: [],
});

const vf = (pciAddress: string, link: string) =>
  ({ type: "sriov", pciAddress, link, pf: "eth0", vfIndex: 0, settings: {} }) as const;

test("a function is held under its address, and a link that has none under its name", () => {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-entries-"));
  const journal = new Journal(join(folder, "attachments.sqlite"), "boot");
  try {
    const entries = new Entries(journal);
    const held = asking(vf("0000:01:10.0", "eth2"));
    entries.begin(held, { path: "/proc/7/ns/net", cookie: 1n }, [], initialStatus(held, ""), undefined);
    const isHeld = (link: AttachmentRequest["link"]) => entries.holderOf(asking(link)) !== undefined;
    assert.equal(isHeld(vf("0000:01:10.0", "eth7")), true);
    assert.equal(isHeld({ type: "hostDevice", pciAddress: "0000:01:10.0", link: "eth7" }), true);
    assert.equal(isHeld({ type: "hostDevice", link: "eth2" }), true);
    // The kernel gave the name to another function once it was free.
    assert.equal(isHeld(vf("0000:01:10.2", "eth2")), false);
    assert.equal(isHeld({ type: "hostDevice", link: "eth7" }), false);
    assert.equal(isHeld({ type: "macvlan", parent: "eth2", mode: "bridge" }), false);
  } finally {
    journal.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
