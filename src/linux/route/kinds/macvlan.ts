import { AttributeReader } from "../../netlink/attribute.ts";
import {
  choiceField,
  type Field,
  type Fields,
  flagsField,
  numberField,
  readFields,
  writeFields,
} from "../fields.ts";
import { formatMac, parseMac } from "../ip.ts";
import type { LinkKind } from "./kind.ts";

/** Attributes (IFLA_MACVLAN_*, include/uapi/linux/if_link.h). */
const IFLA_MACVLAN_MODE = 1;
const IFLA_MACVLAN_FLAGS = 2;
const IFLA_MACVLAN_MACADDR_MODE = 3;
const IFLA_MACVLAN_MACADDR = 4;
const IFLA_MACVLAN_MACADDR_DATA = 5;
const IFLA_MACVLAN_MACADDR_COUNT = 6;
const IFLA_MACVLAN_BC_QUEUE_LEN = 7;

/** enum macvlan_mode. */
const MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;

/** MACVLAN_FLAG_*. */
const FLAGS = { nopromisc: 1, nodst: 2 } as const;

/** enum macvlan_macaddr_mode: the list is the whole, not something to be added to it. */
const MACVLAN_MACADDR_SET = 3;

export type MacvlanMode = keyof typeof MODES;
export type MacvlanFlag = keyof typeof FLAGS;

/** Further links over a parent, each with a MAC address of its own (drivers/net/macvlan.c). */
export interface MacvlanSpec {
  readonly kind: "macvlan";
  /** `passthru` takes the parent over alone; the kernel changes no link from or to it. */
  readonly mode: MacvlanMode;
  /**
   * All of them: a flag that is not named is taken away. `nopromisc`: the parent of a `passthru` link is not made
   * promiscuous. `nodst`: what a `source` link took is not given to the link it was addressed to as well.
   */
  readonly flags?: readonly MacvlanFlag[];
  /** Mode `source` alone: the link gets what comes from these MAC addresses. All of them, each time. */
  readonly sources?: readonly string[];
  /** Broadcast packets that wait on the parent, for all links over it together: the most that one of them asks for. */
  readonly broadcastQueueLength?: number;
}

const sources: Field<readonly string[]> = {
  write: (data, value, place) => {
    const addresses = value.map((mac) => parseMac(mac, place));
    data.u32(IFLA_MACVLAN_MACADDR_MODE, MACVLAN_MACADDR_SET).nest(IFLA_MACVLAN_MACADDR_DATA, (list) => {
      for (const address of addresses) list.bytes(IFLA_MACVLAN_MACADDR, address);
    });
  },
  read: (data) => {
    const list = data.bytes(IFLA_MACVLAN_MACADDR_DATA);
    if (list !== undefined) {
      return new AttributeReader(list)
        .entries()
        .filter(({ type, payload }) => type === IFLA_MACVLAN_MACADDR && payload.length === 6)
        .map(({ payload }) => formatMac(payload));
    }
    // The kernel counts the addresses of every macvlan, and leaves out a list without any.
    const isEmpty = data.u32(IFLA_MACVLAN_MACADDR_COUNT) === 0;
    return isEmpty && data.u32(IFLA_MACVLAN_MODE) === MODES.source ? [] : undefined;
  },
};

const fields: Fields<MacvlanSpec> = {
  mode: choiceField("u32", IFLA_MACVLAN_MODE, MODES),
  flags: flagsField("u16", IFLA_MACVLAN_FLAGS, FLAGS),
  sources,
  broadcastQueueLength: numberField("u32", IFLA_MACVLAN_BC_QUEUE_LEN),
};

export const macvlan: LinkKind<MacvlanSpec> = {
  kind: "macvlan",
  encode: (spec, data) => writeFields(fields, spec, data, "a macvlan"),
  decode: (data) => readFields(fields, data),
};
