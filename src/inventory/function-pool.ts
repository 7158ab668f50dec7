import { type FunctionDevice, isFunctionDevice, type Pool } from "../model/device.ts";
import type { FunctionPoolConfig, FunctionSelector } from "../model/pool-config.ts";
import { accessOf } from "./access.ts";
import { type Forming, resourceOf } from "./forming.ts";
import { isOfKind, matchesSelector } from "./function-selectors.ts";
import { judge, type Trouble, troublesOf } from "./health.ts";
import type { NodeFunction } from "./node-function.ts";
import { findUplink } from "./uplink.ts";

/** A selector that asks for nothing and gives nothing: for a device that none matches any more. */
const PLAIN: FunctionSelector = { isRdma: false, needVhostNet: false };

/**
 * A pool of PCI functions or sub-functions. Selectors are tried in their order, and the first that a function matches
 * decides what a container gets with it. A function belongs to the first pool that takes it. Undefined for a pool without a
 * device, which is not offered at all.
 */
export function formFunctionPool(config: FunctionPoolConfig, forming: Forming): Pool | undefined {
  const resource = resourceOf(config);
  const devices = new Map<string, FunctionDevice>();
  let isMatched = false;
  for (const selector of config.selectors) {
    for (const candidate of forming.functions) {
      const { facts } = candidate;
      if (devices.has(facts.name) || !isOfKind(candidate, config.kind)) continue;
      const driver = facts.driver ?? forming.remembered.lastDrivers.get(facts.name);
      if (!matchesSelector(selector, candidate, driver)) continue;
      isMatched = true;
      const names = [facts.name, ...facts.links];
      const objection = forming.whyTaken(resource, names) ?? refuse(candidate, driver, resource, forming);
      if (objection !== undefined) {
        if (objection !== "") forming.note(`${facts.name} is not offered as ${resource}: ${objection}`);
        continue;
      }
      forming.take(resource, names);
      devices.set(facts.name, describe(candidate, driver, config, selector, forming, []));
    }
  }
  for (const id of forming.usesOf(resource)) {
    if (!devices.has(id)) devices.set(id, keep(id, config, resource, forming));
  }
  if (devices.size === 0) {
    forming.note(
      isMatched
        ? `${resource} is not offered: nothing that matches its selectors can be`
        : `${resource} is not offered: no device of the node matches its selectors`,
    );
    return undefined;
  }
  const sorted = [...devices.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { resource, kind: config.kind, allocation: config.allocation, devices: sorted };
}

/** Why a function that is asked for cannot be offered; undefined when it can, empty when that needs no word. */
function refuse(
  candidate: NodeFunction,
  driver: string | undefined,
  resource: string,
  forming: Forming,
): string | undefined {
  const { facts, links } = candidate;
  if (forming.isUsed(resource, facts.name)) return undefined;
  for (const link of links) {
    const need = forming.whyNeeded(link);
    if (need !== undefined) return `${link.name}: ${need}`;
  }
  // Its VFs are what is used of it.
  if ((facts.vfCount ?? 0) > 0) return "";
  if (driver === undefined) return "no driver is bound to it";
  // It is looked at again when udev has given its links their last names.
  if (!candidate.isSettled && !isOffered(facts.name, forming))
    return "udev has not finished with its links yet";
  return undefined;
}

function isOffered(name: string, forming: Forming): boolean {
  return forming.remembered.previous.some(({ devices }) => devices.some(({ id }) => id === name));
}

/** A device that a pod has and that no selector matches now. */
function keep(id: string, config: FunctionPoolConfig, resource: string, forming: Forming): FunctionDevice {
  const candidate = forming.functions.find(({ facts }) => facts.name === id);
  if (candidate !== undefined) {
    const driver = candidate.facts.driver;
    const trouble: Trouble = {
      condition: "driver",
      reason: `${id} is in use, but no selector of ${resource} matches it any more (its driver is ${driver ?? "none"})`,
    };
    return describe(candidate, driver, config, PLAIN, forming, [trouble]);
  }
  const gone: Trouble = { condition: "present", reason: `${id} is gone from its bus` };
  const previous = forming.previousDevice(resource, id);
  const health = judge([gone], config.health);
  if (previous !== undefined && isFunctionDevice(previous)) return { ...previous, health };
  return {
    kind: config.kind,
    id,
    pciAddress: id,
    vendor: "",
    device: "",
    pfAddress: id,
    rdmaDevices: [],
    topology: [],
    access: { nodes: [], mounts: [], info: { generic: { deviceID: id } } },
    health,
  };
}

function describe(
  candidate: NodeFunction,
  driver: string | undefined,
  config: FunctionPoolConfig,
  selector: FunctionSelector,
  forming: Forming,
  more: readonly Trouble[],
): FunctionDevice {
  const { facts, uplink, linkType, representor, pfAddress } = candidate;
  // Of a PF in switchdev mode the others stand for its VFs and sub-functions.
  const link = findUplink(candidate.links);
  const optional = {
    driver,
    pfName: uplink?.name,
    vfIndex: facts.vfIndex,
    sfNumber: facts.sfNumber,
    link: link?.name,
    linkType,
    representor: representor?.name,
    pcieRoot: facts.pcieRoot,
    iommuGroup: facts.iommuGroup,
    acpiIndex: facts.acpiIndex,
    numaNode: facts.numaNode,
  };
  return {
    kind: config.kind,
    id: facts.name,
    pciAddress: facts.pciAddress,
    vendor: facts.vendor,
    device: facts.device,
    pfAddress,
    ...withoutUndefined(optional),
    rdmaDevices: facts.rdma.map(({ name }) => name),
    topology: facts.numaNode === undefined || config.excludeTopology ? [] : [facts.numaNode],
    access: accessOf(candidate, driver, config, selector, forming.node.deviceFiles),
    health: judge([...more, ...troublesOf(candidate)], config.health),
  };
}

function withoutUndefined<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
