import assert from "node:assert/strict";
import test from "node:test";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../../../src/linux/netlink/message.ts";
import { decodeFilter, encodeFilter, type FilterSpec } from "../../../../src/linux/route/tc/filter.ts";
import type { FlowerMatch } from "../../../../src/linux/route/tc/flower-match.ts";
import { tcHandle } from "../../../../src/linux/route/tc/tcmsg.ts";
import { assertAttribute, assertBytes, bytesOf, messageOf, optionsOf } from "./bytes.ts";

const ADD = NLM_F_CREATE | NLM_F_EXCL;
const place = { link: 3, parent: "egress", priority: 1, handle: 1 } as const;

function flower(protocol: "all" | number, match: FlowerMatch): FilterSpec {
  return { ...place, protocol, kind: "flower", match, actions: [] };
}

test("tc filter add dev LINK3 egress protocol ip prio 1 handle 1 flower ip_proto tcp dst_ip 10.0.0.0/24 src_port 80 skip_hw classid 1:10", () => {
  const spec: FilterSpec = {
    ...place,
    protocol: 0x0800,
    kind: "flower",
    match: { ipProtocol: 6, destination: "10.0.0.7/24", sourcePort: 80 },
    classId: tcHandle(1, 0x10),
    runsIn: "software",
    actions: [],
  };
  const request = encodeFilter(spec, ADD);
  assertBytes(
    request.subarray(16, 52),
    `00000000 03000000 01000000 f3ffffff 08000100  # handle 1, parent ffff:fff3, priority 1, IPv4
     0b00 0100 666c6f77657200 00                   # TCA_KIND "flower"
     3c00 0200                                     # TCA_OPTIONS`,
  );
  const options = optionsOf(request);
  assertAttribute(options, 1, "10000100"); // TCA_FLOWER_CLASSID
  assertAttribute(options, 8, "0800"); // TCA_FLOWER_KEY_ETH_TYPE, in network order
  assertAttribute(options, 9, "06"); // TCA_FLOWER_KEY_IP_PROTO
  assertAttribute(options, 12, "0a000000"); // TCA_FLOWER_KEY_IPV4_DST: the network
  assertAttribute(options, 13, "ffffff00"); // TCA_FLOWER_KEY_IPV4_DST_MASK
  assertAttribute(options, 18, "0050"); // TCA_FLOWER_KEY_TCP_SRC
  assert.equal(options.has(35), false); // TCA_FLOWER_KEY_TCP_SRC_MASK
  assertAttribute(options, 22, "01000000"); // TCA_FLOWER_FLAGS: TCA_CLS_FLAGS_SKIP_HW
});

test("tags, MAC addresses, flags, DSCP and ranges are keys in their own forms", () => {
  const tagged = optionsOf(
    encodeFilter(
      flower(0x88a8, {
        destinationMac: "02:00:00:00:00:01",
        sourceMac: "01:00:5e:00:00:00/ff:ff:ff:00:00:00",
        vlan: { id: 7, etherType: 0x8100 },
        innerVlan: { id: 4095, priority: 3, etherType: 0x0800 },
        ipProtocol: 6,
        tcpFlags: { value: 0x02, mask: 0x12 },
        dscp: 46,
        destinationPort: { from: 1000, to: 2000 },
      }),
      ADD,
    ),
  );
  assertAttribute(tagged, 4, "020000000001"); // TCA_FLOWER_KEY_ETH_DST
  assertAttribute(tagged, 5, "ffffffffffff"); // TCA_FLOWER_KEY_ETH_DST_MASK
  assertAttribute(tagged, 6, "01005e000000");
  assertAttribute(tagged, 7, "ffffff000000");
  assertAttribute(tagged, 8, "88a8"); // the filter's protocol
  assertAttribute(tagged, 23, "0700"); // TCA_FLOWER_KEY_VLAN_ID, in host order
  assertAttribute(tagged, 25, "8100"); // TCA_FLOWER_KEY_VLAN_ETH_TYPE, in network order
  assert.equal(tagged.has(24), false); // TCA_FLOWER_KEY_VLAN_PRIO
  assertAttribute(tagged, 77, "ff0f"); // TCA_FLOWER_KEY_CVLAN_ID
  assertAttribute(tagged, 78, "03"); // TCA_FLOWER_KEY_CVLAN_PRIO
  assertAttribute(tagged, 79, "0800"); // TCA_FLOWER_KEY_CVLAN_ETH_TYPE
  assertAttribute(tagged, 71, "0002"); // TCA_FLOWER_KEY_TCP_FLAGS
  assertAttribute(tagged, 72, "0012"); // TCA_FLOWER_KEY_TCP_FLAGS_MASK
  assertAttribute(tagged, 73, "b8"); // TCA_FLOWER_KEY_IP_TOS: 46 << 2
  assertAttribute(tagged, 74, "fc"); // TCA_FLOWER_KEY_IP_TOS_MASK
  assertAttribute(tagged, 89, "03e8"); // TCA_FLOWER_KEY_PORT_DST_MIN
  assertAttribute(tagged, 90, "07d0"); // TCA_FLOWER_KEY_PORT_DST_MAX
});

