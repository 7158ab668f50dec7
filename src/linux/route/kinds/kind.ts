import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";

/**
 * One kind of link. A kind is one file beside this one and one line in `kinds.ts`: what its IFLA_INFO_DATA
 * holds, both ways.
 */
export interface LinkKind<Spec extends { readonly kind: string }> {
  readonly kind: Spec["kind"];
  /** Writes the attributes inside IFLA_INFO_DATA; a kind without any leaves it out. */
  readonly encode?: (spec: Spec, data: AttributeWriter) => void;
  /** Reads them back; what the kernel does not tell is left out. */
  readonly decode?: (data: AttributeReader) => Partial<Spec>;
}
