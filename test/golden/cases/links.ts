import {
  RTM_DELLINKPROP,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
} from "../../../src/linux/route/link-attributes.ts";
import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** Kinds of links that stand alone or on `base`, further names, and what is read and changed. */

const BASE = "ip link add base index 7 type dummy";
const OTHER = "an-other-name-of-more-than-fifteen-bytes";

/** IFLA_EXT_MASK. */
const MASK = "29";
const READING: readonly GoldenDifference[] = [
  {
    path: MASK,
    reason:
      "iproute2 asks for all VFs of every link, which a message may not hold; here they are read by `Vfs`",
  },
  {
    path: "header@0",
    reason: "iproute2 names the family AF_PACKET; links are told alike to all but AF_BRIDGE",
  },
];

const made: readonly GoldenCase[] = [
  {
    name: "add a dummy",
    command: "ip link add d0 index 8 type dummy",
    message: RTM_NEWLINK,
    request: ({ links }) => links.create({ name: "d0", index: 8, of: { kind: "dummy" } }),
  },
  {
    name: "add a VRF",
    command: "ip link add blue index 8 type vrf table 77",
    message: RTM_NEWLINK,
    request: ({ links }) => links.create({ name: "blue", index: 8, of: { kind: "vrf", table: 77 } }),
  },
  {
    name: "add a VLAN link",
    ground: [BASE],
    command: "ip link add link base name base.7 index 8 type vlan id 7",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({ name: "base.7", index: 8, parent: 7, of: { kind: "vlan", id: 7 } }),
  },
  {
    name: "add a provider's VLAN link with flags and QoS maps",
    ground: [BASE],
    command:
      "ip link add link base name outer index 8 type vlan protocol 802.1ad id 100 reorder_hdr off loose_binding on " +
      "ingress-qos-map 6:2 7:3 egress-qos-map 3:5 4:6",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "outer",
        index: 8,
        parent: 7,
        of: {
          kind: "vlan",
          protocol: "802.1ad",
          id: 100,
          reordersHeader: false,
          looseBinding: true,
          ingressQos: [
            { from: 6, to: 2 },
            { from: 7, to: 3 },
          ],
          egressQos: [
            { from: 3, to: 5 },
            { from: 4, to: 6 },
          ],
        },
      }),
  },
  {
    name: "add an ipvlan",
    ground: [BASE],
    command: "ip link add link base name i0 index 8 type ipvlan mode l3 private",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "i0",
        index: 8,
        parent: 7,
        of: { kind: "ipvlan", mode: "l3", isolation: "private" },
      }),
  },
  {
    name: "add a bond",
    ground: [BASE],
    command:
      "ip link add bond9 index 8 type bond mode 802.3ad miimon 100 updelay 200 downdelay 300 min_links 1 " +
      "lacp_rate fast xmit_hash_policy layer3+4",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "bond9",
        index: 8,
        of: {
          kind: "bond",
          mode: "802.3ad",
          miimon: 100,
          upDelay: 200,
          downDelay: 300,
          minLinks: 1,
          lacpRate: "fast",
          hashPolicy: "layer3+4",
        },
      }),
  },
  {
    name: "add a bridge that filters VLANs",
    command:
      "ip link add br9 index 8 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 12",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "br9",
        index: 8,
        of: { kind: "bridge", isVlanFiltering: true, vlanProtocol: "802.1ad", defaultPvid: 12 },
      }),
  },
  {
    name: "give a link other names",
    ground: [BASE],
    command: `ip link property add dev base altname uplink altname ${OTHER}`,
    message: RTM_NEWLINKPROP,
    request: ({ links }) => links.addAltNames(7, ["uplink", OTHER]),
  },
  {
    name: "take another name from a link",
    ground: [BASE, `ip link property add dev base altname ${OTHER}`],
    command: `ip link property del dev base altname ${OTHER}`,
    message: RTM_DELLINKPROP,
    request: ({ links }) => links.deleteAltNames(7, [OTHER]),
  },
  {
    name: "move a link to another namespace with another name",
    ground: [BASE],
    command: "ip link set base netns /proc/self/ns/net name net1",
    message: RTM_NEWLINK,
    request: (here) => here.links.set(7, { namespaceFd: here.fd, name: "net1" }),
  },
  {
    name: "add a veth pair with everything that a link is made with",
    ground: [BASE, "ip link add br0 index 9 type bridge"],
    command:
      "ip link add v0 index 17 address 02:00:00:00:00:11 mtu 1400 txqueuelen 500 numtxqueues 2 numrxqueues 3 " +
      "gso_max_size 40000 gso_max_segs 10 gro_max_size 50000 group 5 master br0 up " +
      "type veth peer name v1 index 18 address 02:00:00:00:00:12 mtu 1300 txqueuelen 400 numtxqueues 4 numrxqueues 5",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "v0",
        index: 17,
        mac: "02:00:00:00:00:11",
        mtu: 1400,
        transmitQueueLength: 500,
        transmitQueues: 2,
        receiveQueues: 3,
        gsoMaxSize: 40_000,
        gsoMaxSegments: 10,
        groMaxSize: 50_000,
        group: 5,
        master: 9,
        isUp: true,
        of: {
          kind: "veth",
          peer: {
            name: "v1",
            index: 18,
            mac: "02:00:00:00:00:12",
            mtu: 1300,
            transmitQueueLength: 400,
            transmitQueues: 4,
            receiveQueues: 5,
          },
        },
      }),
  },
  {
    name: "add a macvlan that hears some senders alone",
    ground: [BASE],
    command:
      "ip link add link base name m0 index 8 type macvlan mode source flag nodst bcqueuelen 500 " +
      "macaddr set 02:00:00:00:00:21 02:00:00:00:00:22",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "m0",
        index: 8,
        parent: 7,
        of: {
          kind: "macvlan",
          mode: "source",
          flags: ["nodst"],
          broadcastQueueLength: 500,
          sources: ["02:00:00:00:00:21", "02:00:00:00:00:22"],
        },
      }),
  },
  {
    name: "add a macvlan that has its parent alone",
    ground: [BASE],
    command: "ip link add link base name m0 index 8 type macvlan mode passthru nopromisc",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "m0",
        index: 8,
        parent: 7,
        of: { kind: "macvlan", mode: "passthru", flags: ["nopromisc"] },
      }),
  },
  {
    name: "add a VLAN link that is announced to switches",
    ground: [BASE],
    command: "ip link add link base name base.9 index 8 type vlan id 9 gvrp on mvrp on",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "base.9",
        index: 8,
        parent: 7,
        of: { kind: "vlan", id: 9, gvrp: true, mvrp: true },
      }),
  },
  {
    name: "add a VLAN link that follows a bridge's ports",
    ground: ["ip link add br0 index 7 type bridge vlan_filtering 1"],
    command: "ip link add link br0 name br0.9 index 8 type vlan id 9 bridge_binding on",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "br0.9",
        index: 8,
        parent: 7,
        of: { kind: "vlan", id: 9, bridgeBinding: true },
      }),
  },
];

