import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type DatabaseKind, openDatabase, prepareStatements } from "../linux/database.ts";
import type { AttachmentStatus } from "../model/attachment.ts";
import { NotFoundError } from "../model/errors.ts";
import type { AttachmentRequest } from "./request.ts";
import type { Step } from "./steps/steps.ts";

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

/** What is to be done for an attachment, and how far it came. */
export interface JournalPlan {
  readonly steps: readonly Step[];
  /** What was there before each step, as the handler of its kind observed it; null where it does not look. */
  readonly before: readonly unknown[];
  /** How many of the steps, counted from the first, may have happened. The others were not begun. */
  readonly reached: number;
}

const KIND: DatabaseKind = {
  what: "attachment journal",
  version: 1,
  synchronous: "NORMAL",
  loss: "what it recorded is then no longer undone",
  schema: `
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
  `,
};

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
    this.#database = openDatabase(path, KIND);
    this.#statements = prepareStatements(this.#database, STATEMENTS);
    this.#statements.forgetEarlierBoots.run(bootId);
  }

  /** Writes down a whole plan, nothing of it done yet. */
  begin(
    request: AttachmentRequest,
    namespace: NamespaceIdentity,
    steps: readonly Step[],
    status: AttachmentStatus,
  ): JournalEntry {
    const { lastInsertRowid } = this.#statements.insert.run(
      request.pod.uid,
      request.interfaceName,
      this.#bootId,
      namespace.path,
      String(namespace.cookie),
      JSON.stringify(request),
      "attaching" satisfies EntryState,
      JSON.stringify(status),
      JSON.stringify(steps),
    );
    return { id: Number(lastInsertRowid), request, namespace, state: "attaching", status };
  }

  /** From here on the first `reached` steps may have happened; `before` is what was there before each of them. */
  intend(id: number, reached: number, before: readonly unknown[]): void {
    this.#statements.intend.run(reached, JSON.stringify(before), id);
  }

  /** From here on the attachment may be on its way from what it was to what `request` and `plan` say. */
  beginChange(id: number, request: AttachmentRequest, plan: JournalPlan): void {
    this.#statements.change.run(
      JSON.stringify(request),
      "changing" satisfies EntryState,
      JSON.stringify(plan.steps),
      JSON.stringify(plan.before),
      plan.reached,
      id,
    );
  }

  setState(id: number, state: EntryState, status: AttachmentStatus): void {
    this.#statements.setState.run(state, JSON.stringify(status), id);
  }

  remove(id: number): void {
    this.#statements.remove.run(id);
  }

  /** Every attachment, oldest first. */
  entries(): JournalEntry[] {
    return this.#statements.all.all().map((row) => ({
      id: Number(row.id),
      request: JSON.parse(String(row.request)),
      namespace: { path: String(row.namespace_path), cookie: BigInt(String(row.namespace_cookie)) },
      state: String(row.state) as EntryState,
      status: JSON.parse(String(row.status)),
    }));
  }

  /** The plan of one attachment. Throws NotFoundError when it was removed. */
  plan(id: number): JournalPlan {
    const row = this.#statements.plan.get(id);
    if (row === undefined) throw new NotFoundError(`the journal holds no attachment ${id}`);
    return {
      steps: JSON.parse(String(row.steps)),
      before: JSON.parse(String(row.before)),
      reached: Number(row.reached),
    };
  }

  close(): void {
    this.#database.close();
  }
}

const STATEMENTS = {
  forgetEarlierBoots: "DELETE FROM attachment WHERE boot_id <> ?",
  insert: `INSERT INTO attachment
    (pod_uid, interface, boot_id, namespace_path, namespace_cookie, request, state, status, steps, before, reached)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', 0)`,
  intend: "UPDATE attachment SET reached = ?, before = ? WHERE id = ?",
  change: "UPDATE attachment SET request = ?, state = ?, steps = ?, before = ?, reached = ? WHERE id = ?",
  setState: "UPDATE attachment SET state = ?, status = ? WHERE id = ?",
  remove: "DELETE FROM attachment WHERE id = ?",
  all: "SELECT id, request, namespace_path, namespace_cookie, state, status FROM attachment ORDER BY id",
  plan: "SELECT steps, before, reached FROM attachment WHERE id = ?",
} as const;
