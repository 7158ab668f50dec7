import type { Namespace } from "../../linux/namespace.ts";
import type { QosPlan } from "../../qos/plan.ts";
import { type LinkIndexes, placeObject, type QosObject } from "../../qos/tree.ts";
import { objectsOf, type ShapedLink } from "./shaper.ts";

/** A sentence for everything of a plan that is not on its links as it was put there. */
export async function checkShaping(at: Omit<ShapedLink, "kernel">, plan: QosPlan): Promise<string[]> {
  const { pod } = at;
  const [link, ifb] = await Promise.all([pod.links.find(at.link), pod.links.find(at.ifb)]);
  if (link === undefined) return [];
  if (plan.needsIfb && ifb === undefined) return [`${at.link} was shaped by way of ${at.ifb}, which is gone`];
  const links: LinkIndexes = { pod: link.index, ...(ifb === undefined ? {} : { ifb: ifb.index }) };
  const wanted = objectsOf(plan).map((object) => placeObject(object, links));
  const indexes = [...new Set(wanted.map(({ spec }) => spec.link))];
  const standing = (await Promise.all(indexes.map((index) => readTree(pod, index)))).flat();
  return [
    ...wanted.flatMap((object) => differences(at, object, link.index, standing)),
    ...(link.gsoMaxSize <= plan.gsoMaxSize
      ? []
      : [
          `${at.link} was handed packets of at most ${plan.gsoMaxSize} bytes, and is handed ${link.gsoMaxSize}`,
        ]),
  ];
}

async function readTree(pod: Namespace, link: number): Promise<QosObject<number>[]> {
  const [qdiscs, classes, filters] = await Promise.all([
    pod.qdiscs.list(link),
    pod.classes.list(link),
    pod.filters.list(link, "ingress"),
  ]);
  return [
    ...qdiscs.map(({ spec }) => ({ object: "qdisc", spec }) as const),
    ...classes.map(({ spec }) => ({ object: "class", spec }) as const),
    ...filters.map(({ spec }) => ({ object: "filter", spec }) as const),
  ];
}

function differences(
  at: Omit<ShapedLink, "kernel" | "pod">,
  { object, spec }: QosObject<number>,
  podLink: number,
  standing: readonly QosObject<number>[],
): string[] {
  const place = placeOf({ object, spec } as QosObject<number>);
  const found = standing.find((each) => placeOf(each) === place);
  const name = `the ${object} ${spec.kind} of ${spec.link === podLink ? at.link : at.ifb}`;
  if (found === undefined) return [`${name} was made, and is gone`];
  if (found.spec.kind !== spec.kind) return [`${name} was made, and is ${found.spec.kind}`];
  const wanted: Readonly<Record<string, unknown>> = { ...spec };
  const has: Readonly<Record<string, unknown>> = { ...found.spec };
  return Object.keys(wanted)
    .filter((key) => !isHeld(wanted[key], has[key]))
    .map(
      (key) =>
        `the ${key} of ${name.slice(4)} was ${JSON.stringify(wanted[key])}, and is ${JSON.stringify(has[key])}`,
    );
}

/** What only one object can be at a time. */
function placeOf({ object, spec }: QosObject<number>): string {
  const within =
    object === "filter" ? `${spec.parent} ${spec.priority}` : object === "class" ? spec.handle : spec.parent;
  return `${object} ${spec.link} ${within}`;
}

/** Whether a value is as it was asked for; what the kernel adds by itself does not count. */
function isHeld(wanted: unknown, found: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && wanted.every((value, position) => isHeld(value, found[position]));
  }
  if (typeof wanted !== "object" || wanted === null) return wanted === undefined || wanted === found;
  if (typeof found !== "object" || found === null) return false;
  const has = found as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([key, value]) => isHeld(value, has[key]));
}
