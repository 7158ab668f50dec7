import assert from "node:assert/strict";
import test from "node:test";
import { decodeChannels } from "../../../../../src/linux/generic/ethtool/channels.ts";
import { decodeFeatureChange, decodeFeatures } from "../../../../../src/linux/generic/ethtool/features.ts";
import { decodeForwardErrorCorrection } from "../../../../../src/linux/generic/ethtool/fec.ts";
import { decodeLinkModes, decodePortKind } from "../../../../../src/linux/generic/ethtool/link-modes.ts";
import { decodeLinkState } from "../../../../../src/linux/generic/ethtool/link-state.ts";
import { decodePause } from "../../../../../src/linux/generic/ethtool/pause.ts";
import { decodeRings } from "../../../../../src/linux/generic/ethtool/rings.ts";
import { decodeStandardStatistics } from "../../../../../src/linux/generic/ethtool/statistics.ts";
import { bytesOf } from "../../tc/bytes.ts";
import * as captured from "../captured.ts";

test("a link's modes are read with their names, its speed in bits per second", () => {
  const modes = ["10baseT/Half", "10baseT/Full", "100baseT/Half", "100baseT/Full", "1000baseT/Full"];
  assert.deepEqual(decodeLinkModes(captured.linkModes), {
    speed: 1e9,
    duplex: "full",
    isNegotiating: true,
    supported: [...modes, "Autoneg", "TP", "Pause"],
    advertised: [...modes, "Autoneg", "TP", "Pause"],
    peer: [],
  });
});

test("modes that come as bitmaps are read by their numbers", () => {
  const bits = [0, 1, 2, 3, 5, 6, 7, 13].map((bit) => `bit ${bit}`);
  const modes = decodeLinkModes(captured.compactLinkModes);
  assert.deepEqual([modes.supported, modes.advertised], [bits, bits]);
});

test("speed and duplex that are not known are left out, lanes are read, and what the peer offers", () => {
  const modes = bytesOf(`
    04010000
    0500 0200 00 000000        # ETHTOOL_A_LINKMODES_AUTONEG
    1800 0480 0400 0100 0800 0200 08000000 0800 0400 08000000 # ETHTOOL_A_LINKMODES_PEER: bit 3
    0800 0500 ffffffff         # ETHTOOL_A_LINKMODES_SPEED: SPEED_UNKNOWN
    0500 0600 ff 000000        # ETHTOOL_A_LINKMODES_DUPLEX: DUPLEX_UNKNOWN
    0800 0900 04000000         # ETHTOOL_A_LINKMODES_LANES`);
  assert.deepEqual(decodeLinkModes(modes), {
    isNegotiating: false,
    lanes: 4,
    supported: [],
    advertised: [],
    peer: ["bit 3"],
  });
});

test("what a cable is plugged into is read", () => {
  assert.equal(decodePortKind(captured.linkInfo), "twisted-pair");
  assert.equal(decodePortKind(bytesOf("02010000 0500 0200 05 000000")), "direct-attach");
  assert.equal(decodePortKind(bytesOf("02010000 0500 0200 09 000000")), 9);
  assert.equal(decodePortKind(bytesOf("02010000")), undefined);
});

test("every kind of port is read by name", () => {
  const kinds = ["00", "01", "02", "03", "04", "05", "ef", "ff"].map((port) =>
    decodePortKind(bytesOf(`02010000 0500 0200 ${port} 000000`)),
  );
  const names = ["twisted-pair", "aui", "mii", "fibre", "bnc", "direct-attach", "none", "other"];
  assert.deepEqual(kinds, names);
});

test("every reason for a missing carrier is read by name, and by number where there is none", () => {
  const reasons = Array.from({ length: 12 }, (_, reason) => {
    const number = reason.toString(16).padStart(2, "0");
    return decodeLinkState(bytesOf(`06010000 0500 0500 ${number} 000000`)).reason;
  });
  assert.deepEqual(reasons, [
    "no autonegotiation",
    "link training failed",
    "logical mismatch",
    "bad signal",
    "no cable",
    "cable issue",
    "EEPROM issue",
    "calibration failed",
    "power budget exceeded",
    "overheat",
    "module issue",
    11,
  ]);
});

test("a link's state is read, with the reason where its driver tells one", () => {
  assert.deepEqual(decodeLinkState(captured.linkState), { hasCarrier: true });
  const down = bytesOf(`
    06010000
    0500 0200 00 000000 # ETHTOOL_A_LINKSTATE_LINK
    0800 0300 03000000  # ETHTOOL_A_LINKSTATE_SQI
    0800 0400 07000000  # ETHTOOL_A_LINKSTATE_SQI_MAX
    0500 0500 04 000000 # ETHTOOL_A_LINKSTATE_EXT_STATE
    0500 0600 02 000000 # ETHTOOL_A_LINKSTATE_EXT_SUBSTATE
    0800 0700 09000000  # ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT`);
  assert.deepEqual(decodeLinkState(down), {
    hasCarrier: false,
    reason: "no cable",
    subReason: 2,
    signalQuality: 3,
    mostSignalQuality: 7,
    losses: 9,
  });
  assert.deepEqual(decodeLinkState(bytesOf("06010000")), {});
});

