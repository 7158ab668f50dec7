import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Journal } from "../../../src/attachment/journal.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { initialStatus } from "../../../src/attachment/status.ts";
import type { Step } from "../../../src/attachment/steps/steps.ts";

const request: AttachmentRequest = {
  pod: { namespace: "default", name: "one", uid: "1" },
  interfaceName: "net1",
  podNetworkName: "over",
  link: { type: "macvlan", parent: "up", mode: "bridge" },
  addresses: [],
  routes: [],
};
const steps: Step[] = [
  { kind: "createLink", name: "net1", index: 77, of: { kind: "macvlan", mode: "bridge" }, parent: "up" },
  { kind: "setUp", link: "net1" },
];
const namespace = { path: "/proc/7/ns/net", cookie: 0x1_0000_0000_0000_0001n };

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-journal-"));
  path = join(folder, "state/attachments.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const begin = (journal: Journal) =>
  journal.begin(request, namespace, steps, initialStatus(request, namespace.path));

describe("the journal", () => {
  test("gives back what was written after it was closed and opened again", () => {
    const first = new Journal(path, "boot");
    const { id } = begin(first);
    first.intend(id, 1, [{ mtu: 1500 }]);
    first.close();

    const second = new Journal(path, "boot");
    const [entry] = second.entries();
    assert.deepEqual(entry?.request, request);
    assert.deepEqual(entry?.namespace, namespace);
    assert.equal(entry?.state, "attaching");
    assert.deepEqual(second.plan(id), { steps, before: [{ mtu: 1500 }], reached: 1 });
    second.close();
  });

  test("forgets what an earlier boot wrote, because the kernel has", () => {
    const first = new Journal(path, "one boot");
    begin(first);
    first.close();
    const second = new Journal(path, "another boot");
    assert.deepEqual(second.entries(), []);
    second.close();
  });

  test("removes an attachment with its plan", () => {
    const journal = new Journal(path, "boot");
    const { id } = begin(journal);
    journal.remove(id);
    assert.deepEqual(journal.entries(), []);
    assert.throws(() => journal.plan(id), /holds no attachment/);
    begin(journal);
    assert.equal(journal.entries().length, 1, "the same interface can be attached again");
    journal.close();
  });

  test("refuses a second attachment of the same interface of the same pod", () => {
    const journal = new Journal(path, "boot");
    begin(journal);
    assert.throws(() => begin(journal), /UNIQUE/);
    assert.equal(journal.entries().length, 1);
    journal.close();
  });

  test("belongs to one agent at a time", () => {
    const first = new Journal(path, "boot");
    assert.throws(() => new Journal(path, "boot"), /another agent uses the attachment journal .*--state-dir/);
    first.close();
    new Journal(path, "boot").close();
  });

  test("names the file and the way out when it is no journal", () => {
    new Journal(path, "boot").close();
    writeFileSync(path, "this is not a database, and longer than its header of one hundred bytes".repeat(9));
    assert.throws(
      () => new Journal(path, "boot"),
      (error: Error) => error.message.includes(path) && error.message.includes("Move it away"),
    );
  });

  test("does not touch a journal of a later version", () => {
    new Journal(path, "boot").close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => new Journal(path, "boot"), /it has version 99, this program writes version 1/);
  });
});
