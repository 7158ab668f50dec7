import { clusterObject } from "./object.ts";
import { type Burst, formatRate, parseBurst, parseRate } from "./quantity.ts";
import { fields, parsedBy, validate, wholeNumber } from "./validation.ts";

/** What a pod may send. Rates in bits per second. */
export interface EgressLimits {
  /** Held free for the attachment even when others want more. */
  readonly guaranteed?: number;
  /** Never exceeded. */
  readonly ceiling?: number;
  readonly burst?: Burst;
}

/** What a pod may receive. Rates in bits per second. There is no guarantee: the sender decides what arrives. */
export interface IngressLimits {
  readonly ceiling?: number;
  readonly burst?: Burst;
}

/** A class of service an attachment refers to by name; cluster-wide. */
export interface QosClass {
  readonly kind: "QosClass";
  readonly name: string;
  readonly egress: EgressLimits;
  readonly ingress: IngressLimits;
  /** 0 to 7; the higher is served first when classes compete for what is left. 0 where none is written. */
  readonly priority: number;
  /** Differentiated services code point put into the pod's packets, 0 to 63 (RFC 2474). */
  readonly dscp?: number;
  /** Priority code point of the VLAN tag, 0 to 7 (IEEE 802.1Q). */
  readonly vlanPriority?: number;
}

const egress = fields({
  guaranteed: parsedBy(parseRate).optional(),
  ceiling: parsedBy(parseRate).optional(),
  burst: parsedBy(parseBurst).optional(),
}).superRefine(({ guaranteed, ceiling }, context) => {
  if (guaranteed !== undefined && ceiling !== undefined && guaranteed > ceiling) {
    const message = `a rate not above the ceiling of ${formatRate(ceiling)}`;
    context.addIssue({ code: "custom", path: ["guaranteed"], message });
  }
});

const ingress = fields({
  ceiling: parsedBy(parseRate).optional(),
  burst: parsedBy(parseBurst).optional(),
});

const schema = clusterObject(
  "QosClass",
  fields({
    egress: egress.optional(),
    ingress: ingress.optional(),
    priority: wholeNumber(0, 7).default(0),
    dscp: wholeNumber(0, 63).optional(),
    vlanPriority: wholeNumber(0, 7).optional(),
  }),
);

/** Reads a QosClass. Throws InvalidObjectError. */
export function parseQosClass(document: unknown, place: string): QosClass {
  const { metadata, spec } = validate(schema, document, place);
  return {
    kind: "QosClass",
    name: metadata.name,
    ...spec,
    egress: spec.egress ?? {},
    ingress: spec.ingress ?? {},
  };
}
