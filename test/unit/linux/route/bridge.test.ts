import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { EOPNOTSUPP } from "../../../../src/linux/errno.ts";
import { AttributeReader } from "../../../../src/linux/netlink/attribute.ts";
import { BridgePorts, bridgePortFields } from "../../../../src/linux/route/bridge-ports.ts";
import { type BridgeVlan, BridgeVlans, decodePortVlans } from "../../../../src/linux/route/bridge-vlans.ts";
import { readFields } from "../../../../src/linux/route/fields.ts";
import { bridgePort } from "../arbitraries/links.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { makeRecorder } from "./recorder.ts";

/** RTM_SETLINK and RTM_DELLINK with REQUEST and ACK. */
const SETLINK = "1300 0500 00000000 00000000";
const DELLINK = "1100 0500 00000000 00000000";
/** struct ifinfomsg of the family AF_BRIDGE, index 5. */
const PORT = "07000000 05000000 00000000 00000000";

const vlansOver = (recorder: ReturnType<typeof makeRecorder>) => new BridgeVlans(recorder.client, "blue");
const portsOver = (recorder: ReturnType<typeof makeRecorder>) => new BridgePorts(recorder.client, "blue");

test("a VLAN of a port is asked for with its flags", async () => {
  const recorder = makeRecorder();
  await vlansOver(recorder).add(5, { id: 7, isPvid: true, isUntagged: true });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    2c000000 ${SETLINK} ${PORT}
    0c00 1a80                    # IFLA_AF_SPEC
      0800 0200 0600 0700        # IFLA_BRIDGE_VLAN_INFO: PVID and UNTAGGED, VLAN 7`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("VLANs in a row are asked for by the first and the last", async () => {
  const recorder = makeRecorder();
  await vlansOver(recorder).delete(5, { id: 10, last: 20 });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    34000000 ${DELLINK} ${PORT}
    1400 1a80                    # IFLA_AF_SPEC
      0800 0200 0800 0a00        # RANGE_BEGIN, VLAN 10
      0800 0200 1000 1400        # RANGE_END, VLAN 20`,
  );
  // It takes no link away, so it need not wait behind those that do.
  assert.equal(recorder.sent[0]?.schedule.lane, "change");
});

test("a VLAN of the bridge itself is asked of the link itself", async () => {
  const recorder = makeRecorder();
  await vlansOver(recorder).add(5, { id: 7 }, "bridge");
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    34000000 ${SETLINK} ${PORT}
    1400 1a80                    # IFLA_AF_SPEC
      0600 0000 0200 0000        # IFLA_BRIDGE_FLAGS: BRIDGE_FLAGS_SELF
      0800 0200 0000 0700        # IFLA_BRIDGE_VLAN_INFO`,
  );
});

for (const [vlan, place] of [
  [{ id: 0 }, "bridge VLAN of link 5"],
  [{ id: 4095 }, "bridge VLAN of link 5"],
  [{ id: 9, last: 9 }, "last bridge VLAN of link 5"],
  [{ id: 9, last: 4095 }, "last bridge VLAN of link 5"],
  [{ id: 9, last: 10, isPvid: true }, "bridge VLAN of link 5"],
] satisfies [BridgeVlan, string][]) {
  test(`VLANs that cannot be are refused before the kernel is asked: ${JSON.stringify(vlan)}`, async () => {
    const recorder = makeRecorder();
    await assert.rejects(vlansOver(recorder).add(5, vlan), { code: "invalid", place });
    assert.equal(recorder.sent.length, 0);
  });
}

/** An RTM_NEWLINK of a port with these in IFLA_AF_SPEC, as the kernel sends it. */
const portMessage = (spec: string) => {
  const nest = bytesOf(spec);
  const header = Buffer.alloc(16 + 16 + 8 + 4);
  header.writeUInt32LE(header.length + nest.length, 0);
  header.writeUInt16LE(16, 4); // RTM_NEWLINK
  header.set(bytesOf(`${PORT} 0800 0a00 03000000`), 16); // IFLA_MASTER 3
  header.writeUInt16LE(4 + nest.length, 40);
  header.writeUInt16LE(26, 42); // IFLA_AF_SPEC
  return Uint8Array.from(Buffer.concat([header, nest]));
};

