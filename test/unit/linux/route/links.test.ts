import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ENODEV, EOPNOTSUPP, EPERM } from "../../../../src/linux/errno.ts";
import { AttributeReader } from "../../../../src/linux/netlink/attribute.ts";
import { decodeIpSettings } from "../../../../src/linux/route/ip-settings.ts";
import * as attr from "../../../../src/linux/route/link-attributes.ts";
import { decodeLink } from "../../../../src/linux/route/link-decoder.ts";
import type { LinkSettings } from "../../../../src/linux/route/link-settings.ts";
import { LinkNotFoundError, Links, type NewLink } from "../../../../src/linux/route/links.ts";
import { decodePort } from "../../../../src/linux/route/ports.ts";
import { assertBytes, bytesOf, messageOf } from "../tc/bytes.ts";
import { macvlanLink, vethLink } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

const linksOver = (recorder: ReturnType<typeof makeRecorder>) =>
  new Links(recorder.client, "/run/netns/blue");

test("a link is asked for by its name or its index", async () => {
  const recorder = makeRecorder(vethLink);
  const links = linksOver(recorder);
  assert.equal((await links.get("net1")).name, "net1");
  await links.get(7);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `2c000000 1200 0100 00000000 00000000 # RTM_GETLINK
    ${"00".repeat(16)}
    0900 0300 6e657431 00 000000          # IFLA_IFNAME "net1"`,
  );
  assertBytes(
    recorder.sent[1]?.request as Uint8Array,
    `20000000 1200 0100 00000000 00000000
    00000000 07000000 00000000 00000000  # struct ifinfomsg: index 7`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "read", key: undefined });
});

test("a link that is not there is found as undefined, and named with its namespace where it is needed", async () => {
  const links = linksOver(makeRecorder(undefined, ENODEV));
  assert.equal(await links.find("net1"), undefined);
  await assert.rejects(links.get("net1"), (error) => {
    assert.ok(error instanceof LinkNotFoundError);
    assert.deepEqual([error.code, error.message], ["not-found", 'no link "net1" in /run/netns/blue']);
    return true;
  });
  await assert.rejects(links.get(9), /no link with index 9 in \/run\/netns\/blue/);
});

test("another refusal is an error that names link and namespace", async () => {
  const links = linksOver(makeRecorder(undefined, EPERM));
  await assert.rejects(links.find("net1"), /get link "net1" in \/run\/netns\/blue: not permitted/);
  await assert.rejects(links.list(), /list links in \/run\/netns\/blue: not permitted/);
});

test("a list asks for everything but the counters of IPv6", async () => {
  const recorder = makeRecorder(vethLink);
  const { links, isInconsistent } = await linksOver(recorder).list();
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `28000000 1200 0103 00000000 00000000 # RTM_GETLINK with NLM_F_DUMP
    ${"00".repeat(16)}
    0800 1d00 08000000                    # IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS`,
  );
  assert.deepEqual([links.length, links[0]?.statistics?.receiveBytes, isInconsistent], [1, 90, false]);
});

test("a link is moved, renamed and set in one message", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).set(5, {
    namespaceFd: 33,
    name: "net1",
    mtu: 9000,
    mac: "02:00:00:00:00:0A",
    isUp: true,
    master: 4,
    transmitQueueLength: 1000,
    gsoMaxSize: 9000,
  });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    60000000 1000 0500 00000000 00000000         # RTM_NEWLINK with REQUEST and ACK, neither CREATE nor EXCL
    00000000 05000000 01000000 01000000          # index 5; flags IFF_UP, of which IFF_UP is meant
    0800 1c00 21000000                           # IFLA_NET_NS_FD 33
    0900 0300 6e657431 00 000000                 # IFLA_IFNAME "net1"
    0800 0400 28230000                           # IFLA_MTU 9000
    0a00 0100 02000000000a 0000                  # IFLA_ADDRESS
    0800 0d00 e8030000                           # IFLA_TXQLEN 1000
    0800 2900 28230000                           # IFLA_GSO_MAX_SIZE 9000
    0800 0a00 04000000                           # IFLA_MASTER`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("what else can be set is one attribute each", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).set(5, {
    isPromiscuous: true,
    isAllMulticast: false,
    group: 3,
    gsoMaxSegments: 100,
    groMaxSize: 9001,
    gsoIpv4MaxSize: 9002,
    groIpv4MaxSize: 9003,
    alias: "up\u00e4",
    hasCarrier: false,
    isProtocolDown: true,
  });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    60000000 1000 0500 00000000 00000000
    00000000 05000000 00010000 00030000  # IFF_PROMISC, of which IFF_PROMISC and IFF_ALLMULTI are meant
    0800 1b00 03000000                   # IFLA_GROUP
    0800 2800 64000000                   # IFLA_GSO_MAX_SEGS
    0800 3a00 29230000                   # IFLA_GRO_MAX_SIZE
    0800 3f00 2a230000                   # IFLA_GSO_IPV4_MAX_SIZE
    0800 4000 2b230000                   # IFLA_GRO_IPV4_MAX_SIZE
    0800 1400 7570c3a4                   # IFLA_IFALIAS: UTF-8, without a closing zero byte
    0500 2100 00 000000                  # IFLA_CARRIER
    0500 2700 01 000000                  # IFLA_PROTO_DOWN`,
  );
});

