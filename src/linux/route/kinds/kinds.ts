import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { type BridgeSpec, bridge } from "./bridge.ts";
import { type IfbSpec, ifb } from "./ifb.ts";
import type { LinkKind } from "./kind.ts";
import { type MacvlanSpec, macvlan } from "./macvlan.ts";
import { type VethSpec, veth } from "./veth.ts";

/** Every kind of link that can be made. */
export type LinkKindSpec = BridgeSpec | IfbSpec | MacvlanSpec | VethSpec;

const kinds: { readonly [Kind in LinkKindSpec["kind"]]: LinkKind<Extract<LinkKindSpec, { kind: Kind }>> } = {
  bridge,
  ifb,
  macvlan,
  veth,
};

/** Writes a kind's own attributes; does nothing for a kind that has none. */
export function encodeKind(spec: LinkKindSpec, data: AttributeWriter): void {
  const kind = kinds[spec.kind] as LinkKind<LinkKindSpec>;
  kind.encode?.(spec, data);
}

/** Whether a kind has attributes of its own to write. */
export function hasKindData(spec: LinkKindSpec): boolean {
  return kinds[spec.kind].encode !== undefined;
}

/** Reads a kind's own attributes; undefined for a kind not known here. */
export function decodeKind(kind: string, data: AttributeReader): Partial<LinkKindSpec> | undefined {
  const known = (kinds as Record<string, LinkKind<LinkKindSpec> | undefined>)[kind];
  return known?.decode?.(data);
}
