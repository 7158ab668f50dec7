import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { AttributeReader, AttributeWriter } from "../../../src/linux/netlink/attribute.ts";
import { bondPortFields } from "../../../src/linux/route/bond-ports.ts";
import { writeFields } from "../../../src/linux/route/fields.ts";
import { decodeIpSettings } from "../../../src/linux/route/ip-settings.ts";
import { decodeKind, encodeKind, type LinkKindSpec } from "../../../src/linux/route/kinds/kinds.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
import { Links } from "../../../src/linux/route/links.ts";
import { decodePort } from "../../../src/linux/route/ports.ts";
import type { Prepared } from "../../../src/linux/worker/prepared.ts";
import { readTopAttributes } from "../../golden/message.ts";
import { bondPort, linkKinds, linkName, linkSettings, queueSettings } from "./arbitraries/links.ts";
import { joined, linkIndex, maybe, record, text } from "./arbitraries/values.ts";
import { makeRecorder } from "./route/recorder.ts";

/** Every kind of link, and what else a link is told: what is asked of the kernel is understood when the kernel says the same. */

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

const links = new Links(makeRecorder().client, "blue");

/** What a request holds behind its header. */
function payloadOf({ job }: Prepared<unknown>): Uint8Array {
  assert.ok(job.do === "transact");
  return job.request.subarray(16);
}

test("a link that is made is read with its name, its parent, its queues and all of its kind", () => {
  const anyKind: fc.Arbitrary<LinkKindSpec> = fc.oneof(...Object.values(linkKinds));
  const place = joined(
    record({ name: linkName, index: linkIndex }),
    maybe("parent", linkIndex),
    queueSettings,
  );
  fc.assert(
    fc.property(place, anyKind, (told, of) => {
      const read = decodeLink(payloadOf(links.prepareCreate({ ...told, of })));
      const { kind, ...own } = of;
      const isTold = !UNREAD.includes(kind) && Object.keys(own).length > 0;
      const expected = { ...told, kind, kindData: isTold ? own : undefined };
      assert.deepEqual(read, { ...read, ...expected });
    }),
    TRIES,
  );
});

test("what a link is told is read as it was written, and what it is not told is as it always is", () => {
  const usual = decodeLink(payloadOf(links.prepareSet(5, {})));
  assert.ok(usual);
  fc.assert(
    fc.property(linkSettings, (wanted) => {
      // Where the limits for IPv4 are not told, they are those for all.
      const { gsoMaxSize = usual.gsoMaxSize, groMaxSize = usual.groMaxSize } = wanted;
      const limits = { gsoIpv4MaxSize: gsoMaxSize, groIpv4MaxSize: groMaxSize };
      const read = decodeLink(payloadOf(links.prepareSet(5, wanted)));
      assert.deepEqual(read, { ...usual, ...limits, ...wanted });
    }),
    TRIES,
  );
});

test("how a link makes IPv6 addresses is read as it was written", () => {
  const addressGeneration = fc.constantFrom("eui64", "none", "stable-privacy", "random");
  fc.assert(
    fc.property(record({ addressGeneration }), (ipv6) => {
      const read = decodeIpSettings(payloadOf(links.prepareSet(5, { ipv6 })));
      assert.deepEqual(read, { ipv4: {}, ipv6 });
    }),
    { numRuns: 20 },
  );
});

test("a link's other names are read as they were written", async () => {
  const names = fc.uniqueArray(
    text.filter((name) => name !== "" && Buffer.byteLength(name) <= 127),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(names, async (wanted) => {
      const { client, sent } = makeRecorder();
      await new Links(client, "blue").addAltNames(5, wanted);
      const request = sent[0]?.request ?? new Uint8Array();
      assert.deepEqual(decodeLink(request.subarray(16))?.altNames, wanted);
    }),
    TRIES,
  );
});

test("what is told of a link in a bond is read as it was written", () => {
  fc.assert(
    fc.property(bondPort, (wanted) => {
      const data = new AttributeWriter();
      writeFields(bondPortFields, wanted, data, "a bond's link");
      assert.deepEqual(decodePort("bond", new AttributeReader(data.finish())), wanted);
    }),
    TRIES,
  );
});
