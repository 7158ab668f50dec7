import type { TcCapabilities } from "../../../src/linux/capabilities.ts";
import type { QosClass } from "../../../src/model/qos-class.ts";
import type { QosObject } from "../../../src/qos/tree.ts";

const everything = {
  qdiscs: ["htb", "tbf", "bfifo", "fq_codel", "ingress", "clsact"],
  filters: ["u32", "matchall"],
  actions: ["mirred", "police"],
  linkKinds: ["ifb", "veth"],
};

/** A kernel that has every kind but these. */
export function kernelWithout(...absent: readonly string[]): TcCapabilities {
  const rest = (kinds: readonly string[]) => new Set(kinds.filter((kind) => !absent.includes(kind)));
  return {
    qdiscs: rest(everything.qdiscs),
    filters: rest(everything.filters),
    actions: rest(everything.actions),
    linkKinds: rest(everything.linkKinds),
    missing: [],
  };
}

/** A class named gold. */
export function qosClass(limits: Partial<Omit<QosClass, "kind" | "name">>): QosClass {
  return { kind: "QosClass", name: "gold", egress: {}, ingress: {}, priority: 0, ...limits };
}

/** A link as virtual links are. */
export const LINK = { kind: "macvlan", mtu: 1500, gsoMaxSize: 65_536 };

/** `qdisc htb pod`, `class htb pod`: what a tree is made of, for comparison at a glance. */
export function outline(objects: readonly QosObject[]): string[] {
  return objects.map(({ object, spec }) => `${object} ${spec.kind} ${spec.link}`);
}
