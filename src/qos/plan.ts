import type { TcCapabilities } from "../linux/capabilities.ts";
import type { EffectiveQos } from "../model/attachment.ts";
import type { QosClass } from "../model/qos-class.ts";
import { burstBytes } from "../model/quantity.ts";
import { planEgress } from "./egress.ts";
import { planIngress } from "./ingress.ts";
import { frameSize, type LinkSizes } from "./sizes.ts";
import type { QosObject } from "./tree.ts";

/** What a plan must know of the pod's link. */
export interface QosLinkFacts extends LinkSizes {
  /** How the link is made, for example `macvlan`. */
  readonly kind: string;
}

/** How a class is enforced on one attachment. Plain data, so that a journal can hold it. */
export interface QosPlan {
  /** What shapes the packets the pod sends, in the order it is made. */
  readonly egress: readonly QosObject[];
  /** What shapes the packets the pod receives, in the order it is made. */
  readonly ingress: readonly QosObject[];
  /** An IFB must be up in the pod's namespace before the ingress tree is made. */
  readonly needsIfb: boolean;
  /**
   * Largest packet in bytes the pod's link shall be handed (IFLA_GSO_MAX_SIZE); set before the egress tree is
   * made.
   */
  readonly gsoMaxSize: number;
  readonly effective: EffectiveQos;
}

/** Plans how `qosClass` is held on a pod's link with what this kernel has; says what cannot be held. */
export function planQos(qosClass: QosClass, link: QosLinkFacts, kernel: TcCapabilities): QosPlan {
  const egress = planEgress(qosClass, link, kernel);
  const ingress = planIngress(qosClass, link, kernel);
  const effective: EffectiveQos = {
    className: qosClass.name,
    egressBackend: egress.backend,
    ingressBackend: ingress.backend,
    ...(egress.guaranteed !== undefined && { egressGuaranteed: egress.guaranteed }),
    ...(egress.ceiling !== undefined && { egressCeiling: egress.ceiling }),
    ...(ingress.ceiling !== undefined && { ingressCeiling: ingress.ceiling }),
    notEnforced: [...egress.notEnforced, ...ingress.notEnforced, ...unheldSettings(qosClass, link)],
  };
  return {
    egress: egress.objects,
    ingress: ingress.objects,
    needsIfb: ingress.objects.some(({ spec }) => spec.link === "ifb"),
    gsoMaxSize: egress.gsoMaxSize ?? link.gsoMaxSize,
    effective,
  };
}

/** What a class says besides rates and a pod's own link cannot give. */
function unheldSettings(qosClass: QosClass, link: QosLinkFacts): string[] {
  const sentences: string[] = [];
  for (const direction of ["egress", "ingress"] as const) {
    const { burst, ceiling } = qosClass[direction];
    if (burst === undefined || ceiling === undefined || burstBytes(burst, ceiling) >= frameSize(link))
      continue;
    sentences.push(
      `The ${direction} burst is smaller than one frame of this link; ${frameSize(link)} bytes are used, or no full packet would pass.`,
    );
  }
  if (qosClass.priority > 0) {
    sentences.push(
      `The priority ${qosClass.priority} does not rank this pod before others on the same uplink, because only the pod's own link is shaped.`,
    );
  }
  if (qosClass.dscp !== undefined) {
    sentences.push(`The DSCP ${qosClass.dscp} is not put into packets.`);
  }
  if (qosClass.vlanPriority !== undefined) {
    sentences.push(
      `The VLAN priority ${qosClass.vlanPriority} is not put into packets of a ${link.kind} link.`,
    );
  }
  return sentences;
}
