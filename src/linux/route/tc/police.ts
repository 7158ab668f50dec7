import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { positiveNumber, wholeNumber } from "../../whole-number.ts";
import type { KindCodec } from "./kind.ts";
import {
  burstToTicks,
  packetsToTicks,
  RATESPEC_SIZE,
  rate64,
  readRate,
  ticksToBurst,
  ticksToPackets,
  writeRateSpec,
} from "./ratespec.ts";
import { decodeVerdict, encodeVerdict, type Verdict } from "./verdict.ts";

/** Attributes of the action (include/uapi/linux/pkt_cls.h; net/sched/act_police.c). */
const TCA_POLICE_TBF = 1;
const TCA_POLICE_RATE = 2;
const TCA_POLICE_AVRATE = 4;
const TCA_POLICE_RESULT = 5;
const TCA_POLICE_RATE64 = 8;
const TCA_POLICE_PKTRATE64 = 10;
const TCA_POLICE_PKTBURST64 = 11;

/** struct tc_police: index, action, limit, burst, mtu, rate, peakrate, refcnt, bindcnt, capab. */
const POLICE_SIZE = 56;
const RATE_OFFSET = 20;
const PEAK_RATE_OFFSET = RATE_OFFSET + RATESPEC_SIZE;
/** TC_RTAB_SIZE: 256 numbers of 32 bits. */
const RATE_TABLE_SIZE = 1024;
interface PoliceVerdicts {
  readonly kind: "police";
  /** What becomes of a packet above the rate; `drop` when absent. */
  readonly exceed?: Verdict;
  /** What becomes of a packet within the rate; `ok` when absent. */
  readonly conform?: Verdict;
}

/** Lets bytes through up to a rate; nothing waits. */
export interface BytePoliceAction extends PoliceVerdicts {
  /** Bits per second. */
  readonly rate: number;
  /** Bytes that may pass at once. */
  readonly burst: number;
  /** Largest packet in bytes that is let through at all; received packets may be merged ones (GRO). */
  readonly mtu: number;
}

/** Lets packets through up to a rate, whatever their size; none at the very start. Linux 5.13 or newer. */
export interface PacketPoliceAction extends PoliceVerdicts {
  /** Packets per second. */
  readonly packetRate: number;
  /** Packets that may pass at once. */
  readonly packetBurst: number;
}

/** Drops, or treats otherwise, what comes faster than a rate. */
export type PoliceAction = BytePoliceAction | PacketPoliceAction;

export const police: KindCodec<PoliceAction> = {
  encode(options) {
    const { exceed = "drop", conform = "ok" } = options;
    const attributes =
      "packetRate" in options ? encodePacketRate(options, exceed) : encodeByteRate(options, exceed);
    if (conform !== "ok") attributes.i32(TCA_POLICE_RESULT, encodeVerdict(conform));
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const view = viewOf(attributes.bytes(TCA_POLICE_TBF), POLICE_SIZE);
    if (view === undefined) return undefined;
    const exceed = decodeVerdict(view.getInt32(4, true));
    const conform = decodeVerdict(attributes.i32(TCA_POLICE_RESULT) ?? 0);
    if (exceed === undefined || conform === undefined) return undefined;
    // A peak rate, and a rate that the kernel estimates instead of measuring, are not told in these words.
    if (view.getUint32(PEAK_RATE_OFFSET + 8, true) !== 0 || attributes.has(TCA_POLICE_AVRATE))
      return undefined;
    const verdicts = { ...(exceed !== "drop" && { exceed }), ...(conform !== "ok" && { conform }) };
    const packetRate = Number(attributes.u64(TCA_POLICE_PKTRATE64) ?? 0);
    if (packetRate !== 0) {
      const packetBurst = ticksToPackets(Number(attributes.u64(TCA_POLICE_PKTBURST64) ?? 0), packetRate);
      return { kind: "police", packetRate, packetBurst, ...verdicts };
    }
    const rate = readRate(view, RATE_OFFSET, attributes.u64(TCA_POLICE_RATE64));
    if (rate === 0) return undefined;
    const burst = ticksToBurst(view.getUint32(12, true), rate);
    return { kind: "police", rate, burst, mtu: view.getUint32(16, true), ...verdicts };
  },
};

function encodeByteRate(action: BytePoliceAction, exceed: Verdict): AttributeWriter {
  const rate = positiveNumber("rate of action police", action.rate);
  const burst = wholeNumber("burst of action police", action.burst, 1);
  const mtu = wholeNumber("mtu of action police", action.mtu, 1);
  const { parms, view } = makeParms(exceed);
  view.setUint32(12, burstToTicks(burst, rate), true);
  view.setUint32(16, mtu, true);
  writeRateSpec(view, RATE_OFFSET, rate, cellLog(mtu));
  const attributes = new AttributeWriter().bytes(TCA_POLICE_TBF, parms);
  // The kernel refuses a policer without its rate table (qdisc_get_rtab) and then never reads the table.
  attributes.bytes(TCA_POLICE_RATE, new Uint8Array(RATE_TABLE_SIZE));
  const wideRate = rate64(rate);
  return wideRate === undefined ? attributes : attributes.u64(TCA_POLICE_RATE64, wideRate);
}

function encodePacketRate(action: PacketPoliceAction, exceed: Verdict): AttributeWriter {
  const rate = wholeNumber("packetRate of action police", action.packetRate, 1, Number.MAX_SAFE_INTEGER);
  const burst = wholeNumber("packetBurst of action police", action.packetBurst, 1);
  return new AttributeWriter()
    .bytes(TCA_POLICE_TBF, makeParms(exceed).parms)
    .u64(TCA_POLICE_PKTRATE64, rate)
    .u64(TCA_POLICE_PKTBURST64, packetsToTicks(burst, rate));
}

function makeParms(exceed: Verdict) {
  const parms = new Uint8Array(POLICE_SIZE);
  const view = new DataView(parms.buffer);
  view.setInt32(4, encodeVerdict(exceed), true);
  return { parms, view };
}

/** The table's cell size as a power of two, so that its 256 cells reach the largest packet. */
function cellLog(mtu: number): number {
  return Math.max(1, Math.ceil(Math.log2((mtu + 1) / 256)));
}
