import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";

/**
 * One kind of link: what its IFLA_INFO_DATA holds, both ways. A kind is one file beside this one and its name in
 * `kinds.ts`; docs/link-kinds.md shows how one is made.
 */
export interface LinkKind<Spec extends { readonly kind: string }> {
  readonly kind: Spec["kind"];
  /**
   * Writes what is given, for a link that is made as for one that is changed; absent for a kind that has nothing of
   * its own. Throws InvalidValueError.
   */
  readonly encode?: (spec: Partial<Spec>, data: AttributeWriter) => void;
  /** Reads what the kernel tells; what it does not tell is left out. */
  readonly decode?: (data: AttributeReader) => Partial<Spec>;
  /** What the kernel takes when the link is made, and silently ignores afterwards. */
  readonly fixed?: readonly Exclude<keyof Spec, "kind">[];
}
