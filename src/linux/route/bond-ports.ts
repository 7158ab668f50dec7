import { choiceField, type Fields, macField, numberField } from "./fields.ts";

/** Attributes of a bond's link (IFLA_BOND_SLAVE_*, include/uapi/linux/if_link.h). */
const IFLA_BOND_SLAVE_STATE = 1;
const IFLA_BOND_SLAVE_MII_STATUS = 2;
const IFLA_BOND_SLAVE_LINK_FAILURE_COUNT = 3;
const IFLA_BOND_SLAVE_PERM_HWADDR = 4;
const IFLA_BOND_SLAVE_QUEUE_ID = 5;
const IFLA_BOND_SLAVE_AD_AGGREGATOR_ID = 6;
const IFLA_BOND_SLAVE_PRIO = 9;

/** BOND_STATE_* and BOND_LINK_* (include/uapi/linux/if_bonding.h). */
const STATES = { active: 0, backup: 1 } as const;
const MII_STATES = { up: 0, fail: 1, down: 2, back: 3 } as const;

/** What the kernel tells of a link in a bond (bond_fill_slave_info, drivers/net/bonding/bond_netlink.c). */
export interface BondPort {
  readonly state?: keyof typeof STATES;
  /** `fail` and `back` wait for the bond's `downDelay` and `upDelay` to end. */
  readonly carrier?: keyof typeof MII_STATES;
  /** How often it lost its carrier. */
  readonly failures?: number;
  /** MAC address it had before it joined. */
  readonly ownMac?: string;
  readonly queue?: number;
  /** The aggregator it belongs to, with `802.3ad`. */
  readonly aggregator?: number;
  /** The link with the highest takes over first. Kernels before 6.0 do not tell it. */
  readonly priority?: number;
}

export const bondPortFields: Fields<BondPort> = {
  state: choiceField("u8", IFLA_BOND_SLAVE_STATE, STATES),
  carrier: choiceField("u8", IFLA_BOND_SLAVE_MII_STATUS, MII_STATES),
  failures: numberField("u32", IFLA_BOND_SLAVE_LINK_FAILURE_COUNT),
  ownMac: macField(IFLA_BOND_SLAVE_PERM_HWADDR),
  queue: numberField("u16", IFLA_BOND_SLAVE_QUEUE_ID),
  aggregator: numberField("u16", IFLA_BOND_SLAVE_AD_AGGREGATOR_ID),
  priority: numberField("i32", IFLA_BOND_SLAVE_PRIO),
};
