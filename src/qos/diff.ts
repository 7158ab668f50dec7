import { isDeepStrictEqual } from "node:util";
import type { QosLink, QosObject } from "./tree.ts";

/**
 * One thing to do. `replace` makes what is not there, or puts it into the place of another; `change` alters
 * what is there in place; `delete` removes it with everything under it.
 */
export interface QosOperation<Link = QosLink> {
  readonly do: "replace" | "change" | "delete";
  readonly object: QosObject<Link>;
}

/** Kinds the kernel cannot change once they are there (their `change` operation is empty or refuses). */
const UNCHANGEABLE = new Set(["qdisc htb", "qdisc ingress", "qdisc clsact", "filter matchall"]);

/**
 * What to do, in order, so that a tree becomes another. Rates change in place. Both trees list parents before
 * children. What is no longer wanted goes last, children with their parent, so that traffic never meets a gap;
 * only what stands in the way of its successor goes before it.
 */
export function diffTrees(from: readonly QosObject[], to: readonly QosObject[]): readonly QosOperation[] {
  const standing = new Map(from.map((object) => [slotOf(object), object]));
  const operations: QosOperation[] = [];

  for (const wanted of to) {
    const slot = slotOf(wanted);
    const found = standing.get(slot);
    if (found === undefined) {
      operations.push({ do: "replace", object: wanted });
      continue;
    }
    if (isDeepStrictEqual(found, wanted)) {
      standing.delete(slot);
      continue;
    }
    const passage = passageBetween(found, wanted);
    if (passage === "change") {
      operations.push({ do: "change", object: wanted });
      standing.delete(slot);
      continue;
    }
    if (passage === "delete first") operations.push({ do: "delete", object: found });
    operations.push({ do: "replace", object: wanted });
    forgetWithChildren(found, standing);
  }

  for (const object of [...from].reverse()) {
    const isLeft = standing.get(slotOf(object)) === object;
    const goesWithParent = from.some((parent) => isUnder(object, parent) && isStanding(parent, standing));
    if (isLeft && !goesWithParent) operations.push({ do: "delete", object });
  }
  return operations;
}

/** How one object can take the place of another. */
function passageBetween(found: QosObject, wanted: QosObject): "change" | "graft" | "delete first" {
  const isSameKind = found.spec.kind === wanted.spec.kind;
  const isSameHandle = found.spec.handle === wanted.spec.handle;
  const isSameParent = found.spec.parent === wanted.spec.parent;
  const isChangeable = !UNCHANGEABLE.has(`${wanted.object} ${wanted.spec.kind}`);
  if (isSameKind && isSameHandle && isSameParent && isChangeable) return "change";
  // The kernel grafts a qdisc over another only under another handle, and never at the ingress hook.
  const isHook = found.spec.parent === "ingress" || found.spec.parent === "clsact";
  return wanted.object === "qdisc" && !isSameHandle && !isHook ? "graft" : "delete first";
}

/**
 * What only one object can be at a time: a qdisc's parent, a class's handle, a filter's priority. (The kernel
 * lets one priority have several filters of one kind; these trees have one.)
 */
function slotOf({ object, spec }: QosObject): string {
  switch (object) {
    case "qdisc": {
      const parent = spec.parent === "clsact" ? "ingress" : spec.parent;
      return `qdisc ${spec.link} ${parent}`;
    }
    case "class":
      return `class ${spec.link} ${spec.handle}`;
    case "filter":
      return `filter ${spec.link} ${spec.parent} ${spec.priority}`;
  }
}

/** True when the kernel removes `object` together with `parent`. */
function isUnder(object: QosObject, parent: QosObject): boolean {
  if (object === parent || object.spec.link !== parent.spec.link) return false;
  const { spec } = object;
  if (parent.object === "filter") return false;
  if (parent.object === "class") return spec.parent === parent.spec.handle;
  const isHook = parent.spec.parent === "ingress" || parent.spec.parent === "clsact";
  if (isHook) return object.object === "filter" && (spec.parent === "ingress" || spec.parent === "egress");
  // Classes and what hangs at them carry the major number of their qdisc.
  const place = object.object === "class" ? spec.handle : spec.parent;
  return typeof place === "number" && place >>> 16 === (parent.spec.handle ?? 0) >>> 16;
}

function isStanding(object: QosObject, standing: ReadonlyMap<string, QosObject>): boolean {
  return standing.get(slotOf(object)) === object;
}

function forgetWithChildren(object: QosObject, standing: Map<string, QosObject>): void {
  standing.delete(slotOf(object));
  for (const child of [...standing.values()]) {
    if (isUnder(child, object)) forgetWithChildren(child, standing);
  }
}
