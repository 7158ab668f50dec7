import { type Fields, numberField, readFields, writeFields } from "../fields.ts";
import type { LinkKind } from "./kind.ts";

/** IFLA_VRF_TABLE (include/uapi/linux/if_link.h). */
const IFLA_VRF_TABLE = 1;

/** A routing domain of its own: links that belong to it (`master`) use its table (drivers/net/vrf.c). */
export interface VrfSpec {
  readonly kind: "vrf";
  /** Number of the routing table, from 1. */
  readonly table: number;
}

const fields: Fields<VrfSpec> = { table: numberField("u32", IFLA_VRF_TABLE, 1) };

export const vrf: LinkKind<VrfSpec> = {
  kind: "vrf",
  encode: (spec, data) => writeFields(fields, spec, data, "a vrf"),
  decode: (data) => readFields(fields, data),
  fixed: ["table"],
};
