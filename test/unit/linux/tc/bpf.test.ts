import assert from "node:assert/strict";
import test from "node:test";
import { decodeFilter, encodeFilter, type FilterSpec } from "../../../../src/linux/route/tc/filter.ts";
import { assertAttribute, assertBytes, messageOf, optionsOf } from "./bytes.ts";

const place = { link: 3, parent: "egress", priority: 1, protocol: "all", handle: 1 } as const;
const filter = { ...place, kind: "bpf", program: { fd: 9 }, actions: [] } as const satisfies FilterSpec;

test("tc filter add dev LINK3 egress prio 1 handle 1 bpf direct-action object-pinned PATH skip_hw classid 1:10", () => {
  const spec: FilterSpec = {
    ...filter,
    name: "count",
    isDirectAction: true,
    classId: 0x10010,
    runsIn: "software",
  };
  const options = optionsOf(encodeFilter(spec, 0));
  assertAttribute(options, 3, "10000100"); // TCA_BPF_CLASSID
  assertAttribute(options, 6, "09000000"); // TCA_BPF_FD
  assertAttribute(options, 7, "636f756e7400"); // TCA_BPF_NAME "count"
  assertAttribute(options, 8, "01000000"); // TCA_BPF_FLAGS: TCA_BPF_FLAG_ACT_DIRECT
  assertAttribute(options, 9, "01000000"); // TCA_BPF_FLAGS_GEN: TCA_CLS_FLAGS_SKIP_HW
  assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, 0)))?.spec, spec);
});

test("what the kernel reports names the program by its number and its tag", () => {
  const raw = "08000b00 2a000000 0c000a00 0123456789abcdef".replaceAll(" ", ""); // TCA_BPF_ID 42, TCA_BPF_TAG
  const reported = encodeFilter({ ...place, kind: "unknown", name: "bpf", raw }, 0);
  const { spec } = decodeFilter(messageOf(reported)) ?? {};
  const program = { id: 42, tag: "0123456789abcdef" };
  assert.deepEqual(spec, { ...place, kind: "bpf", program, actions: [] });
  assert.throws(
    () => encodeFilter(spec as FilterSpec, 0),
    /program of filter bpf.*expected an open descriptor/,
  );
});

test("a filter of the older kind of program is kept as it came", () => {
  const raw = "060004000100000" + "00c0005000600000000000000"; // TCA_BPF_OPS_LEN 1, TCA_BPF_OPS "return 0"
  const spec: FilterSpec = { ...place, kind: "unknown", name: "bpf", raw };
  assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, 0)))?.spec, spec);
  assertBytes(encodeFilter(spec, 0).subarray(-20), raw);
});
