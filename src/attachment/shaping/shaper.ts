import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import { diffTrees, type QosOperation } from "../../qos/diff.ts";
import type { QosPlan } from "../../qos/plan.ts";
import { type LinkIndexes, placeObject, type QosObject } from "../../qos/tree.ts";
import { removeLink } from "../link/remove.ts";

/** Where a plan is enforced. */
export interface ShapedLink {
  readonly kernel: Kernel;
  readonly pod: Namespace;
  /** Name of the pod's interface. */
  readonly link: string;
  /** Name of the link arriving packets are queued on, made when a plan needs it. */
  readonly ifb: string;
}

/**
 * Brings a link from one plan to another, changing in place whatever can be: packets that wait go on waiting.
 * `undefined` stands for no limits at all; then `gsoMaxSize`, in bytes, is what the link gets back.
 */
export async function changePlan(
  at: ShapedLink,
  from: QosPlan | undefined,
  to: QosPlan | undefined,
  gsoMaxSize: number,
): Promise<void> {
  const { kernel, pod } = at;
  const { index } = await pod.links.get(at.link);
  const before = from?.gsoMaxSize ?? gsoMaxSize;
  const after = to?.gsoMaxSize ?? gsoMaxSize;
  // A queue must never be smaller than the packets that come: packets shrink before it, and grow after it.
  if (after < before) await pod.links.set(index, { gsoMaxSize: after, gsoIpv4MaxSize: after });
  const ifb = to?.needsIfb === true ? await provideIfb(pod, at.ifb) : (await pod.links.find(at.ifb))?.index;
  const links: LinkIndexes = { pod: index, ...(ifb === undefined ? {} : { ifb }) };
  for (const operation of diffTrees(objectsOf(from), objectsOf(to))) await operate(pod, operation, links);
  if (to?.needsIfb !== true && ifb !== undefined) await removeLink(kernel, pod, at.ifb);
  if (after > before) await pod.links.set(index, { gsoMaxSize: after, gsoIpv4MaxSize: after });
}

/** Takes whatever shapes a link away, where nobody knows how far that came. */
export async function clearShaping(at: ShapedLink): Promise<void> {
  const { kernel, pod } = at;
  const { index } = await pod.links.get(at.link);
  for (const { spec } of await pod.qdiscs.list(index)) {
    const isOurs =
      spec.parent === "ingress" || spec.parent === "clsact" || (spec.parent === "root" && spec.handle !== 0);
    if (isOurs) await pod.qdiscs.delete(spec);
  }
  await removeLink(kernel, pod, at.ifb);
}

/** What a plan makes, parents before children. */
export function objectsOf(plan: QosPlan | undefined): readonly QosObject[] {
  // What arrives is queued first and redirected there last, so that nothing is redirected into the void.
  const arriving = plan?.ingress ?? [];
  const onIfb = arriving.filter(({ spec }) => spec.link === "ifb");
  return [...(plan?.egress ?? []), ...onIfb, ...arriving.filter(({ spec }) => spec.link !== "ifb")];
}

async function provideIfb(pod: Namespace, name: string): Promise<number> {
  const found = await pod.links.find(name);
  if (found === undefined) await pod.links.create({ name, of: { kind: "ifb" }, isUp: true });
  else if (!found.isUp) await pod.links.set(found.index, { isUp: true });
  return (found ?? (await pod.links.get(name))).index;
}

async function operate(pod: Namespace, operation: QosOperation, links: LinkIndexes): Promise<void> {
  const placed = placeObject(operation.object, links);
  switch (placed.object) {
    case "qdisc":
      return await pod.qdiscs[operation.do](placed.spec);
    case "class":
      return await pod.classes[operation.do](placed.spec);
    case "filter":
      return await pod.filters[operation.do](placed.spec);
  }
}
