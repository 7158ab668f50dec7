import type { QosObject } from "./tree.ts";

/** How one direction of an attachment is enforced. */
export interface DirectionPlan {
  /** In the order they are made; nothing where there is no limit or nothing can hold it. */
  readonly objects: readonly QosObject[];
  /** What enforces it, in words; empty when nothing does. */
  readonly backend: string;
  /** Bits per second, as held. */
  readonly guaranteed?: number;
  /** Bits per second, as held. */
  readonly ceiling?: number;
  /** Largest packet in bytes the pod's link shall be handed. */
  readonly gsoMaxSize?: number;
  /** What is asked for and not given, one sentence each. */
  readonly notEnforced: readonly string[];
}

/** A direction without a limit. */
export const UNLIMITED: DirectionPlan = { objects: [], backend: "", notEnforced: [] };
