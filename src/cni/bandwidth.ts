import type { BandwidthLimits } from "../model/cni/network-configuration.ts";
import { parseRate } from "../model/quantity.ts";

/** The annotations by which Kubernetes lets a pod say its bandwidth, in quantities of bits per second. */
const INGRESS_ANNOTATION = "kubernetes.io/ingress-bandwidth";
const EGRESS_ANNOTATION = "kubernetes.io/egress-bandwidth";

/** dockershim says 2^31 - 1, containerd and CRI-O 2^32 - 1: as large as possible, which is no wish. In bits. */
const LEAST_MEANINGLESS_BURST = 2 ** 31 - 1;

/** The limits that mean something; undefined when none does. */
export function meaningfulLimits(limits: BandwidthLimits | undefined): BandwidthLimits | undefined {
  const { ingressRate = 0, egressRate = 0, ingressBurst, egressBurst } = limits ?? {};
  if (ingressRate === 0 && egressRate === 0) return undefined;
  return {
    ...(ingressRate > 0 && { ingressRate, ...burst("ingressBurst", ingressBurst) }),
    ...(egressRate > 0 && { egressRate, ...burst("egressBurst", egressBurst) }),
  };
}

/** The limits that a pod's annotations say, which stand at `place`. Throws InvalidValueError. */
export function annotatedLimits(
  annotations: Readonly<Record<string, string>>,
  place: string,
): BandwidthLimits {
  const rate = (annotation: string) => {
    const written = annotations[annotation];
    return written === undefined || written === "" ? 0 : parseRate(written, `${place} ${annotation}`);
  };
  return { ingressRate: rate(INGRESS_ANNOTATION), egressRate: rate(EGRESS_ANNOTATION) };
}

function burst(field: "ingressBurst" | "egressBurst", bits: number | undefined): BandwidthLimits {
  return bits === undefined || bits === 0 || bits >= LEAST_MEANINGLESS_BURST ? {} : { [field]: bits };
}