const changed: readonly GoldenCase[] = [
  {
    name: "change a macvlan's mode",
    ground: [BASE, "ip link add link base name m0 index 8 type macvlan mode bridge"],
    command: "ip link set m0 type macvlan mode private",
    message: RTM_NEWLINK,
    request: ({ links }) => links.change(8, { kind: "macvlan", mode: "private" }),
  },
  {
    name: "change an ipvlan's mode and isolation",
    ground: [BASE, "ip link add link base name i0 index 8 type ipvlan mode l2"],
    command: "ip link set i0 type ipvlan mode l3s vepa",
    message: RTM_NEWLINK,
    request: ({ links }) => links.change(8, { kind: "ipvlan", mode: "l3s", isolation: "vepa" }),
  },
  {
    name: "change a VLAN link's flags and maps",
    ground: [BASE, "ip link add link base name base.7 index 8 type vlan id 7"],
    command: "ip link set base.7 type vlan loose_binding on egress-qos-map 1:2 ingress-qos-map 3:4",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.change(8, {
        kind: "vlan",
        looseBinding: true,
        egressQos: [{ from: 1, to: 2 }],
        ingressQos: [{ from: 3, to: 4 }],
      }),
  },
  {
    name: "take a link's carrier, describe it, and let it make no IPv6 addresses",
    ground: [BASE],
    command: "ip link set base carrier off alias to-the-lab addrgenmode none",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.set(7, { hasCarrier: false, alias: "to-the-lab", ipv6: { addressGeneration: "none" } }),
  },
  {
    name: "hold a link down for a protocol's sake",
    ground: [BASE, "ip link add link base name m0 index 8 type macvlan mode bridge"],
    command: "ip link set m0 protodown on",
    message: RTM_NEWLINK,
    request: ({ links }) => links.set(8, { isProtocolDown: true }),
  },
  {
    name: "bring a link down under another name, hearing everything",
    ground: [BASE],
    command: "ip link set base down name other promisc on allmulticast on",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.set(7, { isUp: false, name: "other", isPromiscuous: true, isAllMulticast: true }),
  },
];

const read: readonly GoldenCase[] = [
  {
    name: "get a link by its name",
    meant: { theirs: "last" },
    ground: [BASE],
    command: "ip -s link show dev base",
    message: RTM_GETLINK,
    request: ({ links }) => links.get("base"),
    differences: READING,
  },
  {
    name: "get a link by another name",
    meant: { theirs: "last" },
    ground: [BASE, `ip link property add dev base altname ${OTHER}`],
    command: `ip -s link show dev ${OTHER}`,
    message: RTM_GETLINK,
    request: ({ links }) => links.get(OTHER),
    differences: READING,
  },
  {
    name: "list the links",
    ground: [BASE],
    command: "ip link show",
    message: RTM_GETLINK,
    request: ({ links }) => links.list(),
    differences: READING,
  },
];

export const cases: readonly GoldenCase[] = [...made, ...changed, ...read];
