import type { ClassSpec } from "../linux/route/tc/class.ts";
import type { FilterSpec } from "../linux/route/tc/filter.ts";
import type { QdiscSpec } from "../linux/route/tc/qdisc.ts";

/**
 * A link by its role, because a plan is made before the links have an index: the pod's own interface, or the
 * IFB in the pod's namespace on which arriving packets wait.
 */
export type QosLink = "pod" | "ifb";

/** One object of a tree, in the words of the kernel but for the link's role. Plain data. */
export type QosObject<Link = QosLink> =
  | { readonly object: "qdisc"; readonly spec: QdiscSpec<Link> }
  | { readonly object: "class"; readonly spec: ClassSpec<Link> }
  | { readonly object: "filter"; readonly spec: FilterSpec<Link> };

/** Index of the link that plays each role. The IFB's may be absent where no object of the tree names it. */
export interface LinkIndexes {
  readonly pod: number;
  readonly ifb?: number;
}

/**
 * The object with links by index, as `Qdiscs`, `Classes` and `Filters` take it. Throws RangeError when an IFB
 * is named and none is given.
 */
export function placeObject(object: QosObject, links: LinkIndexes): QosObject<number> {
  const index = (link: QosLink) => indexOf(link, links);
  switch (object.object) {
    case "qdisc":
      return { object: "qdisc", spec: { ...object.spec, link: index(object.spec.link) } };
    case "class":
      return { object: "class", spec: { ...object.spec, link: index(object.spec.link) } };
    case "filter":
      return { object: "filter", spec: placeFilter(object.spec, index) };
  }
}

function placeFilter(spec: FilterSpec<QosLink>, index: (link: QosLink) => number): FilterSpec {
  const link = index(spec.link);
  if (spec.kind === "unknown") return { ...spec, link };
  const actions = spec.actions.map((action) =>
    action.kind === "mirred" ? { ...action, link: index(action.link) } : action,
  );
  return { ...spec, link, actions };
}

function indexOf(link: QosLink, links: LinkIndexes): number {
  const index = link === "pod" ? links.pod : links.ifb;
  if (index === undefined) throw new RangeError("the tree queues packets on an IFB, and no IFB was given");
  return index;
}
