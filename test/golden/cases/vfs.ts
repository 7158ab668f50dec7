import type { VfSettings } from "../../../src/linux/route/vf-settings.ts";
import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** Settings of VFs, on the link of a netdevsim device with four VFs: `eth0`, link 2. */

/** include/uapi/linux/rtnetlink.h. */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;

/** In switchdev mode netdevsim takes rates by devlink alone. */
const LEGACY = "devlink dev eswitch set netdevsim/netdevsim10 mode legacy";

/** Sets something for VF 3; `words` is how iproute2 is told. */
const setting = (name: string, words: string, settings: VfSettings): GoldenCase => ({
  name,
  command: `ip link set eth0 vf 3 ${words}`,
  message: RTM_NEWLINK,
  needs: "netdevsim",
  ...(settings.rate === undefined ? {} : { ground: [LEGACY] }),
  request: ({ vfs }) => vfs.set(2, 3, settings),
});

const READING: readonly GoldenDifference[] = [
  {
    path: "header@0",
    reason: "iproute2 names the family AF_PACKET; links are told alike to all but AF_BRIDGE",
  },
  ...["header@4", "3"].map((path) => ({
    path,
    reason: "iproute2 asks for the link by its name, which may be another link's a moment later",
  })),
];

export const cases: readonly GoldenCase[] = [
  setting("set the MAC address of a VF", "mac 02:00:00:00:00:03", { mac: "02:00:00:00:00:03" }),
  setting("put a VF into a VLAN", "vlan 100 qos 3", { vlan: { id: 100, qos: 3 } }),
  setting("put a VF into a VLAN without naming its priority", "vlan 4095", { vlan: { id: 4095 } }),
  setting("put a VF into a VLAN of 802.1Q by name", "vlan 100 qos 3 proto 802.1q", {
    vlan: { id: 100, qos: 3, protocol: "802.1Q" },
  }),
  setting("put a VF into a VLAN of 802.1ad", "vlan 100 qos 3 proto 802.1ad", {
    vlan: { id: 100, qos: 3, protocol: "802.1ad" },
  }),
  setting("take a VF out of its VLAN", "vlan 0", { vlan: { id: 0 } }),
  setting("limit what a VF sends and leave its guarantee", "rate 100", { rate: { max: 100_000_000 } }),
  setting("limit and guarantee what a VF sends", "max_tx_rate 200 min_tx_rate 50", {
    rate: { min: 50_000_000, max: 200_000_000 },
  }),
  setting("take back the limit and the guarantee of a VF", "max_tx_rate 0 min_tx_rate 0", {
    rate: { min: 0, max: 0 },
  }),
  setting("check a VF for spoofing", "spoofchk on", { isSpoofChecked: true }),
  setting("check a VF for spoofing no longer", "spoofchk off", { isSpoofChecked: false }),
  setting("trust a VF", "trust on", { isTrusted: true }),
  setting("let the link of a VF follow the card's", "state auto", { linkState: "auto" }),
  setting("hold the link of a VF up", "state enable", { linkState: "enable" }),
  setting("hold the link of a VF down", "state disable", { linkState: "disable" }),
  setting("let a VF read how its packets are spread", "query_rss on", { canQueryRss: true }),
  {
    ...setting("set the node GUID of a VF", "node_guid 00:11:22:33:44:55:66:77", {
      nodeGuid: "00:11:22:33:44:55:66:77",
    }),
    isRefused: true,
  },
  {
    ...setting("set the port GUID of a VF", "port_guid 00:11:22:33:44:55:66:77", {
      portGuid: "00:11:22:33:44:55:66:77",
    }),
    isRefused: true,
  },
  setting("set several things for a VF at once", "mac 02:00:00:00:00:03 vlan 5 trust on state enable", {
    mac: "02:00:00:00:00:03",
    vlan: { id: 5 },
    isTrusted: true,
    linkState: "enable",
  }),
  {
    name: "list the VFs of a link with their statistics",
    meant: { ours: "first", theirs: "last" },
    command: "ip -s link show dev eth0",
    message: RTM_GETLINK,
    needs: "netdevsim",
    request: ({ vfs }) => vfs.list(2, { withStatistics: true }),
    differences: READING,
  },
];