test("a link is moved to another namespace with another index, and only so", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  await links.set(5, { namespaceFd: 33, newIndex: 70 });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    30000000 1000 0500 00000000 00000000 00000000 05000000 00000000 00000000
    0800 1c00 21000000                   # IFLA_NET_NS_FD
    0800 3100 46000000                   # IFLA_NEW_IFINDEX`,
  );
  await assert.rejects(links.set(5, { newIndex: 70 }), {
    code: "invalid",
    message: "newIndex of link 5: 70 is not usable; expected a move to another namespace with it",
  });
});

test("what IP has to do with a link is a nest for each family", async () => {
  const recorder = makeRecorder();
  const settings = { ipv4: { arpNotify: 1, rpFilter: 2 }, ipv6: { addressGeneration: "none" } } as const;
  await linksOver(recorder).set(5, settings);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    48000000 1000 0500 00000000 00000000 00000000 05000000 00000000 00000000
    2800 1a80                            # IFLA_AF_SPEC
      1800 0280                          # AF_INET
        1400 0180                        # IFLA_INET_CONF
          0800 0800 02000000             # IPV4_DEVCONF_RP_FILTER
          0800 1600 01000000             # IPV4_DEVCONF_ARP_NOTIFY
      0c00 0a80                          # AF_INET6
        0500 0800 01 000000              # IFLA_INET6_ADDR_GEN_MODE: IN6_ADDR_GEN_MODE_NONE`,
  );
});

test("what IP has to do with a link is read where it has to do with it", async () => {
  const conf = Array.from({ length: 22 }, (_, at) => `${(at + 1).toString(16).padStart(2, "0")}000000`).join(
    " ",
  );
  const recorder = makeRecorder(
    bytesOf(`
    8c000000 1000 0000 00000000 00000000 00000000 05000000 00000000 00000000
    6c00 1a00                            # IFLA_AF_SPEC
      6000 0200                          # AF_INET
        5c00 0100 ${conf}                # an array of numbers, the first of which is IPV4_DEVCONF_FORWARDING
      0800 0a00                          # AF_INET6 without an address generation
        0400 0100`),
  );
  const { ipv4, ipv6 } = await linksOver(recorder).ipSettings(5);
  const told = { proxyArp: 3, rpFilter: 8, arpAnnounce: 18, arpIgnore: 19, arpAccept: 21, arpNotify: 22 };
  assert.deepEqual([ipv4, ipv6], [told, {}]);
  assert.deepEqual(decodeIpSettings(new Uint8Array(15)), { ipv4: {}, ipv6: {} });
});

