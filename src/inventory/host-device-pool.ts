import type { HostDevice, Pool } from "../model/device.ts";
import type { HealthPolicy } from "../model/health.ts";
import type { HostDevicePoolConfig } from "../model/pool-config.ts";
import { type Forming, resourceOf } from "./forming.ts";
import { judge, troublesOfSpareLink } from "./health.ts";
import type { NodeLink } from "./link.ts";
import { byName, compilePattern, selectLinks } from "./link-patterns.ts";

/** A pool of whole links. */
export function formHostDevicePool(config: HostDevicePoolConfig, forming: Forming): Pool {
  const resource = resourceOf(config);
  const selected = new Set(selectLinks(config.links, forming.links.values()));
  const wanted = [...forming.links.values()].filter(
    (link) => selected.has(link) || forming.isUsed(resource, link.name),
  );
  const devices = wanted.sort(byName).flatMap((link): HostDevice[] => {
    const objection = forming.whyTaken(resource, [link.name]) ?? refuse(link, resource, forming);
    if (objection !== undefined) {
      forming.note(`${link.name} is not offered as ${resource}: ${objection}`);
      return [];
    }
    forming.take(resource, [link.name, ...(link.pciAddress === undefined ? [] : [link.pciAddress])]);
    return [describe(link, config.health)];
  });
  const known = [...forming.links.keys()];
  for (const pattern of config.links) {
    if (!known.some(compilePattern(pattern)))
      forming.note(`${resource} finds no link for the pattern ${pattern}`);
  }
  return { resource, kind: config.kind, allocation: config.allocation, devices };
}

/** Why a link can not be given away whole, or undefined when it can. */
function refuse(link: NodeLink, resource: string, forming: Forming): string | undefined {
  if (forming.remembered.held.has(link.name) || forming.isUsed(resource, link.name)) return undefined;
  if (link.isLoopback) return "it is the loopback link";
  const need = forming.whyNeeded(link);
  if (need !== undefined) return need;
  if (forming.functions.some(({ facts }) => (facts.vfCount ?? 0) > 0 && facts.links.includes(link.name))) {
    return "it is a PF, and its VFs are what is used of it";
  }
  if (link.master !== undefined) return "it is a port of another link (a bridge, bond or team)";
  return undefined;
}

function describe(link: NodeLink, policy: HealthPolicy): HostDevice {
  return {
    kind: "hostDevice",
    id: link.name,
    link: link.name,
    ...(link.numaNode !== undefined && { numaNode: link.numaNode }),
    topology: link.numaNode === undefined ? [] : [link.numaNode],
    access: { nodes: [], mounts: [], info: { kind: "hostDevice", link: link.name } },
    health: judge(troublesOfSpareLink(link), policy),
  };
}
