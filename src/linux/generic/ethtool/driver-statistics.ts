import { LanyardError } from "../../../model/errors.ts";
import { decodeText } from "../../netlink/attribute.ts";
import type { LinkReference } from "./client.ts";
import { type EthtoolIoctls, makeStructure } from "./ioctl.ts";

/** Commands (include/uapi/linux/ethtool.h). */
const ETHTOOL_GSTRINGS = 0x1b;
const ETHTOOL_GSTATS = 0x1d;
const ETHTOOL_GSSET_INFO = 0x37;
/** The set of strings that names the driver's counters (enum ethtool_stringset). */
const ETH_SS_STATS = 1;

/** struct ethtool_sset_info: command, reserved, 64 bits of mask, and a size for each set that is there. */
const SET_INFO_SIZE = 20;
const SET_MASK_OFFSET = 8;
const SET_SIZE_OFFSET = 16;
/** struct ethtool_gstrings: command, set, count; then the strings. */
const STRINGS_HEADER_SIZE = 12;
const STRINGS_COUNT_OFFSET = 8;
const STRING_SIZE = 32;
/** struct ethtool_stats: command, count; then the counters. */
const STATISTICS_HEADER_SIZE = 8;
const STATISTICS_COUNT_OFFSET = 4;
const COUNTER_SIZE = 8;

/**
 * The kernel writes as many strings and counters as the driver has by then, whatever it was told of the room there is
 * (ethtool_get_strings and ethtool_get_stats, net/ethtool/ioctl.c): there is room for this many more than it had.
 */
const SPARE_STRINGS = 16_384;
/** How often a driver may change the number of its counters while they are read. */
const MOST_ATTEMPTS = 5;

/**
 * Asks for a driver's own counters, by name; empty where it has none. Netlink cannot be asked for them. Throws
 * NetlinkError when the kernel refuses.
 */
export async function getDriverStatistics(
  ioctls: EthtoolIoctls,
  link: LinkReference,
): Promise<Readonly<Record<string, number>>> {
  const request = { link, operation: "read the driver's statistics", subject: "statistics of its own" };
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const set = makeStructure(SET_INFO_SIZE, ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS);
    const [info] = await ioctls.ask({ ...request, structures: [set] });
    const count = decodeSetSize(info ?? new Uint8Array());
    if (count === 0) return {};
    const [names, values] = await ioctls.ask({
      ...request,
      structures: [
        makeStructure(STRINGS_HEADER_SIZE + count * STRING_SIZE, ETHTOOL_GSTRINGS, ETH_SS_STATS, count),
        makeStructure(STATISTICS_HEADER_SIZE + count * COUNTER_SIZE, ETHTOOL_GSTATS, count),
      ],
      spare: SPARE_STRINGS * STRING_SIZE,
    });
    const statistics = decodeDriverStatistics(names ?? new Uint8Array(), values ?? new Uint8Array());
    if (statistics !== undefined) return statistics;
  }
  throw new LanyardError("kernel", `${request.operation} of link ${link}: their number keeps changing`);
}

/** Reads from a struct ethtool_sset_info how many strings the one set has that was asked for. */
export function decodeSetSize(structure: Uint8Array): number {
  if (structure.length < SET_INFO_SIZE) return 0;
  const view = viewOf(structure);
  // A set the driver does not have is taken out of the mask, and has no size then.
  return view.getBigUint64(SET_MASK_OFFSET, true) === 0n ? 0 : view.getUint32(SET_SIZE_OFFSET, true);
}

/**
 * Reads the counters of a struct ethtool_stats with the names of a struct ethtool_gstrings; undefined when their
 * numbers do not fit each other or the structures.
 */
export function decodeDriverStatistics(
  names: Uint8Array,
  values: Uint8Array,
): Readonly<Record<string, number>> | undefined {
  if (names.length < STRINGS_HEADER_SIZE || values.length < STATISTICS_HEADER_SIZE) return undefined;
  const counters = viewOf(values);
  const count = viewOf(names).getUint32(STRINGS_COUNT_OFFSET, true);
  if (count !== counters.getUint32(STATISTICS_COUNT_OFFSET, true)) return undefined;
  if (names.length !== STRINGS_HEADER_SIZE + count * STRING_SIZE) return undefined;
  if (values.length !== STATISTICS_HEADER_SIZE + count * COUNTER_SIZE) return undefined;
  return Object.fromEntries(
    Array.from({ length: count }, (_, position) => {
      const start = STRINGS_HEADER_SIZE + position * STRING_SIZE;
      const name = decodeText(names.subarray(start, start + STRING_SIZE));
      const at = STATISTICS_HEADER_SIZE + position * COUNTER_SIZE;
      return [name, Number(counters.getBigUint64(at, true))];
    }),
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
