import type { LinkKind } from "./kind.ts";

/** A link that traffic is redirected to, so that what arrives can be queued and shaped (drivers/net/ifb.c). */
export interface IfbSpec {
  readonly kind: "ifb";
}

export const ifb: LinkKind<IfbSpec> = { kind: "ifb" };
