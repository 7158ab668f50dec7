import { MOST_INDEX } from "../../whole-number.ts";
import {
  booleanField,
  choiceField,
  type Fields,
  ipListField,
  macField,
  numberField,
  readFields,
  writeFields,
} from "../fields.ts";
import { AF_INET, AF_INET6 } from "../ip.ts";
import type { LinkKind } from "./kind.ts";

/** Attributes (IFLA_BOND_*, include/uapi/linux/if_link.h). */
const IFLA_BOND_MODE = 1;
const IFLA_BOND_ACTIVE_SLAVE = 2;
const IFLA_BOND_MIIMON = 3;
const IFLA_BOND_UPDELAY = 4;
const IFLA_BOND_DOWNDELAY = 5;
const IFLA_BOND_ARP_INTERVAL = 7;
const IFLA_BOND_ARP_IP_TARGET = 8;
const IFLA_BOND_ARP_VALIDATE = 9;
const IFLA_BOND_ARP_ALL_TARGETS = 10;
const IFLA_BOND_PRIMARY = 11;
const IFLA_BOND_PRIMARY_RESELECT = 12;
const IFLA_BOND_FAIL_OVER_MAC = 13;
const IFLA_BOND_XMIT_HASH_POLICY = 14;
const IFLA_BOND_RESEND_IGMP = 15;
const IFLA_BOND_NUM_PEER_NOTIF = 16;
const IFLA_BOND_ALL_SLAVES_ACTIVE = 17;
const IFLA_BOND_MIN_LINKS = 18;
const IFLA_BOND_LP_INTERVAL = 19;
const IFLA_BOND_PACKETS_PER_SLAVE = 20;
const IFLA_BOND_AD_LACP_RATE = 21;
const IFLA_BOND_AD_SELECT = 22;
const IFLA_BOND_AD_ACTOR_SYS_PRIO = 24;
const IFLA_BOND_AD_USER_PORT_KEY = 25;
const IFLA_BOND_AD_ACTOR_SYSTEM = 26;
const IFLA_BOND_TLB_DYNAMIC_LB = 27;
const IFLA_BOND_PEER_NOTIF_DELAY = 28;
const IFLA_BOND_AD_LACP_ACTIVE = 29;
const IFLA_BOND_MISSED_MAX = 30;
const IFLA_BOND_NS_IP6_TARGET = 31;

/** BOND_MODE_* (include/uapi/linux/if_bonding.h). */
const MODES = {
  "balance-rr": 0,
  "active-backup": 1,
  "balance-xor": 2,
  broadcast: 3,
  "802.3ad": 4,
  "balance-tlb": 5,
  "balance-alb": 6,
} as const;

/** BOND_XMIT_POLICY_*. */
const HASH_POLICIES = {
  layer2: 0,
  "layer3+4": 1,
  "layer2+3": 2,
  "encap2+3": 3,
  "encap3+4": 4,
  "vlan+srcmac": 5,
} as const;

/** BOND_ARP_VALIDATE_*, BOND_ARP_TARGETS_*, BOND_PRI_RESELECT_*, BOND_FOM_* (include/net/bonding.h). */
const ARP_VALIDATIONS = {
  none: 0,
  active: 1,
  backup: 2,
  all: 3,
  filter: 4,
  filter_active: 5,
  filter_backup: 6,
} as const;
const ARP_NEEDS = { any: 0, all: 1 } as const;
const RESELECTIONS = { always: 0, better: 1, failure: 2 } as const;
const FAIL_OVER_MACS = { none: 0, active: 1, follow: 2 } as const;

/** How often LACP packets are wanted: every 30 seconds or every second. */
const LACP_RATES = { slow: 0, fast: 1 } as const;
/** BOND_AD_*. */
const AGGREGATIONS = { stable: 0, bandwidth: 1, count: 2 } as const;

/** BOND_MAX_ARP_TARGETS and BOND_MAX_NS_TARGETS. */
const MOST_TARGETS = 16;

export type BondMode = keyof typeof MODES;
export type BondHashPolicy = keyof typeof HASH_POLICIES;

/**
 * Several links as one (drivers/net/bonding; Documentation/networking/bonding.rst under the names of the kernel). Links
 * join it by `master`, while they are down. The kernel changes the mode only while no link belongs to it.
 */
