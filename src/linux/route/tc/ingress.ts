import type { KindCodec } from "./kind.ts";

/** The hook for what a link receives; it queues nothing, filters hang at it (net/sched/sch_ingress.c). */
export interface IngressQdisc {
  readonly kind: "ingress";
}

/** Hooks for both directions of a link; it takes the place of `ingress`. */
export interface ClsactQdisc {
  readonly kind: "clsact";
}

export const ingress: KindCodec<IngressQdisc> = {
  encode: () => undefined,
  decode: () => ({ kind: "ingress" }),
};

export const clsact: KindCodec<ClsactQdisc> = {
  encode: () => undefined,
  decode: () => ({ kind: "clsact" }),
};
