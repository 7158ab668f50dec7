import type { NetworkReference } from "../../model/attachment.ts";
import type { BandwidthLimits } from "../../model/cni/network-configuration.ts";
import { LanyardError } from "../../model/errors.ts";
import type { NetworkCatalog } from "../../model/ports.ts";
import type { QosClass } from "../../model/qos-class.ts";
import type { Burst } from "../../model/quantity.ts";
import { catalogued } from "./sources.ts";

/**
 * What a kubelet and what a container runtime put where a pod names a rate and no burst (MaxInt32 and MaxUint32, in bits):
 * a pod held to 10 Mbit/s would send its first 256 MB at full speed.
 */
const UNSAID_BURSTS: ReadonlySet<number> = new Set([2 ** 31 - 1, 2 ** 32 - 1]);

/**
 * The class that a reference itself asks for, which comes before whatever its network says; undefined where it asks for
 * none. Throws LanyardError.
 */
export function classOfReference(
  { qosClassName, bandwidth }: NetworkReference,
  catalog: NetworkCatalog,
  who: string,
): QosClass | undefined {
  const limits = bandwidth === undefined ? undefined : classOfLimits("bandwidth of the pod", bandwidth);
  if (qosClassName === undefined) return limits;
  if (limits === undefined) return findClass(qosClassName, catalog, who);
  throw new LanyardError(
    "invalid",
    `${who}: both the QosClass "${qosClassName}" and a bandwidth are asked for; expected one of them`,
  );
}

/** Throws NotFoundError. */
export function findClass(name: string, catalog: NetworkCatalog, who: string): QosClass {
  return catalogued(() => catalog.qosClass(name), who, `no QosClass "${name}"`);
}

/**
 * Limits in CNI's words as a class; undefined where they limit nothing. Both directions are seen from the pod: ingress is
 * what it receives. `name` says in status where they come from.
 */
export function classOfLimits(name: string, limits: BandwidthLimits): QosClass | undefined {
  const egress = limitOf(limits.egressRate, limits.egressBurst);
  const ingress = limitOf(limits.ingressRate, limits.ingressBurst);
  if (egress.ceiling === undefined && ingress.ceiling === undefined) return undefined;
  return { kind: "QosClass", name, egress, ingress, priority: 0 };
}

/** `rate` in bits per second, `burst` in bits; 0: none. */
function limitOf(rate: number | undefined, burst: number | undefined): { ceiling?: number; burst?: Burst } {
  if (rate === undefined || rate === 0) return {};
  const isSaid = burst !== undefined && burst !== 0 && !UNSAID_BURSTS.has(burst);
  return { ceiling: rate, ...(isSaid && { burst: { bytes: Math.ceil(burst / 8) } }) };
}
