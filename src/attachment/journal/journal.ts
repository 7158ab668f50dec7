import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type DatabaseKind, openDatabase, prepareStatements, writeDurably } from "../../linux/database.ts";
import type { AttachmentStatus } from "../../model/attachment.ts";
import { NotFoundError } from "../../model/errors.ts";
import type { Leased } from "../lease/leased.ts";
import type { AttachmentRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { SCHEMA, UPGRADES } from "./schema.ts";

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
  /** As it was asked for, without what was given out for it. */
  readonly request: AttachmentRequest;
  readonly namespace: NamespaceIdentity;
  /** Its namespace, and all else in the kernel, went with that boot; what outlives one may be left. */
  readonly isOfEarlierBoot: boolean;
  readonly state: EntryState;
  readonly status: AttachmentStatus;
  /** What was given out for it; absent where nothing was, or not yet. */
  readonly leased?: Leased;
}

/** What is to be done for an attachment, and how far it came. */
export interface JournalPlan {
  readonly steps: readonly Step[];
  /** What was there before each step, as the handler of its kind observed it; null where it does not look. */
  readonly before: readonly unknown[];
  /** How many of the steps, counted from the first, may have happened. The others were not begun. */
  readonly reached: number;
}

/** A range of addresses of a network. */
export interface RangeOfNetwork {
  readonly podNetworkName: string;
  readonly subnet: string;
}

const KIND: DatabaseKind = {
  what: "attachment journal",
  version: 2,
  upgrades: UPGRADES,
  synchronous: "NORMAL",
  loss: "what it recorded is then no longer undone",
  schema: SCHEMA,
};

/**
 * What was done to the kernel and how to take it back, written before the kernel is touched. It survives
 * SIGKILL of the agent at any instant. A power cut may lose the last writes, and takes the kernel's state they
 * describe with it; what outlives a reboot is asked to be written durably, which waits for the disk.
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
  }

  /** Writes down a whole plan, nothing of it done yet, and what was given out for it from a range. */
  begin(
    request: AttachmentRequest,
    namespace: NamespaceIdentity,
    steps: readonly Step[],
    status: AttachmentStatus,
    leased?: Leased,
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
      textOrNull(leased),
      JSON.stringify(steps),
    );
    const id = Number(lastInsertRowid);
    const entry = { id, request, namespace, isOfEarlierBoot: false, state: "attaching", status } as const;
    return leased === undefined ? entry : { ...entry, leased };
  }

  /** All of the plan is known by now, and what a program gave out. How far it came stays. */
  extend(id: number, steps: readonly Step[], leased: Leased | undefined): void {
    this.#statements.extend.run(JSON.stringify(steps), textOrNull(leased), id);
  }

  /**
   * From here on the first `reached` steps may have happened; `before` is what was there before each of them. `isDurable`:
   * one of those that were added outlives a reboot.
   */
  intend(id: number, reached: number, before: readonly unknown[], isDurable = false): void {
    const write = () => this.#statements.intend.run(reached, JSON.stringify(before), id);
    if (isDurable) writeDurably(this.#database, write);
    else write();
  }

  /** Of the plan no more than this is left to be taken back. */
  keep(id: number, { steps, before, reached }: JournalPlan): void {
    this.#statements.keep.run(JSON.stringify(steps), JSON.stringify(before), reached, id);
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

  /** The address that was given out of a range last; undefined before the first. */
  lastGiven({ podNetworkName, subnet }: RangeOfNetwork): string | undefined {
    const row = this.#statements.lastGiven.get(podNetworkName, subnet);
    return row === undefined ? undefined : String(row.address);
  }

  setLastGiven({ podNetworkName, subnet }: RangeOfNetwork, address: string): void {
    this.#statements.setLastGiven.run(podNetworkName, subnet, address);
  }

  /** Every attachment, oldest first. */
  entries(): JournalEntry[] {
    return this.#statements.all.all().map((row) => ({
      id: Number(row.id),
      request: JSON.parse(String(row.request)),
      namespace: { path: String(row.namespace_path), cookie: BigInt(String(row.namespace_cookie)) },
      isOfEarlierBoot: row.boot_id !== this.#bootId,
      state: String(row.state) as EntryState,
      status: JSON.parse(String(row.status)),
      ...(row.leased === null ? {} : { leased: JSON.parse(String(row.leased)) }),
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

function textOrNull(value: Leased | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

const STATEMENTS = {
  insert: `INSERT INTO attachment
    (pod_uid, interface, boot_id, namespace_path, namespace_cookie, request, state, status, leased, steps, before, reached)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', 0)`,
  extend: "UPDATE attachment SET steps = ?, leased = ? WHERE id = ?",
  intend: "UPDATE attachment SET reached = ?, before = ? WHERE id = ?",
  keep: "UPDATE attachment SET steps = ?, before = ?, reached = ? WHERE id = ?",
  change: "UPDATE attachment SET request = ?, state = ?, steps = ?, before = ?, reached = ? WHERE id = ?",
  setState: "UPDATE attachment SET state = ?, status = ? WHERE id = ?",
  remove: "DELETE FROM attachment WHERE id = ?",
  all: `SELECT id, request, boot_id, namespace_path, namespace_cookie, state, status, leased FROM attachment
    ORDER BY id`,
  plan: "SELECT steps, before, reached FROM attachment WHERE id = ?",
  lastGiven: "SELECT address FROM last_given WHERE network = ? AND subnet = ?",
  setLastGiven: "INSERT OR REPLACE INTO last_given (network, subnet, address) VALUES (?, ?, ?)",
} as const;
