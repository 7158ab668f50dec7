import assert from "node:assert/strict";
import test from "node:test";
import { AttributeReader, AttributeWriter } from "../../../../src/linux/netlink/attribute.ts";
import { decodeVf } from "../../../../src/linux/route/vf.ts";
import { decodeVfTable } from "../../../../src/linux/route/vf-table.ts";
import { bytesOf, messageOf } from "../tc/bytes.ts";
import { igbPf, netdevsimPf, wrappedPf } from "./captured-vfs.ts";

const NO_COUNTERS = {
  receivePackets: 0,
  transmitPackets: 0,
  receiveBytes: 0,
  transmitBytes: 0,
  broadcastPackets: 0,
  multicastPackets: 0,
  receiveDrops: 0,
  transmitDrops: 0,
};

/** struct ifinfomsg, then IFLA_ADDRESS with six bytes, then IFLA_NUM_VF. */
function pfWith(count: number, ...rest: readonly string[]): Uint8Array {
  const number = Buffer.from(Uint32Array.of(count).buffer).toString("hex");
  return bytesOf(["00".repeat(16), "0a000100 020000000099 0000", `08001500 ${number}`, ...rest].join(""));
}

/** IFLA_VF_INFO that holds IFLA_VF_MAC with the VF's number and an address of 32 bytes. */
const vfNest = (vf: string) => `2c000100 28000100 ${vf} 0200000000aa ${"00".repeat(26)}`;

test("everything that can be set on netdevsim is read back", () => {
  const { count, vfs, isWhole } = decodeVfTable(messageOf(netdevsimPf).payload);
  assert.deepEqual([count, isWhole], [2, true]);
  assert.deepEqual(vfs[1], {
    index: 1,
    attributes: {
      mac: "02:00:00:00:00:01",
      broadcastMac: "ff:ff:ff:ff:ff:ff",
      vlan: { id: 100, qos: 3, protocol: "802.1ad" },
      rate: { min: 50_000_000, max: 200_000_000 },
      isSpoofChecked: true,
      isTrusted: true,
      linkState: "disable",
      canQueryRss: true,
      nodeGuid: undefined,
      portGuid: undefined,
    },
    statistics: NO_COUNTERS,
    pciAddress: undefined,
  });
});

test("a VF for which nothing was set says so, and has no VLAN protocol where the driver names none", () => {
  const [vf] = decodeVfTable(messageOf(netdevsimPf).payload).vfs;
  assert.deepEqual(vf?.attributes, {
    mac: "00:00:00:00:00:00",
    broadcastMac: "ff:ff:ff:ff:ff:ff",
    vlan: { id: 0, qos: 0, protocol: undefined },
    rate: { min: 0, max: 0 },
    isSpoofChecked: false,
    isTrusted: false,
    linkState: "auto",
    canQueryRss: false,
    nodeGuid: undefined,
    portGuid: undefined,
  });
});

test("what igb does not tell is undefined, and not off", () => {
  const { vfs } = decodeVfTable(messageOf(igbPf).payload);
  assert.deepEqual(vfs[1]?.attributes, {
    mac: "02:00:00:00:00:01",
    broadcastMac: "ff:ff:ff:ff:ff:ff",
    vlan: { id: 100, qos: 3, protocol: "802.1Q" },
    rate: { min: 0, max: 100_000_000 },
    isSpoofChecked: false,
    isTrusted: true,
    linkState: "auto",
    canQueryRss: undefined,
    nodeGuid: undefined,
    portGuid: undefined,
  });
});

test("a list of 65716 bytes, which says that it has 180, is read to its end", () => {
  const { payload } = messageOf(wrappedPf);
  // IFLA_VFINFO_LIST stands 576 bytes behind struct ifinfomsg.
  assert.deepEqual([...payload.subarray(592, 596)], [180, 0, 22, 0]);
  const { count, vfs, isWhole } = decodeVfTable(payload);
  assert.deepEqual([count, vfs.length, isWhole], [222, 222, true]);
  assert.deepEqual(
    vfs.map(({ index }) => index),
    Array.from({ length: 222 }, (_, index) => index),
  );
  assert.deepEqual([vfs[221]?.attributes?.mac, vfs[221]?.attributes?.isTrusted], ["02:00:00:00:00:dd", true]);
  assert.deepEqual(
    [vfs[220]?.attributes?.mac, vfs[220]?.attributes?.isTrusted],
    ["00:00:00:00:00:00", false],
  );
});

test("counters, GUIDs and what a VF's number precedes are each in their place", () => {
  const vf = new AttributeWriter()
    .bytes(1, bytesOf(`07000000 0200000000aa ${"00".repeat(26)}`)) // IFLA_VF_MAC
    .bytes(10, bytesOf("07000000 00000000 7766554433221100")) // IFLA_VF_IB_NODE_GUID: a number, lowest byte first
    .bytes(11, bytesOf("07000000 00000000 8866554433221100")) // IFLA_VF_IB_PORT_GUID
    .nest(8, (stats) => {
      // IFLA_VF_STATS: packets, bytes, broadcast, multicast; 6 is padding
      for (const type of [0, 1, 2, 3, 4, 5, 7, 8]) stats.u64(type, 1000 + type);
      stats.flag(6);
    })
    .finish();
  assert.deepEqual(decodeVf(vf)?.statistics, {
    receivePackets: 1000,
    transmitPackets: 1001,
    receiveBytes: 1002,
    transmitBytes: 1003,
    broadcastPackets: 1004,
    multicastPackets: 1005,
    receiveDrops: 1007,
    transmitDrops: 1008,
  });
  const attributes = decodeVf(vf)?.attributes;
  assert.deepEqual(
    [attributes?.nodeGuid, attributes?.portGuid],
    ["00:11:22:33:44:55:66:77", "00:11:22:33:44:55:66:88"],
  );
});

