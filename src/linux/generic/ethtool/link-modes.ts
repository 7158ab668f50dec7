import { InvalidValueError } from "../../../model/errors.ts";
import { type NameOrNumber, nameOf, numberOf } from "../../route/names.ts";
import { readGeneric } from "../family.ts";
import { isTold, nameTold, told } from "../told.ts";
import { namesOf, readBitset, setNamesOf, writeBits } from "./bitset.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";
import { writeCounts } from "./counts.ts";

/** Messages and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_LINKINFO_GET = 2;
const ETHTOOL_MSG_LINKMODES_GET = 4;
const ETHTOOL_MSG_LINKMODES_SET = 5;
const ETHTOOL_A_LINKINFO_PORT = 2;
const ETHTOOL_A_LINKMODES_AUTONEG = 2;
const ETHTOOL_A_LINKMODES_OURS = 3;
const ETHTOOL_A_LINKMODES_PEER = 4;
const ETHTOOL_A_LINKMODES_SPEED = 5;
const ETHTOOL_A_LINKMODES_DUPLEX = 6;
const ETHTOOL_A_LINKMODES_LANES = 9;

/** SPEED_UNKNOWN and DUPLEX_UNKNOWN (include/uapi/linux/ethtool.h): of a link that is down, as a rule. */
const SPEED_UNKNOWN = 0xffffffff;
const DUPLEX_UNKNOWN = 0xff;
const DUPLEXES = { half: 0, full: 1 } as const;
/** PORT_TP and so on (include/uapi/linux/ethtool.h): kinds of connectors. */
const PORTS = {
  "twisted-pair": 0,
  aui: 1,
  mii: 2,
  fibre: 3,
  bnc: 4,
  "direct-attach": 5,
  none: 0xef,
  other: 0xff,
} as const;

/** The kernel counts speeds in Mbit/s. */
const BITS_PER_MEGABIT = 1_000_000;

/** What can be set of how a link talks to its peer; what is left out stays. */
export interface LinkModeSettings {
  /** Bits per second, whole megabits. */
  readonly speed?: number;
  readonly duplex?: NameOrNumber<keyof typeof DUPLEXES>;
  /** Speed and duplex are agreed upon with the peer. */
  readonly isNegotiating?: boolean;
  readonly lanes?: number;
}

/**
 * How a link talks to its peer, and how it could. Modes go by the kernel's names, such as `10000baseT/Full`, `FIBRE` or
 * `Pause`; `bit 130` for one the kernel has no name for. Speed and duplex are left out while they are not known.
 */
export interface LinkModes extends LinkModeSettings {
  readonly supported: readonly string[];
  readonly advertised: readonly string[];
  /** What the peer advertises, where that is known. */
  readonly peer: readonly string[];
}

/** The modes of links. All calls throw NetlinkError when the kernel refuses. */
export class LinkModeControl {
  readonly #client: EthtoolClient;

  constructor(client: EthtoolClient) {
    this.#client = client;
  }

  async get(link: LinkReference): Promise<LinkModes> {
    const operation = "read the link modes";
    return await this.#client.read(
      { link, message: ETHTOOL_MSG_LINKMODES_GET, operation, subject: "link modes" },
      decodeLinkModes,
    );
  }

  /** What a link's cable is plugged into. */
  async port(link: LinkReference): Promise<NameOrNumber<keyof typeof PORTS>> {
    const operation = "read the kind of port";
    return await this.#client.read(
      { link, message: ETHTOOL_MSG_LINKINFO_GET, operation, subject: "kind of port" },
      decodePortKind,
    );
  }

  /**
   * Sets how a link talks to its peer; it goes down for that while it is negotiated. `advertised` says for each mode by
   * its name whether it shall be offered; modes it does not name stay.
   */
  async set(
    link: LinkReference,
    settings: LinkModeSettings & { readonly advertised?: Readonly<Record<string, boolean>> },
  ): Promise<void> {
    const { speed, duplex, isNegotiating, lanes, advertised } = settings;
    await this.#client.change({
      link,
      message: ETHTOOL_MSG_LINKMODES_SET,
      operation: "set the link modes",
      subject: "link modes that can be set",
      write: (attributes) => {
        if (isNegotiating !== undefined) attributes.u8(ETHTOOL_A_LINKMODES_AUTONEG, isNegotiating ? 1 : 0);
        if (advertised !== undefined) writeBits(ETHTOOL_A_LINKMODES_OURS, advertised, attributes);
        if (speed !== undefined) attributes.u32(ETHTOOL_A_LINKMODES_SPEED, toMegabits(speed));
        if (duplex !== undefined)
          attributes.u8(ETHTOOL_A_LINKMODES_DUPLEX, numberOf("duplex", DUPLEXES, duplex));
        writeCounts(attributes, [[ETHTOOL_A_LINKMODES_LANES, "lanes", lanes]]);
      },
    });
  }
}

/** Reads the payload of an ETHTOOL_MSG_LINKMODES_GET_REPLY. */
export function decodeLinkModes(payload: Uint8Array): LinkModes {
  const attributes = readGeneric(payload);
  const speed = attributes.u32(ETHTOOL_A_LINKMODES_SPEED) ?? SPEED_UNKNOWN;
  const duplex = attributes.u8(ETHTOOL_A_LINKMODES_DUPLEX);
  const ours = readBitset(attributes.bytes(ETHTOOL_A_LINKMODES_OURS) ?? new Uint8Array());
  const peer = readBitset(attributes.bytes(ETHTOOL_A_LINKMODES_PEER) ?? new Uint8Array());
  return {
    ...told({
      speed: speed === 0 || speed === SPEED_UNKNOWN ? undefined : speed * BITS_PER_MEGABIT,
      duplex: duplex === DUPLEX_UNKNOWN ? undefined : nameTold(DUPLEXES, duplex),
      isNegotiating: isTold(attributes.u8(ETHTOOL_A_LINKMODES_AUTONEG)),
      lanes: attributes.u32(ETHTOOL_A_LINKMODES_LANES),
    }),
    supported: namesOf(ours),
    advertised: setNamesOf(ours),
    peer: setNamesOf(peer),
  };
}

/** Reads what a link's cable is plugged into from an ETHTOOL_MSG_LINKINFO_GET_REPLY. */
export function decodePortKind(payload: Uint8Array): NameOrNumber<keyof typeof PORTS> | undefined {
  const port = readGeneric(payload).u8(ETHTOOL_A_LINKINFO_PORT);
  return port === undefined ? undefined : nameOf(PORTS, port);
}

function toMegabits(speed: number): number {
  const megabits = speed / BITS_PER_MEGABIT;
  if (Number.isInteger(megabits) && megabits > 0 && megabits < SPEED_UNKNOWN) return megabits;
  throw new InvalidValueError("speed", speed, "bits per second in whole megabits, such as 10000000000");
}
