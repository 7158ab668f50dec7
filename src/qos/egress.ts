import type { TcCapabilities } from "../linux/capabilities.ts";
import type { QosClass } from "../model/qos-class.ts";
import { formatRate } from "../model/quantity.ts";
import { type DirectionPlan, UNLIMITED } from "./direction.ts";
import { type Shape, shapeWithHtb, shapeWithTbf } from "./shapers.ts";
import { enforceableRate, gsoSize, type LinkSizes } from "./sizes.ts";

/**
 * What the pod sends: HTB on the pod's own link, else TBF, else nothing. A guarantee alone limits nothing, so
 * it plans nothing on this link.
 */
export function planEgress(qosClass: QosClass, sizes: LinkSizes, kernel: TcCapabilities): DirectionPlan {
  const { guaranteed: wantedGuarantee, ceiling: wantedCeiling, burst } = qosClass.egress;
  const notEnforced: string[] = [];
  if (wantedGuarantee !== undefined) {
    notEnforced.push(
      `The guaranteed ${formatRate(wantedGuarantee)} is not held against other pods on the same uplink, because only the pod's own link is shaped.`,
    );
  }
  if (wantedCeiling === undefined) return { ...UNLIMITED, notEnforced };

  const ceiling = enforceableRate(wantedCeiling);
  const guaranteed = wantedGuarantee === undefined ? undefined : enforceableRate(wantedGuarantee);
  const gsoMaxSize = gsoSize(ceiling, sizes);
  const shape: Shape = {
    link: "pod",
    ceiling,
    burst,
    priority: qosClass.priority,
    largestPacket: gsoMaxSize,
    sizes,
  };
  const shaper = shapeWithHtb(shape, kernel) ?? shapeWithTbf(shape, kernel);
  if (shaper === undefined) {
    notEnforced.push(
      `The egress ceiling of ${formatRate(wantedCeiling)} is not held: this kernel has neither the qdisc htb nor tbf.`,
    );
    return { ...UNLIMITED, notEnforced };
  }
  return {
    objects: shaper.objects,
    backend: shaper.name,
    ...(guaranteed !== undefined && { guaranteed }),
    ceiling,
    gsoMaxSize,
    notEnforced,
  };
}
