import type { LinkKind } from "./kind.ts";

/** IFLA_MACVLAN_MODE (include/uapi/linux/if_link.h). */
const IFLA_MACVLAN_MODE = 1;

/** enum macvlan_mode. */
const MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

export type MacvlanMode = keyof typeof MODES;

/** Further links over a parent, each with a MAC address of its own (drivers/net/macvlan.c). */
export interface MacvlanSpec {
  readonly kind: "macvlan";
  readonly mode: MacvlanMode;
}

export const macvlan: LinkKind<MacvlanSpec> = {
  kind: "macvlan",
  encode: (spec, data) => {
    data.u32(IFLA_MACVLAN_MODE, MODES[spec.mode]);
  },
  decode: (data) => {
    const value = data.u32(IFLA_MACVLAN_MODE);
    const mode = (Object.keys(MODES) as MacvlanMode[]).find((name) => MODES[name] === value);
    return mode === undefined ? {} : { mode };
  },
};
