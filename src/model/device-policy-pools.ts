import type { DevicePolicy } from "./device-policy.ts";
import { choosePolicy, groupOf, type SelectablePf } from "./device-policy-choice.ts";
import { DEFAULT_HEALTH_POLICY } from "./health.ts";
import type { FunctionPoolConfig, FunctionSelector } from "./pool-config.ts";

/** A PF whose VFs may be offered. */
export interface PoolPf extends SelectablePf {
  /** The most VFs it can have. */
  readonly mostVfs: number;
}

/**
 * The pools that the VF groups of policies name, offered behind `prefix`, in the order of their names. Groups of one name
 * make one pool, with a selector for each PF and driver. A PF's VFs are offered as the policy says that the PF follows;
 * `labels` are those of the node.
 */
export function poolsOfPolicies(
  policies: readonly DevicePolicy[],
  pfs: readonly PoolPf[],
  labels: Readonly<Record<string, string>>,
  prefix: string,
): FunctionPoolConfig[] {
  const selectors = new Map<string, FunctionSelector[]>();
  for (const pf of pfs) {
    const { policy } = choosePolicy(policies, pf, labels);
    for (const { resourceName, selector } of policy === undefined ? [] : offersOf(policy, pf)) {
      selectors.set(resourceName, [...(selectors.get(resourceName) ?? []), selector]);
    }
  }
  return [...selectors].sort(byFirst).map(([name, selectors]) => ({
    prefix,
    name,
    allocation: "numa",
    health: DEFAULT_HEALTH_POLICY,
    kind: "netDevice",
    selectors,
    additionalInfo: {},
    excludeTopology: false,
  }));
}

/** What one PF gives to pools, one entry for each group of its policy that is offered. */
function offersOf(policy: DevicePolicy, pf: PoolPf) {
  const indexes = Array.from({ length: policy.numVfs ?? pf.mostVfs }, (_, index) => index);
  return policy.vfGroups.flatMap((group) => {
    const { resourceName, driver } = group;
    const numbers = runsOf(indexes.filter((index) => groupOf(policy, pf, index) === group));
    if (resourceName === undefined || numbers.length === 0) return [];
    const selector: FunctionSelector = {
      rootDevices: [{ pf: pf.address, numbers }],
      // A VF that has not got its driver yet is not ready to be given away.
      ...(driver === undefined ? { isKernelDriven: true } : { drivers: [driver] }),
      isRdma: false,
      needVhostNet: false,
    };
    return [{ resourceName, selector }];
  });
}

/** Ascending numbers as parts, first and last of each: `0, 1, 2, 5` are `0-2` and `5-5`. */
function runsOf(numbers: readonly number[]): (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function byFirst([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
