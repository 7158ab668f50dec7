import type { GoldenCase } from "../golden.ts";

/** Messages of the family (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_LINKINFO_GET = 2;
const ETHTOOL_MSG_LINKMODES_GET = 4;
const ETHTOOL_MSG_LINKMODES_SET = 5;
const ETHTOOL_MSG_LINKSTATE_GET = 6;
const ETHTOOL_MSG_FEATURES_GET = 11;
const ETHTOOL_MSG_FEATURES_SET = 12;
const ETHTOOL_MSG_RINGS_GET = 15;
const ETHTOOL_MSG_RINGS_SET = 16;
const ETHTOOL_MSG_CHANNELS_GET = 17;
const ETHTOOL_MSG_CHANNELS_SET = 18;
const ETHTOOL_MSG_PAUSE_GET = 21;
const ETHTOOL_MSG_FEC_GET = 29;
const ETHTOOL_MSG_STATS_GET = 32;

/** A case on the link of the device's port. */
function meets(message: number, golden: Omit<GoldenCase, "message" | "needs">): GoldenCase {
  return { ...golden, message: { family: "ethtool", command: message }, needs: "netdevsim" };
}

const NAMES = {
  path: "1.3",
  reason:
    "ethtool asks for an answer in bitmaps (ETHTOOL_FLAG_COMPACT_BITSETS), here it is read with its names",
};

export const cases: readonly GoldenCase[] = [
  meets(ETHTOOL_MSG_CHANNELS_SET, {
    name: "set the combined channels",
    command: "ethtool -L eth0 combined 2",
    request: ({ ethtool }) => ethtool.channels.set("eth0", { combined: 2 }),
  }),
  meets(ETHTOOL_MSG_CHANNELS_SET, {
    name: "set the channels of every kind",
    command: "ethtool -L eth0 rx 1 tx 2 other 3 combined 4",
    request: ({ ethtool }) =>
      ethtool.channels.set("eth0", { receive: 1, transmit: 2, other: 3, combined: 4 }),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_RINGS_SET, {
    name: "set the ring sizes",
    command: "ethtool -G eth0 rx 64 rx-mini 32 rx-jumbo 16 tx 8",
    request: ({ ethtool }) =>
      ethtool.rings.set("eth0", { receive: 64, receiveMini: 32, receiveJumbo: 16, transmit: 8 }),
  }),
  meets(ETHTOOL_MSG_FEATURES_SET, {
    name: "switch features",
    command: "ethtool -K eth0 hw-tc-offload on rx-gro off",
    request: ({ ethtool }) => ethtool.features.set("eth0", { "hw-tc-offload": true, "rx-gro": false }),
    differences: [NAMES],
  }),
  meets(ETHTOOL_MSG_LINKMODES_SET, {
    name: "set speed and duplex without negotiation",
    command: "ethtool -s eth0 speed 2500 duplex half autoneg off lanes 2",
    request: ({ ethtool }) =>
      ethtool.linkModes.set("eth0", { speed: 2.5e9, duplex: "half", isNegotiating: false, lanes: 2 }),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_LINKMODES_SET, {
    name: "offer modes to the peer",
    command: "ethtool -s eth0 autoneg on advertise 1000baseT/Full on 10baseT/Half off",
    request: ({ ethtool }) =>
      ethtool.linkModes.set("eth0", {
        isNegotiating: true,
        advertised: { "1000baseT/Full": true, "10baseT/Half": false },
      }),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_CHANNELS_GET, {
    name: "read the channels",
    command: "ethtool -l eth0",
    request: ({ ethtool }) => ethtool.channels.get("eth0"),
  }),
  meets(ETHTOOL_MSG_RINGS_GET, {
    name: "read the ring sizes",
    command: "ethtool -g eth0",
    request: ({ ethtool }) => ethtool.rings.get("eth0"),
  }),
  meets(ETHTOOL_MSG_FEATURES_GET, {
    name: "read the features",
    command: "ethtool -k eth0",
    request: ({ ethtool }) => ethtool.features.get("eth0"),
    differences: [NAMES],
  }),
  meets(ETHTOOL_MSG_LINKMODES_GET, {
    name: "read the link modes",
    command: "ethtool eth0",
    request: ({ ethtool }) => ethtool.linkModes.get("eth0"),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_LINKINFO_GET, {
    name: "read the kind of port",
    command: "ethtool eth0",
    request: ({ ethtool }) => ethtool.linkModes.port("eth0"),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_LINKSTATE_GET, {
    name: "read the link's state",
    command: "ethtool eth0",
    request: ({ ethtool }) => ethtool.linkState("eth0"),
    isRefused: true,
  }),
  meets(ETHTOOL_MSG_PAUSE_GET, {
    name: "read the pause settings",
    command: "ethtool -a eth0",
    request: ({ ethtool }) => ethtool.pause("eth0"),
  }),
  meets(ETHTOOL_MSG_FEC_GET, {
    name: "read the forward error correction",
    command: "ethtool --show-fec eth0",
    request: ({ ethtool }) => ethtool.forwardErrorCorrection("eth0"),
  }),
  meets(ETHTOOL_MSG_STATS_GET, {
    name: "read the standard statistics",
    command: "ethtool -S eth0 --groups eth-phy eth-mac eth-ctrl rmon",
    request: ({ ethtool }) => ethtool.standardStatistics("eth0"),
  }),
];
