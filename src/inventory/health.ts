import type { DeviceHealth, HealthCondition, HealthFinding, HealthPolicy } from "../model/health.ts";
import type { NodeLink } from "./link.ts";
import type { NodeFunction } from "./node-function.ts";

/** A condition that does not hold, before the pool has said what that does. */
export interface Trouble {
  readonly condition: HealthCondition;
  /** One plain sentence without the closing point. */
  readonly reason: string;
}

/** Health from what is wrong and what the pool makes of that. */
export function judge(troubles: readonly Trouble[], policy: HealthPolicy): DeviceHealth {
  const findings = troubles.flatMap(({ condition, reason }): HealthFinding[] => {
    const effect = policy[condition];
    return effect === "ignore" ? [] : [{ condition, effect, reason }];
  });
  const worst = findings.find(({ effect }) => effect === "unhealthy");
  return {
    isHealthy: worst === undefined,
    ...(worst !== undefined && { reason: worst.reason }),
    ...(findings.length > 0 && { findings }),
  };
}

/**
 * What is wrong with a function that is on its bus. Its own link does not count while it has a PF: a VF that is down is
 * a spare one, or its pod has set it down; the wire is the PF's.
 */
export function troublesOf(candidate: NodeFunction): Trouble[] {
  const { facts, uplink, representor, card, recentPciErrors } = candidate;
  const troubles: Trouble[] = [];
  const add = (condition: HealthCondition, reason: string) => troubles.push({ condition, reason });
  if (facts.driver === undefined) add("driver", `no driver is bound to ${facts.name}`);
  if (uplink !== undefined) {
    if (facts.pf === undefined) troubles.push(...troublesOfSpareLink(uplink));
    else troubles.push(...troublesOfUplink(uplink));
  }
  if (candidate.isLinkDisabled) add("linkState", `the PF has forced the link of ${facts.name} down`);
  if (isMissingRepresentor(candidate)) {
    add("representor", `the card's switch shows no port for ${facts.name}`);
  } else if (representor?.master !== undefined && !representor.isUp) {
    add("representor", `${representor.name}, its port on the card's switch, is down`);
  }
  if (recentPciErrors > 0) {
    const errors =
      recentPciErrors === 1 ? "1 uncorrectable PCI error" : `${recentPciErrors} uncorrectable PCI errors`;
    add("pciErrors", `${errors} lately`);
  }
  for (const reporter of card?.failedReporters ?? []) {
    add("devlink", `the card reports an error: ${reporter}`);
  }
  return troubles;
}

/** A link that others stand on must be up and joined to something. */
export function troublesOfUplink(uplink: NodeLink): Trouble[] {
  if (!uplink.isUp) return [{ condition: "adminState", reason: `${uplink.name} is down` }];
  if (!uplink.hasCarrier) return [{ condition: "carrier", reason: `${uplink.name} has no carrier` }];
  return [];
}

/** A link that is down is a spare one waiting for its pod: only a link that is up can miss its carrier. */
export function troublesOfSpareLink(link: NodeLink): Trouble[] {
  if (!link.isUp || link.hasCarrier) return [];
  return [{ condition: "carrier", reason: `${link.name} is up but has no carrier` }];
}

/** VFs of a card in switchdev mode are reached by their ports on its switch alone. */
function isMissingRepresentor({ facts, card, uplink, representor }: NodeFunction): boolean {
  return (
    facts.vfIndex !== undefined &&
    card?.eswitchMode === "switchdev" &&
    uplink?.physicalSwitchId !== undefined &&
    representor === undefined
  );
}
