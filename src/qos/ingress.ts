import type { TcCapabilities } from "../linux/capabilities.ts";
import type { TcAction } from "../linux/route/tc/action.ts";
import { INGRESS_HANDLE } from "../linux/route/tc/tcmsg.ts";
import { U32_FIRST_HANDLE } from "../linux/route/tc/u32.ts";
import type { QosClass } from "../model/qos-class.ts";
import { formatRate } from "../model/quantity.ts";
import { type DirectionPlan, UNLIMITED } from "./direction.ts";
import { shapeWithHtb, shapeWithTbf } from "./shapers.ts";
import { bucketSize, enforceableRate, gsoSize, type LinkSizes } from "./sizes.ts";
import type { QosLink, QosObject } from "./tree.ts";

/** Merged packets may arrive whatever this link's own GSO size is (GRO_LEGACY_MAX_SIZE). */
const LARGEST_ARRIVING = 65536;
/** matchall has one filter for each priority. */
const MATCHALL_HANDLE = 1;
/** A priority holds filters of one kind, so each kind has its own: one is there before the other goes. */
const U32_PRIORITY = 1;
const MATCHALL_PRIORITY = 2;

/**
 * What the pod receives: redirected to an IFB, where TBF or else HTB lets it through at the ceiling; else a
 * policer, which drops instead of queueing; else nothing.
 */
export function planIngress(qosClass: QosClass, sizes: LinkSizes, kernel: TcCapabilities): DirectionPlan {
  const { ceiling: wanted, burst } = qosClass.ingress;
  if (wanted === undefined) return UNLIMITED;
  const ceiling = enforceableRate(wanted);
  const queue = planQueue(qosClass, ceiling, sizes, kernel);
  if (queue !== undefined) return { ...queue, ceiling, notEnforced: [] };

  const size = Math.max(bucketSize(burst, ceiling, sizes), 2 * LARGEST_ARRIVING);
  const drop = catchAll(kernel, { kind: "police", rate: ceiling, burst: size, mtu: LARGEST_ARRIVING });
  if (drop !== undefined) {
    const notEnforced = [
      "What arrives above the ingress ceiling is dropped instead of queued, because this kernel cannot redirect it to an IFB.",
    ];
    return { objects: drop, backend: "police", ceiling, notEnforced };
  }
  const notEnforced = [
    `The ingress ceiling of ${formatRate(wanted)} is not held: this kernel can neither redirect packets to an IFB nor police them.`,
  ];
  return { ...UNLIMITED, notEnforced };
}

function planQueue(qosClass: QosClass, ceiling: number, sizes: LinkSizes, kernel: TcCapabilities) {
  if (!kernel.linkKinds.has("ifb")) return undefined;
  const redirect = catchAll(kernel, { kind: "mirred", mode: "redirect", direction: "egress", link: "ifb" });
  if (redirect === undefined) return undefined;
  const shape = { link: "ifb", ceiling, burst: qosClass.ingress.burst, sizes } as const;
  const shaper =
    // TBF segments a packet that is larger than its bucket; senders size theirs to the rate.
    shapeWithTbf({ ...shape, priority: 0, largestPacket: gsoSize(ceiling, sizes) }, kernel) ??
    shapeWithHtb({ ...shape, priority: 0, largestPacket: LARGEST_ARRIVING }, kernel);
  if (shaper === undefined) return undefined;
  // The queue first, so that the first redirected packet already finds it.
  return { objects: [...shaper.objects, ...redirect], backend: `ifb + ${shaper.name}` };
}

/** A filter that does `action` with every packet the pod's link receives, and what it hangs at. */
function catchAll(kernel: TcCapabilities, action: TcAction<QosLink>): QosObject[] | undefined {
  if (!kernel.actions.has(action.kind)) return undefined;
  const hook = (["ingress", "clsact"] as const).find((kind) => kernel.qdiscs.has(kind));
  // u32 first: it can be changed in place.
  const filter = (["u32", "matchall"] as const).find((kind) => kernel.filters.has(kind));
  if (hook === undefined || filter === undefined) return undefined;
  const place = { link: "pod", parent: "ingress", protocol: "all" } as const;
  return [
    { object: "qdisc", spec: { link: "pod", parent: hook, handle: INGRESS_HANDLE, kind: hook } },
    {
      object: "filter",
      spec:
        filter === "u32"
          ? {
              ...place,
              priority: U32_PRIORITY,
              handle: U32_FIRST_HANDLE,
              kind: "u32",
              keys: [],
              actions: [action],
            }
          : {
              ...place,
              priority: MATCHALL_PRIORITY,
              handle: MATCHALL_HANDLE,
              kind: "matchall",
              actions: [action],
            },
    },
  ];
}
