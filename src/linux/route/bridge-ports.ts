import { InvalidValueError } from "../../model/errors.ts";
import { EOPNOTSUPP } from "../errno.ts";
import { encodeMessage, NLM_F_ACK } from "../netlink/message.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { booleanField, choiceField, type Fields, numberField, writeFields } from "./fields.ts";
import { AF_BRIDGE } from "./ip.ts";
import { IFLA_PROTINFO, RTM_SETLINK } from "./link-attributes.ts";
import { linkHeader } from "./link-header.ts";

/** Attributes of a bridge's port (IFLA_BRPORT_*, include/uapi/linux/if_link.h). */
const IFLA_BRPORT_STATE = 1;
const IFLA_BRPORT_PRIORITY = 2;
const IFLA_BRPORT_COST = 3;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_GUARD = 5;
const IFLA_BRPORT_PROTECT = 6;
const IFLA_BRPORT_FAST_LEAVE = 7;
const IFLA_BRPORT_LEARNING = 8;
const IFLA_BRPORT_UNICAST_FLOOD = 9;
const IFLA_BRPORT_PROXYARP = 10;
const IFLA_BRPORT_MULTICAST_ROUTER = 25;
const IFLA_BRPORT_MCAST_FLOOD = 27;
const IFLA_BRPORT_MCAST_TO_UCAST = 28;
const IFLA_BRPORT_VLAN_TUNNEL = 29;
const IFLA_BRPORT_BCAST_FLOOD = 30;
const IFLA_BRPORT_GROUP_FWD_MASK = 31;
const IFLA_BRPORT_NEIGH_SUPPRESS = 32;
const IFLA_BRPORT_ISOLATED = 33;
const IFLA_BRPORT_LOCKED = 39;

/** BR_STATE_* and MDB_RTR_TYPE_* (include/uapi/linux/if_bridge.h). */
const STATES = { disabled: 0, listening: 1, learning: 2, forwarding: 3, blocking: 4 } as const;
const MULTICAST_ROUTERS = { never: 0, automatic: 1, always: 2, temporary: 3 } as const;

/** What a port of a bridge can be told (br_setport, net/bridge/br_netlink.c). */
export interface BridgePortSettings {
  /**
   * In the spanning tree. Only a bridge without one takes it, and only of a link that is up and has a carrier; `blocking`
   * is made `forwarding` at once there.
   */
  readonly state?: keyof typeof STATES;
  /** In the spanning tree, 0 to 63. */
  readonly priority?: number;
  /** In the spanning tree, 1 to 65535. */
  readonly cost?: number;
  /** Sends frames back out of the port they came in by. */
  readonly isHairpin?: boolean;
  /** Is shut when a message of the spanning tree comes in. */
  readonly isGuarded?: boolean;
  /** Never leads to the root of the spanning tree. */
  readonly isRootBlocked?: boolean;
  /** Ends multicast at once when a receiver leaves. */
  readonly isFastLeaving?: boolean;
  /** Learns MAC addresses. */
  readonly isLearning?: boolean;
  /** Gets unicast, multicast or broadcast frames whose receiver the bridge does not know. */
  readonly isFloodingUnicast?: boolean;
  readonly isFloodingMulticast?: boolean;
  readonly isFloodingBroadcast?: boolean;
  /** Gets multicast as unicast to each receiver. */
  readonly isMulticastUnicast?: boolean;
  readonly multicastRouter?: keyof typeof MULTICAST_ROUTERS;
  /** The bridge answers ARP requests at this port. */
  readonly isProxyArp?: boolean;
  /** The bridge answers ARP and neighbour solicitations at this port where it knows, instead of flooding them. */
  readonly isSuppressingNeighbours?: boolean;
  /** Exchanges nothing with other isolated ports. */
  readonly isIsolated?: boolean;
  /** Takes frames only of MAC addresses the table of addresses has at this port. */
  readonly isLocked?: boolean;
  /** VLANs are mapped to tunnel ids here. */
  readonly isVlanTunnel?: boolean;
  /** As a bridge's `groupForwardMask`, for this port. */
  readonly groupForwardMask?: number;
}

/** Also what the kernel tells of a port, in the same attributes. */
export const bridgePortFields: Fields<BridgePortSettings> = {
  state: choiceField("u8", IFLA_BRPORT_STATE, STATES),
  priority: numberField("u16", IFLA_BRPORT_PRIORITY, 0, 63),
  cost: numberField("u32", IFLA_BRPORT_COST, 1, 65_535),
  isHairpin: booleanField("u8", IFLA_BRPORT_MODE),
  isGuarded: booleanField("u8", IFLA_BRPORT_GUARD),
  isRootBlocked: booleanField("u8", IFLA_BRPORT_PROTECT),
  isFastLeaving: booleanField("u8", IFLA_BRPORT_FAST_LEAVE),
  isLearning: booleanField("u8", IFLA_BRPORT_LEARNING),
  isFloodingUnicast: booleanField("u8", IFLA_BRPORT_UNICAST_FLOOD),
  isFloodingMulticast: booleanField("u8", IFLA_BRPORT_MCAST_FLOOD),
  isFloodingBroadcast: booleanField("u8", IFLA_BRPORT_BCAST_FLOOD),
  isMulticastUnicast: booleanField("u8", IFLA_BRPORT_MCAST_TO_UCAST),
  multicastRouter: choiceField("u8", IFLA_BRPORT_MULTICAST_ROUTER, MULTICAST_ROUTERS),
  isProxyArp: booleanField("u8", IFLA_BRPORT_PROXYARP),
  isSuppressingNeighbours: booleanField("u8", IFLA_BRPORT_NEIGH_SUPPRESS),
  isIsolated: booleanField("u8", IFLA_BRPORT_ISOLATED),
  isLocked: booleanField("u8", IFLA_BRPORT_LOCKED),
  isVlanTunnel: booleanField("u8", IFLA_BRPORT_VLAN_TUNNEL),
  groupForwardMask: numberField("u16", IFLA_BRPORT_GROUP_FWD_MASK),
};

/** The ports of bridges in one network namespace. How they are set is told with the link (`Link.portData`). */
export class BridgePorts {
  readonly #client: NetlinkClient;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /**
   * Sets what a port does; what is absent stays as it is. Throws InvalidValueError, and NetlinkError: EOPNOTSUPP when
   * the link belongs to no bridge.
   */
  async set(link: number, settings: BridgePortSettings): Promise<void> {
    await this.#client.send(this.prepareSet(link, settings));
  }

  /** `set`, to be sent with other requests. */
  prepareSet(link: number, settings: BridgePortSettings): Prepared<void> {
    if (Object.values(settings).every((value) => value === undefined))
      throw new InvalidValueError(`settings of port ${link}`, settings, "at least one setting");
    // Asked of the bridge itself: attributes in IFLA_INFO_SLAVE_DATA would be read as a bond's where the link is in one.
    const message = encodeMessage(RTM_SETLINK, NLM_F_ACK, linkHeader(link, undefined, AF_BRIDGE), (w) =>
      w.nest(IFLA_PROTINFO, (port) => writeFields(bridgePortFields, settings, port, `port ${link}`)),
    );
    return this.#client.prepare(
      `set the bridge's port ${link} in ${this.#place}`,
      message,
      { key: String(link), reasons: { [EOPNOTSUPP]: "the link belongs to no bridge" } },
      () => {},
    );
  }
}