for (const [what, settings, place] of [
  ["an MTU", { mtu: -1 }, "mtu of link 5"],
  ["a limit", { gsoMaxSize: 2 ** 32 }, "gsoMaxSize of link 5"],
  ["a length", { transmitQueueLength: 0.5 }, "transmitQueueLength of link 5"],
  ["a master", { master: 2 ** 31 }, "master of link 5"],
  ["a name of 16 bytes", { name: "sixteen-letters-" }, "name of link 5"],
  ["no name", { name: "" }, "name of link 5"],
  ["a name that means a folder", { name: ".." }, "name of link 5"],
  ["a name with a slash", { name: "a/b" }, "name of link 5"],
  ["a name with a colon", { name: "a:b" }, "name of link 5"],
  ["a name with a blank", { name: "a b" }, "name of link 5"],
  ["a name with a byte that is a blank to the kernel", { name: "\u00e0" }, "name of link 5"],
  ["a name with a zero byte", { name: "net1\0" }, "name of link 5"],
  ["a carrier", { hasCarrier: "no" as unknown as boolean }, "hasCarrier of link 5"],
  ["a protocol's wish", { isProtocolDown: 1 as unknown as boolean }, "isProtocolDown of link 5"],
  ["a flag", { isUp: "false" as unknown as boolean }, "isUp of a link"],
  ["an alias", { alias: "x".repeat(256) }, "alias of link 5"],
  ["an alias with a zero byte", { alias: "a\0b" }, "alias of link 5"],
  ["an IPv4 setting", { ipv4: { arpIgnore: 9 } }, "arpIgnore of link 5"],
  ["an IPv6 setting", { ipv6: { addressGeneration: "eui" as "eui64" } }, "address generation of link 5"],
] satisfies [string, LinkSettings, string][]) {
  test(`${what} that cannot be is refused before the kernel is asked`, async () => {
    const recorder = makeRecorder();
    await assert.rejects(linksOver(recorder).set(5, settings), { code: "invalid", place });
    assert.equal(recorder.sent.length, 0);
  });
}

test("a link that is made has a name, links and a kind that can be", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  const link = { name: "net1", of: { kind: "dummy" } } as const;
  const refusals: [NewLink, string][] = [
    [{ ...link, name: "sixteen-letters-" }, "name of link sixteen-letters-"],
    [{ ...link, master: -1 }, "master of link net1"],
    [{ ...link, parent: 2 ** 32 + 5 }, "parent of link net1"],
    [{ ...link, index: Number.NaN }, "index of a link"],
    [{ ...link, of: { kind: "veth", peer: { name: "a/b" } } }, "name of the peer of a veth"],
    [{ ...link, of: { kind: "vxlan" as "dummy" } }, "kind of a link"],
    [{ ...link, of: { kind: "constructor" as "dummy" } }, "kind of a link"],
  ];
  for (const [wrong, place] of refusals) {
    await assert.rejects(links.create(wrong), { code: "invalid", place });
  }
  assert.equal(recorder.sent.length, 0);
});

test("an index that would be another link's in 32 bits is refused before the kernel is asked", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  for (const index of [-1, 2 ** 32 + 5, 0.5]) {
    const refusal = { code: "invalid", place: "index of a link" };
    await assert.rejects(links.set(index, { mtu: 1400 }), refusal);
    await assert.rejects(links.delete(index), refusal);
    await assert.rejects(links.get(index), refusal);
    await assert.rejects(links.addAltNames(index, ["a"]), refusal);
  }
  assert.equal(recorder.sent.length, 0);
});

test("a link is changed by what it has of its own kind", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).change(5, { kind: "bridge", isVlanFiltering: true });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    3c000000 1000 0500 00000000 00000000 # neither CREATE nor EXCL
    00000000 05000000 00000000 00000000
    1c00 1280                            # IFLA_LINKINFO
      0b00 0100 62726964676500 00        # IFLA_INFO_KIND "bridge"
      0c00 0280                          # IFLA_INFO_DATA
        0500 0700 01 000000              # IFLA_BR_VLAN_FILTERING`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("a change of what is set when a link is made, or of nothing, is refused before the kernel is asked", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  await assert.rejects(links.change(5, { kind: "vlan", id: 8, gvrp: true }), {
    message: "id of a vlan: 8 is not usable; expected nothing: it is set when the link is made",
  });
  await assert.rejects(links.change(5, { kind: "veth", peer: { name: "x" } }), { place: "peer of a veth" });
  await assert.rejects(links.change(5, { kind: "vrf", table: 8 }), { place: "table of a vrf" });
  await assert.rejects(links.change(5, { kind: "bond" }), { expected: "something to change" });
  assert.equal(recorder.sent.length, 0);
});

test("a link of another kind refuses a change in words", async () => {
  const links = linksOver(makeRecorder(undefined, EOPNOTSUPP));
  await assert.rejects(links.change(5, { kind: "bond", miimon: 100 }), {
    message: "change link 5 (bond) in /run/netns/blue: it is no bond (EOPNOTSUPP)",
  });
});

