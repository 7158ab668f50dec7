import { EEXIST } from "../../linux/errno.ts";
import { hasIpv6 } from "../../linux/ipv6-features.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import { LanyardError } from "../../model/errors.ts";
import { differenceOf } from "../difference.ts";
import type { ActionHandler, ApplyContext } from "./step.ts";

/**
 * The node's bridge is made where there is none, and told what it must be. It stays when the attachment goes: others may
 * use it by then, as the reference plugin's does.
 */
export interface ProvideBridgeStep {
  readonly kind: "provideBridge";
  readonly name: string;
  /** Bytes, for one that is made. */
  readonly mtu?: number;
  readonly isVlanFiltering: boolean;
  readonly isPromiscuous: boolean;
}

export const provideBridge: ActionHandler<ProvideBridgeStep, null> = {
  kind: "provideBridge",

  async observe({ hostLinks }, step) {
    const found = await hostLinks.find(step.name);
    if (found === undefined || found.kind === "bridge") return null;
    const text = `link "${step.name}" of the node is no bridge but ${found.kind ?? "hardware"}`;
    throw new LanyardError("conflict", `${text}; choose another name for the bridge`);
  },

  async apply(context, step) {
    const { kernel, hostLinks } = context;
    const { host } = kernel;
    if ((await hostLinks.find(step.name)) === undefined) await makeBridge(context, step);
    const bridge = await hostLinks.get(step.name);
    const needsFiltering = step.isVlanFiltering && bridge.kindData?.isVlanFiltering !== true;
    const needsPromiscuity = step.isPromiscuous && !bridge.isPromiscuous;
    if (bridge.isUp && !needsFiltering && !needsPromiscuity) return;
    await kernel.perform([
      ...(needsFiltering
        ? [host.links.prepareChange(bridge.index, { kind: "bridge", isVlanFiltering: true })]
        : []),
      host.links.prepareSet(bridge.index, {
        isUp: true,
        ...(needsPromiscuity ? { isPromiscuous: true } : {}),
      }),
    ]);
    hostLinks.forget(step.name);
  },

  async undo() {},

  async check({ hostLinks }, step) {
    const bridge = await hostLinks.find(step.name);
    if (bridge === undefined) return [`the bridge ${step.name} of the node was there, and is gone`];
    const filtering = step.isVlanFiltering ? true : undefined;
    return [
      ...differenceOf(step.name, "kind", "bridge", bridge.kind),
      ...differenceOf(step.name, "VLAN filtering", filtering, bridge.kindData?.isVlanFiltering),
      ...differenceOf(step.name, "promiscuity", step.isPromiscuous ? true : undefined, bridge.isPromiscuous),
      ...(bridge.isUp ? [] : [`the bridge ${step.name} of the node was set up, and is down`]),
    ];
  },
};

async function makeBridge({ kernel, hostLinks }: ApplyContext, step: ProvideBridgeStep): Promise<void> {
  const { host } = kernel;
  const { name, mtu, isVlanFiltering } = step;
  hostLinks.forget(name);
  try {
    await kernel.perform([
      host.links.prepareCreate({
        name,
        of: { kind: "bridge", ...(isVlanFiltering ? { isVlanFiltering } : {}) },
        ...(mtu === undefined ? {} : { mtu }),
      }),
      // Routers on the network are the pods', not the node's.
      ...(hasIpv6() ? [host.prepareSetSysctl(`ipv6/conf/${name}/accept_ra`, "0")] : []),
    ]);
  } catch (error) {
    // Another pod's attachment has made it meanwhile.
    if (!isErrno(error, EEXIST)) throw error;
  }
}
