import { InvalidValueError } from "../../../model/errors.ts";
import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { type BondSpec, bond } from "./bond.ts";
import { type BridgeSpec, bridge } from "./bridge.ts";
import { type DummySpec, dummy } from "./dummy.ts";
import { type IfbSpec, ifb } from "./ifb.ts";
import { type IpvlanSpec, ipvlan } from "./ipvlan.ts";
import type { LinkKind } from "./kind.ts";
import { type MacvlanSpec, macvlan } from "./macvlan.ts";
import { type VethSpec, veth } from "./veth.ts";
import { type VlanSpec, vlan } from "./vlan.ts";
import { type VrfSpec, vrf } from "./vrf.ts";

/** Every kind of link that can be made. */
export type LinkKindSpec =
  | BondSpec
  | BridgeSpec
  | DummySpec
  | IfbSpec
  | IpvlanSpec
  | MacvlanSpec
  | VethSpec
  | VlanSpec
  | VrfSpec;

/** What is to become of a link of a kind: what is absent stays as it is. */
export type LinkKindChange = ChangeOf<LinkKindSpec>;

type ChangeOf<Spec extends LinkKindSpec> = Spec extends LinkKindSpec
  ? Pick<Spec, "kind"> & Partial<Spec>
  : never;

const kinds: { readonly [Kind in LinkKindSpec["kind"]]: LinkKind<Extract<LinkKindSpec, { kind: Kind }>> } = {
  bond,
  bridge,
  dummy,
  ifb,
  ipvlan,
  macvlan,
  veth,
  vlan,
  vrf,
};

/** Writes what a kind has of its own; nothing where nothing is given. Throws InvalidValueError. */
export function encodeKind(spec: LinkKindChange, data: AttributeWriter): void {
  kindOf(spec).encode?.(spec, data);
}

/** Whether anything is given that a kind has of its own. Throws InvalidValueError for a kind that is none. */
export function hasKindData(spec: LinkKindChange): boolean {
  const { kind: _, ...own } = spec;
  return kindOf(spec).encode !== undefined && Object.values(own).some((value) => value !== undefined);
}

/** Throws InvalidValueError when something is to be changed that the kernel only takes when the link is made. */
export function refuseFixed(change: LinkKindChange): void {
  const { kind, fixed = [] } = kindOf(change);
  for (const name of fixed as readonly string[]) {
    const value = (change as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    throw new InvalidValueError(`${name} of a ${kind}`, value, "nothing: it is set when the link is made");
  }
}

/** Reads what a kind has of its own; undefined for a kind not known here, or one of which nothing is told. */
export function decodeKind(kind: string, data: AttributeReader): Partial<LinkKindSpec> | undefined {
  if (!Object.hasOwn(kinds, kind)) return undefined;
  const known = kinds[kind as LinkKindSpec["kind"]] as LinkKind<LinkKindSpec>;
  return known.decode?.(data);
}

function kindOf({ kind }: LinkKindChange): LinkKind<LinkKindSpec> {
  if (Object.hasOwn(kinds, kind)) return kinds[kind] as LinkKind<LinkKindSpec>;
  throw new InvalidValueError("kind of a link", kind, `one of ${Object.keys(kinds).join(", ")}`);
}
