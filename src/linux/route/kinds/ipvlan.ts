import { choiceField, type Fields, readFields, writeFields } from "../fields.ts";
import type { LinkKind } from "./kind.ts";

/** Attributes (IFLA_IPVLAN_*, include/uapi/linux/if_link.h). */
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;

/** enum ipvlan_mode: whether the parent switches by MAC address, routes, or routes with netfilter seeing it. */
const MODES = { l2: 0, l3: 1, l3s: 2 } as const;

/** IPVLAN_F_PRIVATE and IPVLAN_F_VEPA, which the kernel does not take together; `bridge` is neither. */
const ISOLATIONS = { bridge: 0, private: 1, vepa: 2 } as const;

export type IpvlanMode = keyof typeof MODES;
export type IpvlanIsolation = keyof typeof ISOLATIONS;

/** Further links over a parent that share its MAC address and have IP addresses of their own (drivers/net/ipvlan). */
export interface IpvlanSpec {
  readonly kind: "ipvlan";
  /** All links over one parent have the same: one that is made or changed with another changes them all. */
  readonly mode: IpvlanMode;
  /**
   * Whether links over one parent reach each other: directly (`bridge`, the kernel's choice when absent), not at all
   * (`private`), or by way of the switch (`vepa`). One for all links over a parent, too.
   */
  readonly isolation?: IpvlanIsolation;
}

const fields: Fields<IpvlanSpec> = {
  mode: choiceField("u16", IFLA_IPVLAN_MODE, MODES),
  isolation: choiceField("u16", IFLA_IPVLAN_FLAGS, ISOLATIONS),
};

export const ipvlan: LinkKind<IpvlanSpec> = {
  kind: "ipvlan",
  encode: (spec, data) => writeFields(fields, spec, data, "an ipvlan"),
  decode: (data) => readFields(fields, data),
};
