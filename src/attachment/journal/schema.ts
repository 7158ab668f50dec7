import { EMPTY_RESULT } from "../../model/cni/result.ts";

/**
 * An id is never given to a second attachment: who speaks of one must not mean another by it a moment later. A pod may
 * have two attachments of one name: what a former sandbox had, and could not be taken back yet, stays beside what the new
 * one has.
 */
const ATTACHMENT = `
  CREATE TABLE attachment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pod_uid TEXT NOT NULL,
    interface TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    namespace_path TEXT NOT NULL,
    namespace_cookie TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT NOT NULL,
    leased TEXT,
    steps TEXT NOT NULL,
    before TEXT NOT NULL,
    reached INTEGER NOT NULL,
    UNIQUE (pod_uid, interface, boot_id, namespace_cookie)
  ) STRICT;
`;

/** The address that was given out last of each range. */
const LAST_GIVEN = `
  CREATE TABLE last_given (
    network TEXT NOT NULL,
    subnet TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (network, subnet)
  ) STRICT;
`;

/** Tables of version 2 of the attachment journal. */
export const SCHEMA = `${ATTACHMENT} ${LAST_GIVEN}`;

/** Version 1 knew no results and no leases, and one attachment of a name only. */
export const UPGRADES: Readonly<Record<number, string>> = {
  1: `
  ALTER TABLE attachment RENAME TO attachment_1;
  ${ATTACHMENT}
  INSERT INTO attachment
    (id, pod_uid, interface, boot_id, namespace_path, namespace_cookie, request, state, status, steps, before, reached)
    SELECT id, pod_uid, interface, boot_id, namespace_path, namespace_cookie, request, state,
      json_set(status, '$.result', json('${JSON.stringify(EMPTY_RESULT)}')), steps, before, reached
    FROM attachment_1;
  DROP TABLE attachment_1;
  ${LAST_GIVEN}
  `,
};
