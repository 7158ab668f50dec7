import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { errorText, LanyardError } from "../model/errors.ts";
import { makeFolder } from "./folder.ts";

/** Another connection holds the file (sqlite3.h). */
const SQLITE_BUSY = 5;

/** What a database file is for, and how it is made. */
export interface DatabaseKind {
  /** In words for people: `attachment journal`. */
  readonly what: string;
  /** SQL that makes the tables. */
  readonly schema: string;
  /** Version of the tables, 1 or more. */
  readonly version: number;
  /** SQL that makes of the tables of a version, by which it is found here, those of the next one. */
  readonly upgrades?: Readonly<Record<number, string>>;
  /** When a commit is on the disk: FULL at once, NORMAL some time later (and then a power cut may take it). */
  readonly synchronous: "NORMAL" | "FULL";
  /** What follows for whoever moves the file away, as the end of a sentence. */
  readonly loss: string;
}

/**
 * Opens or makes a database that this process alone has until it is closed: two agents on one would undo each other's
 * work. Tables of an earlier version become those of this one, all or nothing. Throws LanyardError: `conflict` when another has it, `unavailable` when it cannot be used.
 */
export function openDatabase(
  path: string,
  { what, schema, version, upgrades = {}, synchronous, loss }: DatabaseKind,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    makeFolder(dirname(path), 0o700);
    database = new DatabaseSync(path);
    database.exec(
      `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`,
    );
    const found = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    const sql = found === 0 ? schema : upgradeFrom(found, version, upgrades);
    if (found !== version) database.exec(`BEGIN; ${sql} PRAGMA user_version = ${version}; COMMIT;`);
    return database;
  } catch (error) {
    // Otherwise it would be kept from others until this process ends.
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      const text = `another agent uses the ${what} ${path}; end it first, or name another --state-dir`;
      throw new LanyardError("conflict", text, { cause: error });
    }
    throw new LanyardError(
      "unavailable",
      `the ${what} ${path} cannot be used: ${errorText(error)}. Move it away to start with an empty one; ${loss}`,
      { cause: error },
    );
  }
}

/**
 * Does some writing that is on the disk when this returns, in a database that else is `synchronous: "NORMAL"`: what was
 * written before it is too.
 */
export function writeDurably(database: DatabaseSync, write: () => void): void {
  database.exec("PRAGMA synchronous = FULL");
  try {
    write();
  } finally {
    database.exec("PRAGMA synchronous = NORMAL");
  }
}

/** Every statement, prepared, by its name. */
export function prepareStatements<Name extends string>(
  database: DatabaseSync,
  statements: Readonly<Record<Name, string>>,
): Record<Name, StatementSync> {
  const prepared = Object.entries<string>(statements).map(([name, sql]) => [name, database.prepare(sql)]);
  return Object.fromEntries(prepared) as Record<Name, StatementSync>;
}

function upgradeFrom(found: number, version: number, upgrades: Readonly<Record<number, string>>): string {
  const versions = Array.from({ length: Math.max(version - found, 0) }, (_, step) => found + step);
  const parts = versions.map((each) => upgrades[each]);
  if (found > version || parts.includes(undefined)) {
    throw new Error(`it has version ${found}, this program writes version ${version}`);
  }
  return parts.join(" ");
}