const chained: FilterSpec = { ...flower("all", {}), chain: 5 };
for (const [what, spec] of [
  ["everything", flower("all", {})],
  ["IPv6", flower(0x86dd, { ipProtocol: 17, source: "fd00::/8", destination: "::1", sourcePort: 53 })],
  ["every IPv4 address", flower(0x0800, { source: "0.0.0.0/0" })],
  ["SCTP", flower(0x0800, { ipProtocol: 132, sourcePort: 1, destinationPort: { from: 2, to: 3 } })],
  ["any packet with a tag", flower(0x8100, { vlan: { priority: 0 } })],
  ["in another chain", chained],
  ["in hardware only", { ...chained, runsIn: "hardware" } as FilterSpec],
] as const) {
  test(`a filter that matches ${what} is read as it was written`, () => {
    assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, ADD)))?.spec, spec);
    assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
  });
}

test("a filter in another chain says so in its message", () => {
  assertBytes(encodeFilter(chained, ADD).subarray(36, 44), "0800 0b00 05000000"); // TCA_CHAIN
  assert.throws(() => encodeFilter({ ...chained, chain: 2 ** 28 }, ADD), /chain of a filter: 268435456/);
});

test("whether a card has taken a filter is read", () => {
  const reported = (flags: string) => {
    // TCA_FLOWER_FLAGS stands last in a request, and only the kernel may say more in it.
    const message = encodeFilter(flower("all", {}), 0);
    message.set(bytesOf(flags), message.length - 4);
    return decodeFilter(messageOf(message));
  };
  assert.equal(reported("04000000")?.isInHardware, true); // TCA_CLS_FLAGS_IN_HW
  const notTaken = reported("08000000"); // TCA_CLS_FLAGS_NOT_IN_HW
  assert.equal(notTaken?.isInHardware, false);
  assert.deepEqual(notTaken?.spec, flower("all", {}));
});

for (const [what, raw] of [
  ["a key that is not told in our words", "0500 4b00 40000000 # TCA_FLOWER_KEY_IP_TTL"],
  ["a mask with holes", "0800 0c00 0a000001 0800 0d00 ff00ff00 # TCA_FLOWER_KEY_IPV4_DST"],
  [
    "some bits of a port",
    "0500 0900 06000000 0600 1300 00500000 0600 2400 00ff0000 # TCA_FLOWER_KEY_TCP_DST",
  ],
  ["ECN's bits", "0500 4900 02000000 0500 4a00 03000000 # TCA_FLOWER_KEY_IP_TOS"],
  ["an address of no length", "0700 0c00 0a000000 0800 0d00 ffffff00"],
] as const) {
  test(`a filter that looks at ${what} is kept as it came`, () => {
    const hex = Buffer.from(bytesOf(raw)).toString("hex");
    const spec: FilterSpec = { ...place, protocol: "all", kind: "unknown", name: "flower", raw: hex };
    assert.deepEqual(decodeFilter(messageOf(encodeFilter(spec, 0)))?.spec, spec);
  });
}

for (const [protocol, match, complaint] of [
  ["all", { ipProtocol: 6 }, /ipProtocol of filter flower: 6 .* Ethernet type is 0x0800 or 0x86dd/],
  [0x8100, { vlan: { id: 7 }, source: "10.0.0.1" }, /source of filter flower/],
  [0x0800, { destination: "fd00::1" }, /destination of filter flower: "fd00::1" .* expected an IPv4 address/],
  [0x86dd, { destination: "10.0.0.1" }, /expected an IPv6 address/],
  [0x0800, { sourcePort: 80 }, /sourcePort of filter flower: 80 .* expected ipProtocol 6, 17 or 132 with it/],
  [0x0800, { ipProtocol: 17, sourcePort: 0 }, /from 1 to 65535/],
  [0x0800, { ipProtocol: 17, sourcePort: { from: 5, to: 5 } }, /a range whose end is above its beginning/],
  [0x0800, { ipProtocol: 17, tcpFlags: { value: 2, mask: 2 } }, /tcpFlags of filter flower/],
  [0x0800, { dscp: 64 }, /dscp of filter flower: 64 .* from 0 to 63/],
  [0x0800, { vlan: { id: 7 } }, /vlan of filter flower.* expected 0x8100 or 0x88a8 as the filter's protocol/],
  [0x8100, { vlan: { id: 7 }, innerVlan: { id: 8 } }, /innerVlan of filter flower.* as vlan.etherType/],
  [0x8100, { vlan: { id: 4096 } }, /vlan.id of filter flower: 4096/],
  [0x8100, { vlan: { priority: 8 } }, /vlan.priority of filter flower: 8/],
  [
    "all",
    { sourceMac: "02:00:00:00:00:01/24" },
    /sourceMac of filter flower: "24" is not usable; expected six bytes/,
  ],
] as const satisfies readonly (readonly ["all" | number, FlowerMatch, RegExp])[]) {
  test(`${JSON.stringify(match)} of the protocol ${protocol} is refused, which the kernel would leave out`, () => {
    assert.throws(() => encodeFilter(flower(protocol, match), ADD), complaint);
  });
}