test("a name of more than 15 bytes is looked for among other names", async () => {
  const recorder = makeRecorder(vethLink);
  await linksOver(recorder).find("sixteen-letters-");
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `38000000 1200 0100 00000000 00000000
    ${"00".repeat(16)}
    1500 3500 7369787465656e2d6c6574746572732d 00 000000 # IFLA_ALT_IFNAME`,
  );
});

test("other names are added and taken away in a list", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  await links.addAltNames(5, ["a", "bcd"]);
  await links.deleteAltNames(5, ["a"]);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `34000000 6c00 050e 00000000 00000000 # RTM_NEWLINKPROP with ACK, CREATE, EXCL and APPEND
    00000000 05000000 00000000 00000000
    1400 3480                             # IFLA_PROP_LIST
      0600 3500 6100 0000                 # IFLA_ALT_IFNAME "a"
      0800 3500 62636400                  # IFLA_ALT_IFNAME "bcd"`,
  );
  assertBytes(
    recorder.sent[1]?.request as Uint8Array,
    `2c000000 6d00 0500 00000000 00000000 # RTM_DELLINKPROP
    00000000 05000000 00000000 00000000
    0c00 3480 0600 3500 6100 0000`,
  );
  for (const name of ["", "x".repeat(128), "a\0b"])
    await assert.rejects(links.addAltNames(5, [name]), { code: "invalid", place: "other name of link 5" });
});

test("setting a link down says so, and saying nothing leaves it as it is", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  await links.set(5, { isUp: false });
  await links.set(5, { master: 0 });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    "20000000 1000 0500 00000000 00000000 00000000 05000000 00000000 01000000",
  );
  assertBytes(
    recorder.sent[1]?.request as Uint8Array,
    "28000000 1000 0500 00000000 00000000 00000000 05000000 00000000 00000000 0800 0a00 00000000",
  );
});

test("a link that is deleted waits for no other lane", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).delete(5);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    "20000000 1100 0500 00000000 00000000 00000000 05000000 00000000 00000000",
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "delete", key: "blue/5" });
});

test("a MAC address that is none is refused before the kernel is asked", async () => {
  const recorder = makeRecorder();
  await assert.rejects(linksOver(recorder).set(5, { mac: "02:00:00:00:00" }), {
    code: "invalid",
    message: /"02:00:00:00:00" is not usable; expected six bytes in hexadecimal/,
  });
  assert.equal(recorder.sent.length, 0);
});

test("a link is read as the kernel tells it", () => {
  const { index, ...link } = decodeLink(messageOf(vethLink).payload) ?? { index: 0 };
  assert.ok(index > 0);
  assert.deepEqual(link, {
    name: "net1",
    altNames: ["uplink"],
    kind: "veth",
    kindData: undefined,
    isUp: true,
    isLoopback: false,
    hasCarrier: true,
    isPromiscuous: false,
    isAllMulticast: false,
    promiscuity: 0,
    allMulticast: 0,
    isProtocolDown: false,
    operState: "up",
    carrierUps: 1,
    carrierDowns: 1,
    mtu: 1400,
    minMtu: 68,
    maxMtu: 65535,
    mac: "02:00:00:00:00:01",
    permanentMac: undefined,
    alias: undefined,
    group: 0,
    master: undefined,
    portKind: undefined,
    portData: undefined,
    parent: index - 1,
    parentNamespaceId: undefined,
    physicalPortName: undefined,
    physicalPortId: undefined,
    physicalSwitchId: undefined,
    device: undefined,
    transmitQueues: 2,
    receiveQueues: 2,
    transmitQueueLength: 1000,
    gsoMaxSize: 65536,
    gsoIpv4MaxSize: 65536,
    gsoMaxSegments: 65535,
    groMaxSize: 65536,
    groIpv4MaxSize: 65536,
    tsoMaxSize: 524280,
    tsoMaxSegments: 65535,
    statistics: {
      receivePackets: 1,
      transmitPackets: 0,
      receiveBytes: 90,
      transmitBytes: 0,
      receiveErrors: 0,
      transmitErrors: 0,
      receiveDrops: 0,
      transmitDrops: 0,
    },
  });
});