test("the VLANs of ports are listed, those in a row as one", async () => {
  const recorder = makeRecorder(
    portMessage(`
    0800 0200 0600 0100          # PVID and UNTAGGED, VLAN 1
    0800 0200 0800 0a00          # RANGE_BEGIN, VLAN 10
    0800 0200 1000 1400          # RANGE_END, VLAN 20
    0800 0200 0c00 1e00          # RANGE_BEGIN and UNTAGGED, VLAN 30
    0800 0200 1400 1f00          # RANGE_END and UNTAGGED, VLAN 31`),
  );
  const { ports, isInconsistent } = await vlansOver(recorder).list();
  const vlans = [
    { id: 1, isPvid: true, isUntagged: true },
    { id: 10, last: 20, isPvid: false, isUntagged: false },
    { id: 30, last: 31, isPvid: false, isUntagged: true },
  ];
  assert.deepEqual([ports, isInconsistent], [[{ link: 5, bridge: 3, vlans }], false]);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    28000000 1200 0103 00000000 00000000 # RTM_GETLINK with NLM_F_DUMP
    07000000 00000000 00000000 00000000  # AF_BRIDGE
    0800 1d00 04000000                   # IFLA_EXT_MASK: RTEXT_FILTER_BRVLAN_COMPRESSED`,
  );
});

test("a port without VLANs is left out, and a row without an end or a beginning is read as far as it goes", async () => {
  assert.deepEqual((await vlansOver(makeRecorder(portMessage(""))).list()).ports, []);
  const halves = portMessage("0800 0200 1000 1400 0800 0200 0800 0a00").subarray(16);
  assert.deepEqual(decodePortVlans(halves)?.vlans, [{ id: 20, isPvid: false, isUntagged: false }]);
  assert.equal(decodePortVlans(new Uint8Array(15)), undefined);
  // A link that is told as a link, not as a port.
  assert.equal(decodePortVlans(new Uint8Array(16)), undefined);
});

test("a port is told what to do by the bridge's own attributes", async () => {
  const recorder = makeRecorder();
  await portsOver(recorder).set(5, { isHairpin: true, isIsolated: false, cost: 100, state: "forwarding" });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    44000000 ${SETLINK} ${PORT}
    2400 0c80                    # IFLA_PROTINFO, which must be marked as a nest
      0500 0100 03 000000        # IFLA_BRPORT_STATE: BR_STATE_FORWARDING
      0800 0300 64000000         # IFLA_BRPORT_COST
      0500 0400 01 000000        # IFLA_BRPORT_MODE
      0500 2100 00 000000        # IFLA_BRPORT_ISOLATED`,
  );
});

test("settings that cannot be, or none, are refused before the kernel is asked", async () => {
  const recorder = makeRecorder();
  const ports = portsOver(recorder);
  await assert.rejects(ports.set(5, { priority: 64 }), {
    message: "priority of port 5: 64 is not usable; expected a whole number from 0 to 63",
  });
  await assert.rejects(ports.set(5, {}), { place: "settings of port 5", expected: "at least one setting" });
  assert.equal(recorder.sent.length, 0);
});

test("a link that belongs to no bridge refuses in words", async () => {
  const recorder = makeRecorder(undefined, EOPNOTSUPP);
  await assert.rejects(portsOver(recorder).set(5, { isHairpin: true }), {
    message: "set the bridge's port 5 in blue: the link belongs to no bridge (EOPNOTSUPP)",
  });
  await assert.rejects(
    vlansOver(recorder).add(5, { id: 7 }),
    /add the bridge VLAN 7 of link 5 in blue: .*no bridge/,
  );
  await assert.rejects(
    vlansOver(recorder).delete(5, { id: 7, last: 9 }, "bridge"),
    /7 to 9 .*the link is no bridge/,
  );
});

test("what a port is told is read as it was written", async () => {
  await fc.assert(
    fc.asyncProperty(bridgePort, async (wanted) => {
      fc.pre(Object.keys(wanted).length > 0);
      const recorder = makeRecorder();
      await portsOver(recorder).set(5, wanted);
      const request = recorder.sent[0]?.request as Uint8Array;
      const attributes = new AttributeReader(request.subarray(32));
      const told = attributes.nested(12) ?? new AttributeReader(new Uint8Array());
      assert.deepEqual(readFields(bridgePortFields, told), wanted);
    }),
  );
});

const vlan = fc
  .tuple(fc.integer({ min: 1, max: 4094 }), fc.integer({ min: 0, max: 100 }), fc.boolean(), fc.boolean())
  .map(([id, more, isPvid, isUntagged]): BridgeVlan => {
    const last = Math.min(id + more, 4094);
    return last === id ? { id, isPvid, isUntagged } : { id, last, isPvid: false, isUntagged };
  });

test("VLANs are read as they were written", async () => {
  await fc.assert(
    fc.asyncProperty(vlan, async (wanted) => {
      const recorder = makeRecorder();
      await vlansOver(recorder).add(5, wanted);
      const request = recorder.sent[0]?.request as Uint8Array;
      assert.deepEqual(decodePortVlans(request.subarray(16))?.vlans, [wanted]);
    }),
  );
});
