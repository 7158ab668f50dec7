import type { PodSandbox } from "../../kernel/attachment/fixtures.ts";

/** A pod that is attached and detached once, by one side. */
export interface BenchPod {
  /** Not used before on this machine's boot. */
  readonly name: string;
  readonly sandbox: PodSandbox;
  /** CIDR form. */
  readonly address: string;
}

/** Somebody who gives pods a macvlan. */
export interface Side {
  /** Program and version. */
  readonly name: string;
  attach(pod: BenchPod): Promise<void>;
  detach(pod: BenchPod): Promise<void>;
}

/** The interface each side makes, alike: a macvlan in bridge mode over this link of the node. */
export const UPLINK = "bench-up";
export const INTERFACE = "net1";