test("a macvlan is read with its mode and its parent", () => {
  const link = decodeLink(messageOf(macvlanLink).payload);
  assert.deepEqual(
    [link?.name, link?.kind, link?.kindData],
    ["mv1", "macvlan", { mode: "bridge", flags: [], broadcastQueueLength: 1000 }],
  );
  assert.deepEqual([link?.isUp, link?.operState], [false, "down"]);
  assert.equal(link?.parent, 2);
});

test("counters are read in the kernel's order", () => {
  const counters = Array.from(
    { length: 8 },
    (_, at) => `${(at + 1).toString(16).padStart(2, "0")}00000001000000`,
  );
  const link = decodeLink(
    bytesOf(`
    00000000 07000000 00000000 00000000
    4400 1700 ${counters.join(" ")}      # IFLA_STATS64, cut after the first eight of its counters`),
  );
  const base = 2 ** 32;
  assert.deepEqual(link?.statistics, {
    receivePackets: base + 1,
    transmitPackets: base + 2,
    receiveBytes: base + 3,
    transmitBytes: base + 4,
    receiveErrors: base + 5,
    transmitErrors: base + 6,
    receiveDrops: base + 7,
    transmitDrops: base + 8,
  });
});

test("a link in another namespace, a port, and hardware are told apart", () => {
  const link = decodeLink(
    bytesOf(`
    00000000 07000000 43100100 00000000   # flags with IFF_UP and IFF_LOWER_UP
    0800 0500 02000000                    # IFLA_LINK
    0800 2500 05000000                    # IFLA_LINK_NETNSID
    0800 0a00 04000000                    # IFLA_MASTER
    0a00 3600 020000000001 0000           # IFLA_PERM_ADDRESS
    0500 1000 05 000000                   # IFLA_OPERSTATE: IF_OPER_DORMANT`),
  );
  assert.deepEqual(
    [link?.parent, link?.parentNamespaceId, link?.master, link?.permanentMac, link?.operState],
    [2, 5, 4, "02:00:00:00:00:01", "dormant"],
  );
  assert.deepEqual([link?.kind, link?.mac, link?.isUp, link?.hasCarrier], [undefined, "", true, true]);
});

test("what only some links have is read where it is told", () => {
  const link = decodeLink(
    bytesOf(`
    00000000 07000000 00030000 00000000   # flags with IFF_PROMISC and IFF_ALLMULTI
    0800 1400 75706c6b                    # IFLA_IFALIAS "uplk", without a zero byte
    0800 1b00 09000000                    # IFLA_GROUP
    0800 1e00 02000000                    # IFLA_PROMISCUITY
    0800 3d00 03000000                    # IFLA_ALLMULTI
    0500 2700 01 000000                   # IFLA_PROTO_DOWN
    0800 2f00 04000000                    # IFLA_CARRIER_UP_COUNT
    0800 3000 05000000                    # IFLA_CARRIER_DOWN_COUNT
    0800 3200 44000000                    # IFLA_MIN_MTU
    0800 3300 00240000                    # IFLA_MAX_MTU
    0800 2000 08000000                    # IFLA_NUM_RX_QUEUES
    0800 2900 00000200                    # IFLA_GSO_MAX_SIZE 131072
    0800 2800 0a000000                    # IFLA_GSO_MAX_SEGS
    0800 3a00 00000300                    # IFLA_GRO_MAX_SIZE 196608
    0800 4000 0b000000                    # IFLA_GRO_IPV4_MAX_SIZE
    0800 3c00 0c000000                    # IFLA_TSO_MAX_SEGS
    0700 2600 703000 00                   # IFLA_PHYS_PORT_NAME "p0"
    0600 2200 0aff 0000                   # IFLA_PHYS_PORT_ID
    0500 2400 7f 000000                   # IFLA_PHYS_SWITCH_ID
    0600 3800 6100 0000                   # IFLA_PARENT_DEV_NAME "a"
    0800 3900 70636900                    # IFLA_PARENT_DEV_BUS_NAME "pci"`),
  );
  assert.ok(link);
  assert.deepEqual(
    [link.isPromiscuous, link.isAllMulticast, link.promiscuity, link.allMulticast],
    [true, true, 2, 3],
  );
  assert.deepEqual([link.alias, link.group, link.isProtocolDown], ["uplk", 9, true]);
  assert.deepEqual([link.carrierUps, link.carrierDowns, link.minMtu, link.maxMtu], [4, 5, 68, 9216]);
  assert.deepEqual([link.receiveQueues, link.gsoMaxSize, link.gsoMaxSegments], [8, 131_072, 10]);
  // A kernel before 6.3 has one limit for both.
  assert.deepEqual([link.gsoIpv4MaxSize, link.groMaxSize, link.groIpv4MaxSize], [131_072, 196_608, 11]);
  assert.equal(link.tsoMaxSegments, 12);
  assert.deepEqual([link.physicalPortName, link.physicalPortId, link.physicalSwitchId], ["p0", "0aff", "7f"]);
  assert.deepEqual(link.device, { bus: "pci", name: "a" });
});

