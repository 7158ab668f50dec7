import {
  booleanField,
  choiceField,
  type Fields,
  hundredthsField,
  macField,
  numberField,
  readFields,
  vlanProtocolField,
  writeFields,
} from "../fields.ts";
import type { VlanProtocol } from "../vlan-protocol.ts";
import type { LinkKind } from "./kind.ts";

/** Attributes of a bridge (IFLA_BR_*, include/uapi/linux/if_link.h). */
const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_HELLO_TIME = 2;
const IFLA_BR_MAX_AGE = 3;
const IFLA_BR_AGEING_TIME = 4;
const IFLA_BR_STP_STATE = 5;
const IFLA_BR_PRIORITY = 6;
const IFLA_BR_VLAN_FILTERING = 7;
const IFLA_BR_VLAN_PROTOCOL = 8;
const IFLA_BR_GROUP_FWD_MASK = 9;
const IFLA_BR_GROUP_ADDR = 20;
const IFLA_BR_MCAST_ROUTER = 22;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_BR_MCAST_QUERIER = 25;
const IFLA_BR_MCAST_HASH_MAX = 27;
const IFLA_BR_NF_CALL_IPTABLES = 36;
const IFLA_BR_NF_CALL_IP6TABLES = 37;
const IFLA_BR_NF_CALL_ARPTABLES = 38;
const IFLA_BR_VLAN_DEFAULT_PVID = 39;
const IFLA_BR_VLAN_STATS_ENABLED = 41;
const IFLA_BR_MCAST_STATS_ENABLED = 42;
const IFLA_BR_VLAN_STATS_PER_PORT = 45;

/** MDB_RTR_TYPE_* (include/uapi/linux/if_bridge.h). */
const MULTICAST_ROUTERS = { never: 0, automatic: 1, always: 2 } as const;

const LAST_VLAN = 4094;

/** A learning Ethernet bridge (net/bridge; attributes in br_changelink, net/bridge/br_netlink.c). */
export interface BridgeSpec {
  readonly kind: "bridge";
  /** Each port takes and gives frames of its own VLANs only (see `BridgeVlans`). */
  readonly isVlanFiltering?: boolean;
  /** Which tags it looks at; `802.1Q` in the kernel. */
  readonly vlanProtocol?: VlanProtocol;
  /** VLAN of untagged frames at ports that join, 1 to 4094, 1 in the kernel; 0 for none. */
  readonly defaultPvid?: number;
  /** Packets and bytes are counted for each VLAN. */
  readonly hasVlanStatistics?: boolean;
  /** They are counted for each VLAN of each port. The kernel changes this only while no port has a VLAN. */
  readonly hasPortVlanStatistics?: boolean;
  readonly hasSpanningTree?: boolean;
  /** Priority in the spanning tree, 0 to 65535; the lowest becomes the root. */
  readonly priority?: number;
  /** Milliseconds a port listens, and then learns, before it forwards; in hundredths of a second as all times here. */
  readonly forwardDelay?: number;
  /** Milliseconds between the root's messages. */
  readonly helloTime?: number;
  /** Milliseconds after which a root that was not heard counts as gone. */
  readonly maxAge?: number;
  /** Milliseconds after which a MAC address that was not heard is forgotten. */
  readonly ageingTime?: number;
  /**
   * Which of the addresses 01:80:c2:00:00:00 to :0f, which bridges keep to themselves, are forwarded, bit by bit. The
   * kernel refuses the first three bits (spanning tree, pause frames, LACP).
   */
  readonly groupForwardMask?: number;
  /** MAC address of the spanning tree's messages, one of 01:80:c2:00:00:00 to :0f. */
  readonly groupMac?: string;
  /** Multicast goes only to the ports that asked for it. */
  readonly hasMulticastSnooping?: boolean;
  /** It asks by itself who wants multicast. */
  readonly isMulticastQuerier?: boolean;
  /** Whether all multicast is given to the bridge itself. */
  readonly multicastRouter?: keyof typeof MULTICAST_ROUTERS;
  /** The most multicast groups it remembers. */
  readonly mostMulticastGroups?: number;
  readonly hasMulticastStatistics?: boolean;
  /** Bridged packets pass iptables, ip6tables, arptables (br_netfilter). */
  readonly isCallingIptables?: boolean;
  readonly isCallingIp6tables?: boolean;
  readonly isCallingArptables?: boolean;
}

const fields: Fields<BridgeSpec> = {
  isVlanFiltering: booleanField("u8", IFLA_BR_VLAN_FILTERING),
  vlanProtocol: vlanProtocolField(IFLA_BR_VLAN_PROTOCOL),
  defaultPvid: numberField("u16", IFLA_BR_VLAN_DEFAULT_PVID, 0, LAST_VLAN),
  hasVlanStatistics: booleanField("u8", IFLA_BR_VLAN_STATS_ENABLED),
  hasPortVlanStatistics: booleanField("u8", IFLA_BR_VLAN_STATS_PER_PORT),
  hasSpanningTree: booleanField("u32", IFLA_BR_STP_STATE),
  priority: numberField("u16", IFLA_BR_PRIORITY),
  forwardDelay: hundredthsField(IFLA_BR_FORWARD_DELAY),
  helloTime: hundredthsField(IFLA_BR_HELLO_TIME),
  maxAge: hundredthsField(IFLA_BR_MAX_AGE),
  ageingTime: hundredthsField(IFLA_BR_AGEING_TIME),
  groupForwardMask: numberField("u16", IFLA_BR_GROUP_FWD_MASK),
  groupMac: macField(IFLA_BR_GROUP_ADDR),
  hasMulticastSnooping: booleanField("u8", IFLA_BR_MCAST_SNOOPING),
  isMulticastQuerier: booleanField("u8", IFLA_BR_MCAST_QUERIER),
  multicastRouter: choiceField("u8", IFLA_BR_MCAST_ROUTER, MULTICAST_ROUTERS),
  mostMulticastGroups: numberField("u32", IFLA_BR_MCAST_HASH_MAX),
  hasMulticastStatistics: booleanField("u8", IFLA_BR_MCAST_STATS_ENABLED),
  isCallingIptables: booleanField("u8", IFLA_BR_NF_CALL_IPTABLES),
  isCallingIp6tables: booleanField("u8", IFLA_BR_NF_CALL_IP6TABLES),
  isCallingArptables: booleanField("u8", IFLA_BR_NF_CALL_ARPTABLES),
};

export const bridge: LinkKind<BridgeSpec> = {
  kind: "bridge",
  encode: (spec, data) => writeFields(fields, spec, data, "a bridge"),
  decode: (data) => readFields(fields, data),
};
