/** Attributes of VFs (include/uapi/linux/if_link.h, rtnetlink.h), in the kernel's spelling. */

/** Bit of IFLA_EXT_MASK: tell of the VFs as well. */
export const RTEXT_FILTER_VF = 0x1;

export const IFLA_NUM_VF = 21;
export const IFLA_VFINFO_LIST = 22;

/** Inside IFLA_VFINFO_LIST: one nest for each VF. */
export const IFLA_VF_INFO = 1;

/** Inside IFLA_VF_INFO. Each is a structure that begins with the VF's number, but for the broadcast address and nests. */
export const IFLA_VF_MAC = 1;
export const IFLA_VF_VLAN = 2;
export const IFLA_VF_TX_RATE = 3;
export const IFLA_VF_SPOOFCHK = 4;
export const IFLA_VF_LINK_STATE = 5;
export const IFLA_VF_RATE = 6;
export const IFLA_VF_RSS_QUERY_EN = 7;
export const IFLA_VF_STATS = 8;
export const IFLA_VF_TRUST = 9;
export const IFLA_VF_IB_NODE_GUID = 10;
export const IFLA_VF_IB_PORT_GUID = 11;
export const IFLA_VF_VLAN_LIST = 12;
export const IFLA_VF_BROADCAST = 13;

/** Inside IFLA_VF_VLAN_LIST; there is exactly one (MAX_VLAN_LIST_LEN). */
export const IFLA_VF_VLAN_INFO = 1;

/** Inside IFLA_VF_STATS, 64 bits each. */
export const IFLA_VF_STATS_RX_PACKETS = 0;
export const IFLA_VF_STATS_TX_PACKETS = 1;
export const IFLA_VF_STATS_RX_BYTES = 2;
export const IFLA_VF_STATS_TX_BYTES = 3;
export const IFLA_VF_STATS_BROADCAST = 4;
export const IFLA_VF_STATS_MULTICAST = 5;
export const IFLA_VF_STATS_RX_DROPPED = 7;
export const IFLA_VF_STATS_TX_DROPPED = 8;

/** Longest link-layer address (include/linux/netdevice.h); fields of addresses always have this size. */
export const MAX_ADDR_LEN = 32;

/** Numbers of IFLA_VF_LINK_STATE: as the card's own link is, always up, always down. */
export const LINK_STATES = { auto: 0, enable: 1, disable: 2 } as const;

/** What the kernel counts VF rates in, in bits per second. */
export const RATE_UNIT = 1_000_000;