test("a kernel that tells no list of VLANs knows 802.1Q alone", () => {
  const vf = new AttributeWriter()
    .bytes(1, bytesOf(`00000000 ${"00".repeat(32)}`))
    .bytes(2, bytesOf("00000000 64000000 03000000")) // IFLA_VF_VLAN: VF, VLAN, QoS
    .finish();
  assert.deepEqual(decodeVf(vf)?.attributes?.vlan, { id: 100, qos: 3, protocol: "802.1Q" });
});

test("the addresses of an InfiniBand VF are as long as its PF's", () => {
  const long = `${"00".repeat(12)} 0011223344556677`;
  const payload = bytesOf(`
    ${"00".repeat(16)}
    18000100 ${long}                             # IFLA_ADDRESS: 20 bytes
    08001500 01000000                            # IFLA_NUM_VF
    30001600 2c000100                            # IFLA_VFINFO_LIST, IFLA_VF_INFO
      28000100 00000000 ${long} ${"ee".repeat(12)} # IFLA_VF_MAC: what stands behind 20 bytes is not told`);
  assert.equal(
    decodeVfTable(payload).vfs[0]?.attributes?.mac,
    "00:00:00:00:00:00:00:00:00:00:00:00:00:11:22:33:44:55:66:77",
  );
});

test("VFs of which the driver tells nothing are counted, and what stands behind the list is none of them", () => {
  const list = `30001600 ${vfNest("02000000")}`;
  // IFLA_XDP stands behind the list.
  const { count, vfs, isWhole } = decodeVfTable(pfWith(4, list, "0c002b00 05000200 00000000"));
  assert.deepEqual([count, vfs.map(({ index }) => index), isWhole], [4, [2], true]);
  assert.deepEqual(decodeVfTable(pfWith(4, "04001600")), { count: 4, vfs: [], isWhole: true });
  assert.deepEqual(decodeVfTable(pfWith(4)), { count: 4, vfs: [], isWhole: true });
});

test("a link without VFs has none", () => {
  const payload = bytesOf(`${"00".repeat(16)} 08000400 dc050000`);
  assert.deepEqual(decodeVfTable(payload), { count: 0, vfs: [], isWhole: true });
});

test("a list that does not end where it says is not whole", () => {
  const two = vfNest("00000000") + vfNest("01000000");
  const other = vfNest("01000000").replace("2c000100", "2c000200");
  for (const [what, bytes] of [
    ["its length is of one VF", pfWith(2, `30001600 ${two}`)],
    ["its length is of three", pfWith(2, `88001600 ${two}`)],
    ["there are fewer VFs than it holds", pfWith(1, `5c001600 ${two}`)],
    ["the second VF has another type", pfWith(2, `5c001600 ${vfNest("00000000")}`, other)],
    ["a VF is shorter than its header", pfWith(2, `5c001600 03000100 ${two}`)],
    ["the bytes end in the second VF", pfWith(2, `5c001600 ${two}`).subarray(0, -4)],
    ["there are more VFs than a number of 16 bits says", pfWith(0x10000, "04001600")],
  ] as const) {
    assert.equal(decodeVfTable(bytes).isWhole, false, what);
  }
  assert.equal(decodeVfTable(pfWith(2, `5c001600 ${two}`)).isWhole, true);
});

test("a list whose length was cut to less than a header is found all the same", () => {
  // 1489 VFs of 44 bytes with 4 more are 65520 bytes; a longer last one makes 65536, of which nothing remains.
  const long = vfNest("01000000").replace("2c000100", "3c000100") + "10000400".padEnd(32, "0");
  const list = `00001600 ${vfNest("00000000").repeat(1488)} ${long}`;
  const payload = pfWith(1489, list);
  assert.equal(payload.length, 16 + 12 + 8 + 0x10000);
  const { vfs, isWhole } = decodeVfTable(payload);
  assert.deepEqual([vfs.length, vfs.at(-1)?.index, isWhole], [1489, 1, true]);
});

test("no bytes at all, and captured messages cut or changed anywhere, are read without complaint", () => {
  assert.deepEqual(decodeVfTable(new Uint8Array()), { count: 0, vfs: [], isWhole: true });
  for (const payload of [netdevsimPf, igbPf].map((bytes) => messageOf(bytes).payload)) {
    for (let at = 0; at < payload.length; at++) {
      for (const other of [0, 1, 0x7f, 0xff])
        assert.ok(decodeVfTable(payload.with(at, other)).vfs.length <= 2);
      assert.ok(decodeVfTable(payload.subarray(0, at)).vfs.length <= 2);
      decodeVf(payload.subarray(at));
    }
  }
});

test("a reader that believes the list's length takes the parts of a VF for the link's", () => {
  const attributes = new AttributeReader(messageOf(wrappedPf).payload.subarray(16));
  assert.equal(attributes.bytes(22)?.length, 176);
  // IFLA_ADDRESS, which is of six bytes, has the number of IFLA_VF_INFO and IFLA_VF_MAC.
  assert.notEqual(attributes.bytes(1)?.length, 6);
});