test("channels and rings are read, and what a driver does not have is left out", () => {
  assert.deepEqual(decodeChannels(captured.channels), {
    other: 1,
    combined: 1,
    most: { other: 1, combined: 8 },
  });
  assert.deepEqual(decodeRings(captured.rings), {
    receive: 256,
    transmit: 256,
    most: { receive: 4096, transmit: 4096 },
  });
});

test("every number of channels and rings has its place", () => {
  // Attributes 2 to 9, each with its own number as its value.
  const numbers = [2, 3, 4, 5, 6, 7, 8, 9].map((type) => `0800 0${type}00 0${type}000000`).join("");
  const payload = bytesOf(`12010000 ${numbers}`);
  assert.deepEqual(decodeChannels(payload), {
    receive: 6,
    transmit: 7,
    other: 8,
    combined: 9,
    most: { receive: 2, transmit: 3, other: 4, combined: 5 },
  });
  assert.deepEqual(decodeRings(payload), {
    receive: 6,
    receiveMini: 7,
    receiveJumbo: 8,
    transmit: 9,
    most: { receive: 2, receiveMini: 3, receiveJumbo: 4, transmit: 5 },
  });
});

test("features are read as sets", () => {
  const features = decodeFeatures(captured.compactFeatures);
  assert.equal(features.known.length, 64);
  // ETHTOOL_A_FEATURES_HW begins with 0x89, ETHTOOL_A_FEATURES_ACTIVE with 0xa9.
  assert.deepEqual(features.hardware.slice(0, 3), ["bit 0", "bit 3", "bit 7"]);
  assert.deepEqual(features.wanted.slice(0, 3), ["bit 0", "bit 3", "bit 7"]);
  assert.deepEqual(features.active.slice(0, 4), ["bit 0", "bit 3", "bit 5", "bit 7"]);
  assert.deepEqual(features.fixed, ["bit 10"]);
});

test("what came of switching features is read: what was refused, and what changed", () => {
  assert.deepEqual(decodeFeatureChange(captured.featureChange), {
    refused: ["highdma"],
    changed: { "rx-gro": false },
  });
  assert.deepEqual(decodeFeatureChange(bytesOf("0c010000")), { refused: [], changed: {} });
});

test("pause and forward error correction are read", () => {
  assert.deepEqual(decodePause(captured.pause), {
    isNegotiating: true,
    isReceiving: true,
    isTransmitting: true,
  });
  assert.deepEqual(decodeForwardErrorCorrection(captured.fec), { modes: [], isAutomatic: false });
  const inUse = bytesOf(`
    1e010000
    1800 0280 0400 0100 1000 0380 0c00 0180 0700 0200 525300 00 # ETHTOOL_A_FEC_MODES: "RS"
    0800 0400 32000000                                          # ETHTOOL_A_FEC_ACTIVE: bit 50`);
  assert.deepEqual(decodeForwardErrorCorrection(inUse), { modes: ["RS"], activeBit: 50 });
});

test("a group of which the driver keeps nothing is left out", () => {
  assert.deepEqual(decodeStandardStatistics(captured.emptyStatistics), []);
});

test("standard statistics are read by name, with the sizes of packets", () => {
  const statistics = bytesOf(`
    21010000
    3800 0480                                             # ETHTOOL_A_STATS_GRP
      0800 0200 01000000 0800 0300 12000000               # eth-mac, whose names are string set 18
      1000 0480 0c00 0000 0700000000000000                # FramesTransmittedOK: 7
      1000 0480 0c00 0c00 0001000000000000                # OctetsReceivedOK: 256
      0400 0100                                           # padding
    4c00 0480
      0800 0200 03000000                                  # rmon
      2000 0680 0800 0700 00000000 0800 0800 40000000 0c00 0900 0600000000000000 # 6 sent of up to 64 bytes
      2000 0580 0800 0700 41000000 0800 0800 7f000000 0c00 0900 0500000000000000 # 5 received of 65 to 127 bytes
    1c00 0480
      0800 0200 09000000                                  # a group of a newer kernel
      1000 0480 0c00 1e00 0100000000000000`);
  assert.deepEqual(decodeStandardStatistics(statistics), [
    {
      group: "eth-mac",
      counters: { FramesTransmittedOK: 7, OctetsReceivedOK: 256 },
      receivedSizes: [],
      transmittedSizes: [],
    },
    {
      group: "rmon",
      counters: {},
      receivedSizes: [{ from: 65, to: 127, packets: 5 }],
      transmittedSizes: [{ from: 0, to: 64, packets: 6 }],
    },
    { group: 9, counters: { "counter 30": 1 }, receivedSizes: [], transmittedSizes: [] },
  ]);
});

test("groups go by the kernel's names", () => {
  const groups = [0, 1, 2, 3].map((id) => {
    const bytes = `21010000 1c00 0480 0800 0200 0${id}000000 1000 0480 0c00 0000 0100000000000000`;
    return decodeStandardStatistics(bytesOf(bytes))[0]?.group;
  });
  assert.deepEqual(groups, ["eth-phy", "eth-mac", "eth-ctrl", "rmon"]);
});

test("a counter without a whole value is left out", () => {
  const statistics = bytesOf(`
    21010000
    2800 0480
      0800 0200 00000000
      0c00 0480 0800 0000 07000000           # SymbolErrorDuringCarrier in 4 bytes
      1000 0480 0c00 0100 0700000000000000`);
  assert.deepEqual(decodeStandardStatistics(statistics)[0]?.counters, { "counter 1": 7 });
});
