import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AttributeReader, AttributeWriter } from "../../../src/linux/netlink/attribute.ts";
import { decodeKind, encodeKind, type LinkKindSpec } from "../../../src/linux/route/kinds/kinds.ts";
import { readTopAttributes } from "../../golden/message.ts";
import { linkKinds } from "./arbitraries/links.ts";

/** Every kind of link: what is asked of the kernel is understood when the kernel says the same. */

const TRIES = { numRuns: 500 };

/** Kinds of whose own attributes the kernel reports none, so that there is nothing to read. */
const UNREAD: readonly string[] = ["dummy", "ifb", "veth"];

for (const [kind, spec] of Object.entries<fc.Arbitrary<LinkKindSpec>>(linkKinds)) {
  test(`the attributes of a ${kind} are ${UNREAD.includes(kind) ? "whole" : "read as they were written"}`, () => {
    fc.assert(
      fc.property(spec, (wanted) => {
        const writer = new AttributeWriter();
        encodeKind(wanted, writer);
        const written = writer.finish();
        assert.ok(readTopAttributes(written), "a list of attributes for a reader that is not ours");
        const { kind: _, ...rest } = wanted;
        const read = decodeKind(kind, new AttributeReader(written));
        assert.deepEqual(read, UNREAD.includes(kind) ? undefined : rest);
      }),
      TRIES,
    );
  });
}
