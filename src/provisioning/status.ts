/**
 * How a PF stands to its policy. `waiting`: all is done but what waits until somebody gives a device back or a carrier
 * comes; `external`: as its policy says, with VFs that somebody else makes.
 */
export type PfState = "inSync" | "applying" | "waiting" | "failed" | "external";

/** One VF of a PF that is provisioned. */
export interface VfStatus {
  readonly index: number;
  readonly pciAddress: string;
  /** Undefined while none is bound. */
  readonly driver?: string;
  /** Who has it now, in words for people. */
  readonly user?: string;
}

/** One PF that a policy is for, or that is being brought back to what it was. */
export interface PfStatus {
  /** Name of its link; its PCI address where it has none. */
  readonly name: string;
  readonly pciAddress: string;
  /** Undefined while the PF is brought back, because no policy is for it any more. */
  readonly policy?: string;
  /** Names of policies that are for it, too, and have a higher priority number or a later name. */
  readonly overruled: readonly string[];
  readonly state: PfState;
  /** What is done, waited for, or wrong, for people; empty when all is as it shall be. */
  readonly message: string;
  /** As they were when the PF was last looked at. */
  readonly vfs: readonly VfStatus[];
}

/** What became of one policy on this node. */
export interface PolicyStatus {
  readonly name: string;
  /** The PFs that follow it. */
  readonly pfs: readonly { readonly name: string; readonly state: PfState; readonly message: string }[];
  /** The PFs that it is for and that follow another policy, with its name. */
  readonly overruled: readonly { readonly name: string; readonly by: string }[];
}

/** The same states by policy; `policies` are the names of those for this node. */
export function statusByPolicy(policies: readonly string[], pfs: readonly PfStatus[]): PolicyStatus[] {
  return policies.map((name) => ({
    name,
    pfs: pfs
      .filter(({ policy }) => policy === name)
      .map(({ name, state, message }) => ({ name, state, message })),
    overruled: pfs
      .filter(({ overruled }) => overruled.includes(name))
      .map(({ name, policy = "" }) => ({ name, by: policy })),
  }));
}
