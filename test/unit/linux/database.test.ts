import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type DatabaseKind, openDatabase, writeDurably } from "../../../src/linux/database.ts";

const first: DatabaseKind = {
  what: "shelf",
  version: 1,
  synchronous: "NORMAL",
  loss: "its books are lost",
  schema: "CREATE TABLE book (title TEXT NOT NULL) STRICT;",
};
const third: DatabaseKind = {
  ...first,
  version: 3,
  schema: "CREATE TABLE book (title TEXT NOT NULL, pages INTEGER, place TEXT) STRICT;",
  upgrades: {
    1: "ALTER TABLE book ADD COLUMN pages INTEGER;",
    2: "ALTER TABLE book ADD COLUMN place TEXT;",
  },
};

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-database-"));
  path = join(folder, "shelf.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a database of an earlier version", () => {
  beforeEach(() => {
    const database = openDatabase(path, first);
    database.exec("INSERT INTO book VALUES ('Momo')");
    database.close();
  });

  test("is brought to this one by one step for each version between", () => {
    const database = openDatabase(path, third);
    assert.deepEqual(
      { ...database.prepare("SELECT * FROM book").get() },
      { title: "Momo", pages: null, place: null },
    );
    database.close();
    openDatabase(path, third).close();
  });

  test("is left alone when a step is not known, or fails, and can then be opened by others", () => {
    const missing = { ...third, upgrades: { 1: third.upgrades?.[1] ?? "" } };
    assert.throws(() => openDatabase(path, missing), /has version 1, this program writes version 3/);
    const broken = {
      ...third,
      upgrades: { ...third.upgrades, 2: "ALTER TABLE shelf ADD COLUMN place TEXT;" },
    };
    assert.throws(() => openDatabase(path, broken), /no such table: shelf.*its books are lost/);
    const database = openDatabase(path, first);
    assert.deepEqual({ ...database.prepare("SELECT * FROM book").get() }, { title: "Momo" });
    database.close();
  });

  test("is not opened by an earlier program", () => {
    openDatabase(path, third).close();
    assert.throws(() => openDatabase(path, first), /has version 3, this program writes version 1/);
  });
});

describe("a durable write", () => {
  test("waits for the disk, and leaves the others as quick as they were, also when it fails", () => {
    const database = openDatabase(path, first);
    const waits = () => database.prepare("PRAGMA synchronous").get()?.synchronous;
    const [normal, full] = [1, 2];
    writeDurably(database, () => {
      assert.equal(waits(), full);
      database.exec("INSERT INTO book VALUES ('Momo')");
    });
    assert.equal(waits(), normal);
    assert.throws(
      () => writeDurably(database, () => database.exec("INSERT INTO book VALUES (NULL)")),
      /NOT NULL/,
    );
    assert.equal(waits(), normal);
    database.close();
  });
});