test("a port is read with what it is in its bridge or bond, where the kind is known here", () => {
  const port = (kind: string, data: string) =>
    decodeLink(
      bytesOf(`
      00000000 07000000 00000000 00000000
      2400 1200                           # IFLA_LINKINFO
        0c00 0400 ${Buffer.from(kind.padEnd(8, "\0")).toString("hex")} # IFLA_INFO_SLAVE_KIND
        1400 0500 ${data}                 # IFLA_INFO_SLAVE_DATA`),
    );
  // IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED
  const bridge = port("bridge", "0500 0400 01 000000 0500 2100 00 000000");
  assert.deepEqual([bridge?.portKind, bridge?.portData], ["bridge", { isHairpin: true, isIsolated: false }]);
  // IFLA_BOND_SLAVE_STATE, IFLA_BOND_SLAVE_LINK_FAILURE_COUNT
  const bond = port("bond", "0500 0100 01 000000 0800 0300 02000000");
  assert.deepEqual([bond?.portKind, bond?.portData], ["bond", { state: "backup", failures: 2 }]);
  const other = port("team", "0500 0100 01 000000 0800 0300 02000000");
  assert.deepEqual([other?.portKind, other?.portData], ["team", undefined]);
});

test("a bond tells all of a link in it, each in the width the kernel gives it", () => {
  const data = bytesOf(`
    0500 0100 01 000000          # IFLA_BOND_SLAVE_STATE: BOND_STATE_BACKUP
    0500 0200 03 000000          # IFLA_BOND_SLAVE_MII_STATUS: BOND_LINK_BACK
    0800 0300 02000000           # IFLA_BOND_SLAVE_LINK_FAILURE_COUNT
    0a00 0400 020000000001 0000  # IFLA_BOND_SLAVE_PERM_HWADDR
    0600 0500 0700 0000          # IFLA_BOND_SLAVE_QUEUE_ID
    0600 0600 0100 0000          # IFLA_BOND_SLAVE_AD_AGGREGATOR_ID
    0800 0900 ffffffff           # IFLA_BOND_SLAVE_PRIO -1`);
  assert.deepEqual(decodePort("bond", new AttributeReader(data)), {
    state: "backup",
    carrier: "back",
    failures: 2,
    ownMac: "02:00:00:00:00:01",
    queue: 7,
    aggregator: 1,
    priority: -1,
  });
});

test("what is too short for a link, or tells of a bridge's port, is no link", () => {
  assert.equal(decodeLink(new Uint8Array(15)), undefined);
  assert.equal(decodeLink(new Uint8Array()), undefined);
  const port = messageOf(vethLink).payload.slice();
  port[0] = 7; // AF_BRIDGE
  assert.equal(decodeLink(port), undefined);
});

test("the numbers in the reading of a link are those of the names beside them", () => {
  const source = readFileSync(
    new URL("../../../../src/linux/route/link-decoder.ts", import.meta.url),
    "utf8",
  );
  const cases = Array.from(source.matchAll(/^ *case (\S+): *(?:\/\/ (\w+))?/gm));
  assert.ok(cases.length > 30);
  for (const [text, number, name = ""] of cases) {
    assert.equal(Number(number), (attr as Readonly<Record<string, unknown>>)[name], text);
  }
});

test("a link is read the same wherever in a larger memory it lies, and no further", () => {
  const payload = messageOf(vethLink).payload;
  const memory = new Uint8Array(payload.length + 40);
  memory.set(payload, 20);
  // Behind it stands what would be another name.
  memory.set([8, 0, 3, 0, 0x78, 0, 0, 0], 20 + payload.length);
  assert.deepEqual(decodeLink(memory.subarray(20, 20 + payload.length)), decodeLink(payload));
});
