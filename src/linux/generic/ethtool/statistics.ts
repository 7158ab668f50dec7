import { AttributeReader } from "../../netlink/attribute.ts";
import { type NameOrNumber, nameOf } from "../../route/names.ts";
import { nestsOf, readGeneric } from "../family.ts";
import { writeList } from "./bitset.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";

/** Message and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_STATS_GET = 32;
const ETHTOOL_A_STATS_HEADER = 2;
const ETHTOOL_A_STATS_GROUPS = 3;
const ETHTOOL_A_STATS_GRP = 4;
/** Inside ETHTOOL_A_STATS_GRP. */
const ETHTOOL_A_STATS_GRP_ID = 2;
const ETHTOOL_A_STATS_GRP_STAT = 4;
const ETHTOOL_A_STATS_GRP_HIST_RX = 5;
const ETHTOOL_A_STATS_GRP_HIST_TX = 6;
const ETHTOOL_A_STATS_GRP_HIST_BKT_LOW = 7;
const ETHTOOL_A_STATS_GRP_HIST_BKT_HI = 8;
const ETHTOOL_A_STATS_GRP_HIST_VAL = 9;

/** Groups that every kernel with this message knows (ETHTOOL_STATS_*). */
const GROUPS = { "eth-phy": 0, "eth-mac": 1, "eth-ctrl": 2, rmon: 3 } as const;

/**
 * Names of the counters of each group by number, as the kernel spells them (net/ethtool/stats.c): attributes of IEEE
 * 802.3 clause 30 without their leading `a`, and objects of the RMON MIB (RFC 2819).
 */
export const COUNTERS: Readonly<Record<keyof typeof GROUPS, readonly string[]>> = {
  "eth-phy": ["SymbolErrorDuringCarrier"],
  "eth-mac": [
    "FramesTransmittedOK",
    "SingleCollisionFrames",
    "MultipleCollisionFrames",
    "FramesReceivedOK",
    "FrameCheckSequenceErrors",
    "AlignmentErrors",
    "OctetsTransmittedOK",
    "FramesWithDeferredXmissions",
    "LateCollisions",
    "FramesAbortedDueToXSColls",
    "FramesLostDueToIntMACXmitError",
    "CarrierSenseErrors",
    "OctetsReceivedOK",
    "FramesLostDueToIntMACRcvError",
    "MulticastFramesXmittedOK",
    "BroadcastFramesXmittedOK",
    "FramesWithExcessiveDeferral",
    "MulticastFramesReceivedOK",
    "BroadcastFramesReceivedOK",
    "InRangeLengthErrors",
    "OutOfRangeLengthField",
    "FrameTooLongErrors",
  ],
  "eth-ctrl": ["MACControlFramesTransmitted", "MACControlFramesReceived", "UnsupportedOpcodesReceived"],
  rmon: ["etherStatsUndersizePkts", "etherStatsOversizePkts", "etherStatsFragments", "etherStatsJabbers"],
};

/** How many packets had a size within these bounds, in bytes. */
export interface SizeCount {
  readonly from: number;
  readonly to: number;
  readonly packets: number;
}

/** One group of a card's own counters since its driver was bound; those the driver does not keep are left out. */
export interface StatisticsGroup {
  readonly group: NameOrNumber<keyof typeof GROUPS>;
  /** By name; `counter 30` for one not known here. */
  readonly counters: Readonly<Record<string, number>>;
  readonly receivedSizes: readonly SizeCount[];
  readonly transmittedSizes: readonly SizeCount[];
}

/** Asks for the standard counters of a link's card, group by group. Throws NetlinkError when the kernel refuses. */
export async function getStandardStatistics(
  client: EthtoolClient,
  link: LinkReference,
): Promise<readonly StatisticsGroup[]> {
  return await client.read(
    {
      link,
      message: ETHTOOL_MSG_STATS_GET,
      operation: "read the standard statistics",
      subject: "standard statistics",
      header: ETHTOOL_A_STATS_HEADER,
      write: (attributes) => writeList(ETHTOOL_A_STATS_GROUPS, Object.keys(GROUPS), attributes),
    },
    decodeStandardStatistics,
  );
}

/** Reads the payload of an ETHTOOL_MSG_STATS_GET_REPLY; groups of which nothing is told are left out. */
export function decodeStandardStatistics(payload: Uint8Array): StatisticsGroup[] {
  return nestsOf(readGeneric(payload), ETHTOOL_A_STATS_GRP)
    .map(readGroup)
    .filter((group) => group !== undefined);
}

function readGroup(nest: AttributeReader): StatisticsGroup | undefined {
  const id = nest.u32(ETHTOOL_A_STATS_GRP_ID);
  if (id === undefined) return undefined;
  const group = nameOf(GROUPS, id);
  const counters = readCounters(nest, typeof group === "number" ? [] : COUNTERS[group]);
  const receivedSizes = readSizes(nest, ETHTOOL_A_STATS_GRP_HIST_RX);
  const transmittedSizes = readSizes(nest, ETHTOOL_A_STATS_GRP_HIST_TX);
  const isEmpty = Object.keys(counters).length + receivedSizes.length + transmittedSizes.length === 0;
  return isEmpty ? undefined : { group, counters, receivedSizes, transmittedSizes };
}

/** Each counter is a nest of its own, whose one attribute has the counter's number as its type. */
function readCounters(group: AttributeReader, names: readonly string[]): Record<string, number> {
  const counters = group.entries().filter(({ type }) => type === ETHTOOL_A_STATS_GRP_STAT);
  return Object.fromEntries(
    counters.flatMap(({ payload }) => {
      const nest = new AttributeReader(payload);
      const [number] = nest.entries().map(({ type }) => type);
      const value = number === undefined ? undefined : nest.u64(number);
      if (number === undefined || value === undefined) return [];
      return [[names[number] ?? `counter ${number}`, Number(value)]];
    }),
  );
}

function readSizes(group: AttributeReader, type: number): SizeCount[] {
  return nestsOf(group, type).flatMap((bucket) => {
    const from = bucket.u32(ETHTOOL_A_STATS_GRP_HIST_BKT_LOW);
    const to = bucket.u32(ETHTOOL_A_STATS_GRP_HIST_BKT_HI);
    const packets = bucket.u64(ETHTOOL_A_STATS_GRP_HIST_VAL);
    return from === undefined || to === undefined || packets === undefined
      ? []
      : [{ from, to, packets: Number(packets) }];
  });
}
