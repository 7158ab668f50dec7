import type { LinkKind } from "./kind.ts";

/** A link that drops what it is given; it stands for a network card, or holds addresses (drivers/net/dummy.c). */
export interface DummySpec {
  readonly kind: "dummy";
}

export const dummy: LinkKind<DummySpec> = { kind: "dummy" };