export interface BondSpec {
  readonly kind: "bond";
  readonly mode: BondMode;
  /** Index of the link that is used now (active_slave); 0 lets the kernel choose. */
  readonly activeLink?: number;
  /** Milliseconds between looks at the carrier of each link; 0 does not look. Stands against `arpInterval`. */
  readonly miimon?: number;
  /** Milliseconds a link must have its carrier before it is used; a multiple of `miimon`. */
  readonly upDelay?: number;
  /** Milliseconds a link must be without carrier before it is given up; a multiple of `miimon`. */
  readonly downDelay?: number;
  /** Milliseconds between ARP requests to the targets; 0 sends none. Stands against `miimon`. */
  readonly arpInterval?: number;
  /** IPv4 addresses that are asked (arp_ip_target), up to 16. All of them, each time. */
  readonly arpTargets?: readonly string[];
  /** IPv6 addresses that are asked by neighbour solicitation (ns_ip6_target), up to 16. All of them, each time. */
  readonly neighbourTargets?: readonly string[];
  /** On which links answers are looked at (arp_validate), and whether other traffic counts (`filter`). */
  readonly arpValidation?: keyof typeof ARP_VALIDATIONS;
  /** Whether one target must answer or all of them (arp_all_targets). */
  readonly arpNeeds?: keyof typeof ARP_NEEDS;
  /** Answers that may be missing before a link is given up (missed_max), 1 to 255. */
  readonly mostMissedAnswers?: number;
  /** Index of the link that is used whenever it can be; 0 for none. */
  readonly primary?: number;
  /** When the primary link, come back, is used again: always, when it is faster, when the other fails. */
  readonly primaryReselection?: keyof typeof RESELECTIONS;
  /** Whose MAC address the bond has with `active-backup`: the first link's, the active one's, or a wandering one. */
  readonly failOverMac?: keyof typeof FAIL_OVER_MACS;
  /** Which link a flow takes (xmit_hash_policy). */
  readonly hashPolicy?: BondHashPolicy;
  /** IGMP reports that are sent after another link took over (resend_igmp), 0 to 255. */
  readonly igmpReports?: number;
  /** Gratuitous ARPs and neighbour advertisements that are sent then (num_grat_arp), 0 to 255. */
  readonly peerNotices?: number;
  /** Milliseconds between them (peer_notif_delay); a multiple of `miimon`. */
  readonly peerNoticeDelay?: number;
  /** What arrives on links that are not active is taken as well (all_slaves_active). */
  readonly isTakingAll?: boolean;
  /** Links that must have a carrier for the bond to have one. */
  readonly minLinks?: number;
  /** Seconds between learning packets to the switches (lp_interval), from 1. */
  readonly learningInterval?: number;
  /** Packets for one link before it is the next one's turn (packets_per_slave); 0 is by chance. */
  readonly packetsPerLink?: number;
  readonly lacpRate?: keyof typeof LACP_RATES;
  /** LACP packets are sent unasked (lacp_active); else only in answer. */
  readonly isLacpActive?: boolean;
  /** When another aggregator is chosen (ad_select): when the active one is lost, or also when one is better. */
  readonly aggregation?: keyof typeof AGGREGATIONS;
  /** Priority of this system in LACP (ad_actor_sys_prio), 1 to 65535. `802.3ad` alone. */
  readonly systemPriority?: number;
  /** MAC address of this system in LACP (ad_actor_system). `802.3ad` alone. */
  readonly systemMac?: string;
  /** Upper ten bits of the port key in LACP (ad_user_port_key). `802.3ad` alone. */
  readonly userPortKey?: number;
  /** Flows move between links as their load does (tlb_dynamic_lb). `balance-tlb` and `balance-alb`. */
  readonly isRebalancing?: boolean;
}

const fields: Fields<BondSpec> = {
  mode: choiceField("u8", IFLA_BOND_MODE, MODES),
  activeLink: numberField("u32", IFLA_BOND_ACTIVE_SLAVE, 0, MOST_INDEX),
  miimon: numberField("u32", IFLA_BOND_MIIMON, 0, MOST_INDEX),
  upDelay: numberField("u32", IFLA_BOND_UPDELAY, 0, MOST_INDEX),
  downDelay: numberField("u32", IFLA_BOND_DOWNDELAY, 0, MOST_INDEX),
  arpInterval: numberField("u32", IFLA_BOND_ARP_INTERVAL, 0, MOST_INDEX),
  arpTargets: ipListField(IFLA_BOND_ARP_IP_TARGET, AF_INET, MOST_TARGETS),
  neighbourTargets: ipListField(IFLA_BOND_NS_IP6_TARGET, AF_INET6, MOST_TARGETS),
  arpValidation: choiceField("u32", IFLA_BOND_ARP_VALIDATE, ARP_VALIDATIONS),
  arpNeeds: choiceField("u32", IFLA_BOND_ARP_ALL_TARGETS, ARP_NEEDS),
  mostMissedAnswers: numberField("u8", IFLA_BOND_MISSED_MAX, 1),
  primary: numberField("u32", IFLA_BOND_PRIMARY, 0, MOST_INDEX),
  primaryReselection: choiceField("u8", IFLA_BOND_PRIMARY_RESELECT, RESELECTIONS),
  failOverMac: choiceField("u8", IFLA_BOND_FAIL_OVER_MAC, FAIL_OVER_MACS),
  hashPolicy: choiceField("u8", IFLA_BOND_XMIT_HASH_POLICY, HASH_POLICIES),
  igmpReports: numberField("u32", IFLA_BOND_RESEND_IGMP, 0, 255),
  peerNotices: numberField("u8", IFLA_BOND_NUM_PEER_NOTIF),
  peerNoticeDelay: numberField("u32", IFLA_BOND_PEER_NOTIF_DELAY),
  isTakingAll: booleanField("u8", IFLA_BOND_ALL_SLAVES_ACTIVE),
  minLinks: numberField("u32", IFLA_BOND_MIN_LINKS, 0, MOST_INDEX),
  learningInterval: numberField("u32", IFLA_BOND_LP_INTERVAL, 1, MOST_INDEX),
  packetsPerLink: numberField("u32", IFLA_BOND_PACKETS_PER_SLAVE, 0, 65_535),
  lacpRate: choiceField("u8", IFLA_BOND_AD_LACP_RATE, LACP_RATES),
  isLacpActive: booleanField("u8", IFLA_BOND_AD_LACP_ACTIVE),
  aggregation: choiceField("u8", IFLA_BOND_AD_SELECT, AGGREGATIONS),
  systemPriority: numberField("u16", IFLA_BOND_AD_ACTOR_SYS_PRIO, 1),
  systemMac: macField(IFLA_BOND_AD_ACTOR_SYSTEM),
  userPortKey: numberField("u16", IFLA_BOND_AD_USER_PORT_KEY, 0, 1023),
  isRebalancing: booleanField("u8", IFLA_BOND_TLB_DYNAMIC_LB),
};

export const bond: LinkKind<BondSpec> = {
  kind: "bond",
  encode: (spec, data) => writeFields(fields, spec, data, "a bond"),
  decode: (data) => readFields(fields, data),
};
