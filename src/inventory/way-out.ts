import type { NodeLink } from "./link.ts";

/** The kind of the links by which Open vSwitch shows its datapath and its own ports to the kernel. */
const OPEN_VSWITCH = "openvswitch";

/**
 * The links by which the node reaches the world, each with the reason in words: those that carry a default route,
 * and whatever lies under one of them: the parent of a VLAN or macvlan, the ports of a bridge, bond or team, the ports of
 * Open vSwitch when one of its own links carries it. Nothing of this may be given away or reconfigured.
 */
export function findWayOut(links: readonly NodeLink[]): ReadonlyMap<number, string> {
  const reasons = new Map<number, string>();
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const pending: NodeLink[] = [];
  const take = (link: NodeLink | undefined, reason: string) => {
    if (link === undefined || reasons.has(link.index)) return;
    reasons.set(link.index, reason);
    pending.push(link);
  };
  for (const link of links) if (link.hasDefaultRoute) take(link, "it carries the node's default route");
  for (let upper = pending.pop(); upper !== undefined; upper = pending.pop()) {
    const reason = `it lies under ${upper.name}, by which the node's default route goes`;
    for (const lower of upper.lowers) take(byIndex.get(lower), reason);
    for (const port of links) if (port.master === upper.index) take(port, reason);
    if (upper.kind !== OPEN_VSWITCH) continue;
    // A port belongs to the datapath (ovs-system), the route to another link of Open vSwitch, such as br-ex.
    for (const port of links) {
      const master = port.master === undefined ? undefined : byIndex.get(port.master);
      if (master?.kind === OPEN_VSWITCH) take(port, reason);
    }
  }
  return reasons;
}
