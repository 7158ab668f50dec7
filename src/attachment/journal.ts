import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { makeFolder } from "../linux/folder.ts";
import type { AttachmentStatus } from "../model/attachment.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { AttachmentRequest } from "./request.ts";
import type { Step } from "./steps/steps.ts";

/** `planned`: untouched. `intended`: may have happened. `done`: has happened. `undone`: is as before. */
export type StepState = "planned" | "intended" | "done" | "undone";

/** A step with what was there before it, as the handler of its kind observed it. */
export interface JournalStep {
  readonly position: number;
  readonly step: Step;
  readonly state: StepState;
  readonly before: unknown;
}

/** `changing`: attached, while its limits are between what they were and what they shall be. */
export type EntryState = "attaching" | "attached" | "changing" | "detaching";

/** The namespace an attachment lives in. The path is where it was; the cookie is what it is. */
export interface NamespaceIdentity {
  readonly path: string;
  readonly cookie: bigint;
}

/** One attachment as the journal holds it. */
export interface JournalEntry {
  readonly id: number;
  readonly request: AttachmentRequest;
  readonly namespace: NamespaceIdentity;
  readonly state: EntryState;
  readonly status: AttachmentStatus;
}

const SCHEMA_VERSION = 1;

const SCHEMA = `
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
    UNIQUE (pod_uid, interface)
  ) STRICT;
  CREATE TABLE step (
    attachment_id INTEGER NOT NULL REFERENCES attachment (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    before TEXT NOT NULL,
    PRIMARY KEY (attachment_id, position)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * What was done to the kernel and how to take it back, written before the kernel is touched. It survives
 * SIGKILL of the agent at any instant. A power cut may lose the last writes, and takes the kernel's state they
 * describe with it; entries of an earlier boot are forgotten when the journal is opened.
 */
export class Journal {
  readonly #database: DatabaseSync;
  readonly #bootId: string;
  readonly #statements: Record<keyof typeof STATEMENTS, StatementSync>;

  /** Opens or makes the journal at `path`. `bootId` is the kernel's (/proc/sys/kernel/random/boot_id). */
  constructor(path: string, bootId: string) {
    this.#bootId = bootId;
    this.#database = openDatabase(path);
    this.#statements = Object.fromEntries(
      Object.entries(STATEMENTS).map(([name, sql]) => [name, this.#database.prepare(sql)]),
    ) as Record<keyof typeof STATEMENTS, StatementSync>;
    this.#statements.forgetEarlierBoots.run(bootId);
  }

  /** Writes down a whole plan, nothing of it done yet. */
  begin(
    request: AttachmentRequest,
    namespace: NamespaceIdentity,
    steps: readonly Step[],
    status: AttachmentStatus,
  ): JournalEntry {
    return this.#transaction(() => {
      const { lastInsertRowid } = this.#statements.insertAttachment.run(
        request.pod.uid,
        request.interfaceName,
        this.#bootId,
        namespace.path,
        String(namespace.cookie),
        JSON.stringify(request),
        "attaching" satisfies EntryState,
        JSON.stringify(status),
      );
      const id = Number(lastInsertRowid);
      for (const [position, step] of steps.entries()) {
        this.#statements.insertStep.run(
          id,
          position,
          JSON.stringify(step),
          "planned" satisfies StepState,
          "null",
        );
      }
      return { id, request, namespace, state: "attaching", status };
    });
  }

  /** From here on the step may have happened. */
  intend(id: number, position: number, before: unknown): void {
    this.#statements.intendStep.run(JSON.stringify(before ?? null), id, position);
  }

  /** From here on the steps from `first` to `last` may have happened; there was nothing before them. */
  intendSettings(id: number, first: number, last: number): void {
    this.#statements.setStepState.run("intended" satisfies StepState, id, first, last);
  }

  /** The steps from `first` to `last` have happened. */
  done(id: number, first: number, last: number): void {
    this.#statements.setStepState.run("done" satisfies StepState, id, first, last);
  }

  undone(id: number, position: number): void {
    this.#statements.setStepState.run("undone" satisfies StepState, id, position, position);
  }

  /**
   * Writes down that an attachment's limits are about to become those of `request`. `step` takes the place of
   * the one at `position`, or stands there as a new one; from here on it may have happened.
   */
  beginChange(id: number, request: AttachmentRequest, position: number, step: Step, before: unknown): void {
    this.#transaction(() => {
      this.#statements.setRequest.run(JSON.stringify(request), "changing" satisfies EntryState, id);
      this.#statements.putStep.run(
        id,
        position,
        JSON.stringify(step),
        "intended" satisfies StepState,
        JSON.stringify(before ?? null),
      );
    });
  }

  setState(id: number, state: EntryState, status: AttachmentStatus): void {
    this.#statements.setState.run(state, JSON.stringify(status), id);
  }

  remove(id: number): void {
    this.#statements.removeAttachment.run(id);
  }

  /** Every attachment, oldest first. */
  entries(): JournalEntry[] {
    return this.#statements.allAttachments.all().map((row) => ({
      id: Number(row.id),
      request: JSON.parse(String(row.request)),
      namespace: { path: String(row.namespace_path), cookie: BigInt(String(row.namespace_cookie)) },
      state: String(row.state) as EntryState,
      status: JSON.parse(String(row.status)),
    }));
  }

  /** The steps of one attachment, in the order of its plan; none when it was removed. */
  steps(id: number): JournalStep[] {
    return this.#statements.stepsOf.all(id).map((row) => ({
      position: Number(row.position),
      step: JSON.parse(String(row.step)),
      state: String(row.state) as StepState,
      before: JSON.parse(String(row.before)),
    }));
  }

  close(): void {
    this.#database.close();
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

const STATEMENTS = {
  forgetEarlierBoots: "DELETE FROM attachment WHERE boot_id <> ?",
  insertAttachment: `INSERT INTO attachment
    (pod_uid, interface, boot_id, namespace_path, namespace_cookie, request, state, status)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  insertStep: "INSERT INTO step (attachment_id, position, step, state, before) VALUES (?, ?, ?, ?, ?)",
  intendStep: "UPDATE step SET state = 'intended', before = ? WHERE attachment_id = ? AND position = ?",
  setStepState: "UPDATE step SET state = ? WHERE attachment_id = ? AND position BETWEEN ? AND ?",
  putStep: `INSERT INTO step (attachment_id, position, step, state, before) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (attachment_id, position)
    DO UPDATE SET step = excluded.step, state = excluded.state, before = excluded.before`,
  setRequest: "UPDATE attachment SET request = ?, state = ? WHERE id = ?",
  setState: "UPDATE attachment SET state = ?, status = ? WHERE id = ?",
  removeAttachment: "DELETE FROM attachment WHERE id = ?",
  allAttachments: "SELECT * FROM attachment ORDER BY id",
  stepsOf: "SELECT * FROM step WHERE attachment_id = ? ORDER BY position",
} as const;

function openDatabase(path: string): DatabaseSync {
  try {
    makeFolder(dirname(path), 0o700);
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
    const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
    if (version === 0) database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    else if (version !== SCHEMA_VERSION) {
      throw new Error(`it has version ${version}, this program writes version ${SCHEMA_VERSION}`);
    }
    return database;
  } catch (error) {
    throw new LanyardError(
      "unavailable",
      `the attachment journal ${path} cannot be used: ${errorText(error)}. Move it away to start with an empty one; ` +
        "what it recorded is then no longer undone",
      { cause: error },
    );
  }
}
