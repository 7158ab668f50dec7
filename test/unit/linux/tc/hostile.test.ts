import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { readBatchCount } from "../../../../src/linux/bpf/commands.ts";
import { decodeMapInfo, decodeProgramInfo } from "../../../../src/linux/bpf/info.ts";
import { AttributeWriter } from "../../../../src/linux/netlink/attribute.ts";
import { decodeLink } from "../../../../src/linux/route/link-decoder.ts";
import { readActionStatistics, readActions } from "../../../../src/linux/route/tc/action.ts";
import {
  decodeFqCodelStatistics,
  decodeFqStatistics,
  decodeHtbClassStatistics,
} from "../../../../src/linux/route/tc/application.ts";
import { decodeClass } from "../../../../src/linux/route/tc/class.ts";
import { decodeFilter } from "../../../../src/linux/route/tc/filter.ts";
import { readFlowerMatch } from "../../../../src/linux/route/tc/flower-keys.ts";
import { decodeQdisc } from "../../../../src/linux/route/tc/qdisc.ts";

const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_STATS2 = 7;
const TCA_STATS_APP = 4;
const IFLA_LINKINFO = 18;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TRIES = { numRuns: 500 };

/** Any attributes: types and lengths as they occur, with payloads of any bytes, some of them cut. */
const attributes = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 95 }), fc.uint8Array({ maxLength: 64 })), { maxLength: 8 })
  .map((list) => {
    const writer = new AttributeWriter();
    for (const [type, payload] of list) writer.bytes(type, payload);
    return writer.finish().slice();
  });
const anyBytes = fc.oneof(attributes, fc.uint8Array({ maxLength: 200 }));

/** What the kernel would report of an object of a kind. */
function report(name: string, options: Uint8Array) {
  const writer = new AttributeWriter().string(TCA_KIND, name).bytes(TCA_OPTIONS, options);
  const payload = Uint8Array.from([...Array(20).fill(1), ...writer.finish()]);
  return { type: 0, flags: 0, sequence: 0, portId: 0, payload };
}

const QDISCS = [
  "htb",
  "tbf",
  "fq",
  "fq_codel",
  "pfifo",
  "bfifo",
  "pfifo_fast",
  "mq",
  "noqueue",
  "ingress",
  "clsact",
];

for (const [what, kinds, decode] of [
  ["qdisc", QDISCS, decodeQdisc],
  ["class", ["htb", "mq"], decodeClass],
  ["filter", ["u32", "matchall", "flower", "bpf"], decodeFilter],
] as const) {
  for (const kind of kinds) {
    test(`no options of a ${what} ${kind} make its decoder throw`, () => {
      fc.assert(
        fc.property(anyBytes, (options) => void decode(report(kind, options))),
        TRIES,
      );
    });
  }
}

/** What every object has, and whoever looks a kind up in one may find instead of nothing. */
for (const name of Object.getOwnPropertyNames(Object.prototype)) {
  test(`a kind that calls itself ${name} is one that is not known`, () => {
    const writer = new AttributeWriter().string(TCA_KIND, name).bytes(TCA_OPTIONS, new Uint8Array(8));
    writer.nest(TCA_STATS2, (nest) => nest.bytes(TCA_STATS_APP, new Uint8Array(160)));
    const payload = Uint8Array.from([...Array(20).fill(1), ...writer.finish()]);
    const message = { type: 0, flags: 0, sequence: 0, portId: 0, payload };
    for (const decode of [decodeQdisc, decodeClass]) {
      const found = decode(message);
      assert.deepEqual([found?.spec.kind, found?.application], ["unknown", undefined]);
    }
    assert.equal(decodeFilter(message)?.spec.kind, "unknown");
    const link = new AttributeWriter(16).nest(IFLA_LINKINFO, (info) => {
      info.string(1, name).bytes(2, new Uint8Array(8)); // IFLA_INFO_KIND, IFLA_INFO_DATA
      info.string(4, name).bytes(5, new Uint8Array(8)); // IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA
    });
    const { kind, kindData, portKind, portData } = decodeLink(link.finish()) ?? {};
    assert.deepEqual([kind, kindData, portKind, portData], [name, undefined, name, undefined]);
  });
}

for (const kind of ["mirred", "police", "skbedit", "gact"]) {
  test(`no options of an action ${kind} make its decoder throw`, () => {
    fc.assert(
      fc.property(anyBytes, (options) => {
        const list = new AttributeWriter().nest(1, (action) =>
          action.string(TCA_ACT_KIND, kind).bytes(TCA_ACT_OPTIONS, options),
        );
        const bytes = list.finish().slice();
        readActions(bytes);
        readActionStatistics(bytes);
      }),
      TRIES,
    );
  });
}

for (const decode of [
  decodeFqStatistics,
  decodeFqCodelStatistics,
  decodeHtbClassStatistics,
  decodeProgramInfo,
  decodeMapInfo,
  readBatchCount,
  readFlowerMatch,
]) {
  test(`no bytes make ${decode.name} throw`, () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => void decode(bytes)),
      TRIES,
    );
  });
}
