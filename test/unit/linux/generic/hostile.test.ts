import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { decodeDevice, decodeInfo } from "../../../../src/linux/generic/devlink/devices.ts";
import { decodeEswitch } from "../../../../src/linux/generic/devlink/eswitch.ts";
import { decodeHealthReporter } from "../../../../src/linux/generic/devlink/health.ts";
import { decodeParameter } from "../../../../src/linux/generic/devlink/parameters.ts";
import { decodePort } from "../../../../src/linux/generic/devlink/ports.ts";
import { decodeRate } from "../../../../src/linux/generic/devlink/rates.ts";
import { decodeReload } from "../../../../src/linux/generic/devlink/reload.ts";
import { readBitset } from "../../../../src/linux/generic/ethtool/bitset.ts";
import { decodeChannels } from "../../../../src/linux/generic/ethtool/channels.ts";
import { decodeDriverInfo } from "../../../../src/linux/generic/ethtool/driver-info.ts";
import {
  decodeDriverStatistics,
  decodeSetSize,
} from "../../../../src/linux/generic/ethtool/driver-statistics.ts";
import { decodeFeatureChange, decodeFeatures } from "../../../../src/linux/generic/ethtool/features.ts";
import { decodeForwardErrorCorrection } from "../../../../src/linux/generic/ethtool/fec.ts";
import { decodeLinkModes, decodePortKind } from "../../../../src/linux/generic/ethtool/link-modes.ts";
import { decodeLinkState } from "../../../../src/linux/generic/ethtool/link-state.ts";
import { decodePause } from "../../../../src/linux/generic/ethtool/pause.ts";
import { decodeRings } from "../../../../src/linux/generic/ethtool/rings.ts";
import { decodeStandardStatistics } from "../../../../src/linux/generic/ethtool/statistics.ts";
import * as captured from "./captured.ts";

const decoders: readonly ((bytes: Uint8Array) => unknown)[] = [
  decodeDevice,
  decodeInfo,
  decodeEswitch,
  decodeHealthReporter,
  decodeParameter,
  decodePort,
  decodeRate,
  decodeReload,
  readBitset,
  decodeChannels,
  decodeDriverInfo,
  decodeSetSize,
  (bytes) => decodeDriverStatistics(bytes, bytes),
  decodeFeatureChange,
  decodeFeatures,
  decodeForwardErrorCorrection,
  decodeLinkModes,
  decodePortKind,
  decodeLinkState,
  decodePause,
  decodeRings,
  decodeStandardStatistics,
];

/** A captured payload with bytes changed, lengths put where one may stand, and its end cut off now and then. */
const damaged = fc
  .record({
    payload: fc.constantFrom(...Object.values(captured)),
    changes: fc.array(fc.tuple(fc.nat(1024), fc.nat(255)), { maxLength: 12 }),
    lengths: fc.array(fc.tuple(fc.nat(256), fc.constantFrom(0, 1, 3, 4, 5, 0x7fff, 0xfffc, 0xffff)), {
      maxLength: 2,
    }),
    cut: fc.option(fc.nat(1024)),
  })
  .map(({ payload, changes, lengths, cut }) => {
    const bytes = payload.slice(0, cut ?? payload.length);
    const view = new DataView(bytes.buffer);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    for (const [word, length] of lengths)
      if (word * 4 + 2 <= bytes.length) view.setUint16(word * 4, length, true);
    return bytes;
  });

test("no decoder throws on damaged bytes, and what it gives is plain data", () => {
  fc.assert(
    fc.property(damaged, (bytes) => {
      for (const decode of decoders) assert.doesNotThrow(() => structuredClone(decode(bytes)));
    }),
    { numRuns: 1500 },
  );
});

test("no decoder throws on bytes of any kind", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of decoders) decode(bytes);
    }),
    { numRuns: 1000 },
  );
});
