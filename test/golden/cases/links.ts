import { RTM_DELLINKPROP, RTM_NEWLINK, RTM_NEWLINKPROP } from "../../../src/linux/route/link-attributes.ts";
import type { GoldenCase } from "../golden.ts";

/** Kinds of links that stand alone or on `base`, and further names. */

const BASE = "ip link add base index 7 type dummy";
const OTHER = "an-other-name-of-more-than-fifteen-bytes";

export const cases: readonly GoldenCase[] = [
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
];
