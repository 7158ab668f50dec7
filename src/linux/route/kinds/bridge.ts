import type { LinkKind } from "./kind.ts";

/** Attributes of a bridge (IFLA_BR_*, include/uapi/linux/if_link.h). */
const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_AGEING_TIME = 4;
const IFLA_BR_STP_STATE = 5;
const IFLA_BR_VLAN_FILTERING = 7;

/** The kernel counts bridge times in hundredths of a second (USER_HZ). */
const TICKS_PER_MS = 0.1;

/** A learning Ethernet bridge (net/bridge). */
export interface BridgeSpec {
  readonly kind: "bridge";
  readonly isVlanFiltering?: boolean;
  readonly hasSpanningTree?: boolean;
  /** Milliseconds. */
  readonly forwardDelay?: number;
  /** Milliseconds. */
  readonly ageingTime?: number;
}

export const bridge: LinkKind<BridgeSpec> = {
  kind: "bridge",
  encode: (spec, data) => {
    if (spec.forwardDelay !== undefined) data.u32(IFLA_BR_FORWARD_DELAY, spec.forwardDelay * TICKS_PER_MS);
    if (spec.ageingTime !== undefined) data.u32(IFLA_BR_AGEING_TIME, spec.ageingTime * TICKS_PER_MS);
    if (spec.hasSpanningTree !== undefined) data.u32(IFLA_BR_STP_STATE, spec.hasSpanningTree ? 1 : 0);
    if (spec.isVlanFiltering !== undefined) data.u8(IFLA_BR_VLAN_FILTERING, spec.isVlanFiltering ? 1 : 0);
  },
  decode: (data) => {
    const filtering = data.u8(IFLA_BR_VLAN_FILTERING);
    const spanningTree = data.u32(IFLA_BR_STP_STATE);
    const forwardDelay = data.u32(IFLA_BR_FORWARD_DELAY);
    const ageingTime = data.u32(IFLA_BR_AGEING_TIME);
    return {
      ...(filtering === undefined ? {} : { isVlanFiltering: filtering !== 0 }),
      ...(spanningTree === undefined ? {} : { hasSpanningTree: spanningTree !== 0 }),
      ...(forwardDelay === undefined ? {} : { forwardDelay: forwardDelay / TICKS_PER_MS }),
      ...(ageingTime === undefined ? {} : { ageingTime: ageingTime / TICKS_PER_MS }),
    };
  },
};
