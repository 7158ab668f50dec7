import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type DatabaseKind, openDatabase, prepareStatements } from "../linux/database.ts";
import type { PreviousState } from "./previous-state.ts";
import type { Aspect } from "./steps.ts";

/** A PF that was changed, or is about to be, and what brings it back. */
export interface StoredPf {
  readonly address: string;
  /** Four hexadecimal digits each: whether it is still the same card. */
  readonly vendor: string;
  readonly device: string;
  /** Names of its link when they were last seen. */
  readonly names: readonly string[];
  /** What kind of link that was (`ether`); undefined where nothing told. */
  readonly linkType: string | undefined;
  readonly previous: PreviousState;
  /** What of it was changed, and may be. */
  readonly touched: readonly Aspect[];
}

const KIND: DatabaseKind = {
  what: "provisioning store",
  version: 2,
  synchronous: "FULL",
  loss: "the PFs it names then stay as they are when their policies go",
  schema: `
  CREATE TABLE pf (
    address TEXT PRIMARY KEY,
    vendor TEXT NOT NULL,
    device TEXT NOT NULL,
    names TEXT NOT NULL,
    link_type TEXT,
    previous TEXT NOT NULL,
    touched TEXT NOT NULL
  ) STRICT;
  `,
};

/**
 * What PFs were before they were changed first, written before they are. It outlives the agent and the machine's next
 * start, because the settings may too (a service that makes them again at boot), and a power cut: each write is on the
 * disk when its call returns.
 */
export class ProvisioningStore {
  readonly #database: DatabaseSync;
  readonly #statements: Record<keyof typeof STATEMENTS, StatementSync>;

  /** Opens or makes the store at `path`. Throws LanyardError. */
  constructor(path: string) {
    this.#database = openDatabase(path, KIND);
    this.#statements = prepareStatements(this.#database, STATEMENTS);
  }

  all(): StoredPf[] {
    return this.#statements.all.all().map(readRow);
  }

  find(address: string): StoredPf | undefined {
    const row = this.#statements.find.get(address);
    return row === undefined ? undefined : readRow(row);
  }

  /** Writes a PF down; takes the place of what is known of it. */
  put({ address, vendor, device, names, linkType, previous, touched }: StoredPf): void {
    const [namesText, previousText, touchedText] = [names, previous, touched].map((value) =>
      JSON.stringify(value),
    ) as [string, string, string];
    const linkTypeText = linkType ?? null;
    this.#statements.put.run(address, vendor, device, namesText, linkTypeText, previousText, touchedText);
  }

  remove(address: string): void {
    this.#statements.remove.run(address);
  }

  close(): void {
    this.#database.close();
  }
}

const STATEMENTS = {
  all: "SELECT * FROM pf ORDER BY address",
  find: "SELECT * FROM pf WHERE address = ?",
  put: `INSERT OR REPLACE INTO pf (address, vendor, device, names, link_type, previous, touched)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  remove: "DELETE FROM pf WHERE address = ?",
} as const;

function readRow(row: Record<string, unknown>): StoredPf {
  return {
    address: String(row.address),
    vendor: String(row.vendor),
    device: String(row.device),
    names: JSON.parse(String(row.names)),
    linkType: row.link_type === null ? undefined : String(row.link_type),
    previous: JSON.parse(String(row.previous)),
    touched: JSON.parse(String(row.touched)),
  };
}
