import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Journal } from "../../../../src/attachment/journal/journal.ts";
import type { AttachmentRequest } from "../../../../src/attachment/request.ts";
import { initialStatus } from "../../../../src/attachment/status.ts";
import type { Step } from "../../../../src/attachment/steps/steps.ts";

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

  test("keeps what an earlier boot wrote, and tells it from what is of this one", () => {
    const first = new Journal(path, "one boot");
    begin(first);
    first.close();
    const second = new Journal(path, "another boot");
    begin(second);
    assert.deepEqual(
      second.entries().map(({ isOfEarlierBoot }) => isOfEarlierBoot),
      [true, false],
      "the same interface of the same pod, in a namespace with the same cookie",
    );
    second.close();
  });

  test("holds what was given out, at the beginning or when a program has said it", () => {
    const leased = { ips: [{ address: "10.0.0.9/24" }], routes: [], dns: { domain: "a.example" } };
    const journal = new Journal(path, "boot");
    const early = journal.begin(request, namespace, steps, initialStatus(request, namespace.path), leased);
    const other = { ...request, interfaceName: "net2" };
    const late = journal.begin(other, namespace, steps.slice(0, 1), initialStatus(other, namespace.path));
    journal.intend(late.id, 1, [null], true);
    assert.equal(journal.entries()[1]?.leased, undefined);
    journal.extend(late.id, steps, leased);
    journal.close();

    const again = new Journal(path, "boot");
    assert.deepEqual(
      again.entries().map((entry) => [entry.id, entry.leased]),
      [
        [early.id, leased],
        [late.id, leased],
      ],
    );
    assert.deepEqual(again.plan(late.id), { steps, before: [null], reached: 1 });
    again.close();
  });

  test("keeps of a plan what is left to be taken back, and nothing else of it", () => {
    const journal = new Journal(path, "boot");
    const { id } = journal.begin(request, namespace, steps, initialStatus(request, namespace.path));
    journal.intend(
      id,
      steps.length,
      steps.map(() => null),
    );
    const left = { steps: steps.slice(0, 1), before: ["what was there"], reached: 1 };
    journal.keep(id, left);
    journal.close();
    const again = new Journal(path, "boot");
    assert.deepEqual(again.plan(id), left);
    again.close();
  });

  test("remembers the address that was given out last of each range", () => {
    const first = new Journal(path, "boot");
    const range = { podNetworkName: "fast", subnet: "10.0.0.0/24" };
    assert.equal(first.lastGiven(range), undefined);
    first.setLastGiven(range, "10.0.0.7");
    first.setLastGiven(range, "10.0.0.8");
    first.close();
    const second = new Journal(path, "another boot");
    assert.equal(second.lastGiven(range), "10.0.0.8");
    assert.equal(second.lastGiven({ ...range, podNetworkName: "slow" }), undefined);
    second.close();
  });

  test("never gives a number to a second attachment", () => {
    const journal = new Journal(path, "boot");
    const { id } = begin(journal);
    journal.remove(id);
    assert.notEqual(begin(journal).id, id);
    journal.close();
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
    assert.throws(() => new Journal(path, "boot"), /it has version 99, this program writes version 2/);
  });

  describe("of version 1", () => {
    /** A journal as the first version wrote it, with the attachment `net1`. */
    function writeVersion1(more = ""): void {
      mkdirSync(dirname(path), { recursive: true });
      const database = new DatabaseSync(path);
      database.exec(`
        PRAGMA journal_mode = WAL;
        CREATE TABLE attachment (
          id INTEGER PRIMARY KEY,
          pod_uid TEXT NOT NULL,
          interface TEXT NOT NULL,
          boot_id TEXT NOT NULL,
          namespace_path TEXT NOT NULL,
          namespace_cookie TEXT NOT NULL,
          request TEXT NOT NULL,
          state TEXT NOT NULL,
          status TEXT NOT NULL,
          steps TEXT NOT NULL,
          before TEXT NOT NULL,
          reached INTEGER NOT NULL,
          UNIQUE (pod_uid, interface)
        ) STRICT;
        ${more}
        PRAGMA user_version = 1;
      `);
      const { result: _, ...status } = { ...initialStatus(request, namespace.path), state: "attached" };
      database
        .prepare("INSERT INTO attachment VALUES (7, '1', 'net1', 'boot', ?, ?, ?, 'attached', ?, ?, ?, 2)")
        .run(
          namespace.path,
          String(namespace.cookie),
          JSON.stringify(request),
          JSON.stringify(status),
          JSON.stringify(steps),
          '[{"mtu":1500},null]',
        );
      database.close();
    }

    test("is taken over with everything it held", () => {
      writeVersion1();
      const journal = new Journal(path, "boot");
      assert.deepEqual(journal.entries(), [
        {
          id: 7,
          request,
          namespace,
          isOfEarlierBoot: false,
          state: "attached",
          status: { ...initialStatus(request, namespace.path), state: "attached" },
        },
      ]);
      assert.deepEqual(journal.plan(7), { steps, before: [{ mtu: 1500 }, null], reached: 2 });
      const other = { ...request, interfaceName: "net2" };
      const { id } = journal.begin(other, namespace, steps, initialStatus(other, namespace.path));
      assert.ok(id > 7);
      journal.close();
      new Journal(path, "boot").close();
    });

    test("stays as it was when it cannot be taken over", () => {
      writeVersion1("CREATE TABLE last_given (what TEXT) STRICT;");
      assert.throws(() => new Journal(path, "boot"), /table last_given already exists.*Move it away/);
      const database = new DatabaseSync(path);
      assert.equal(database.prepare("PRAGMA user_version").get()?.user_version, 1);
      assert.equal(database.prepare("SELECT id FROM attachment").get()?.id, 7);
      database.close();
    });
  });
});
