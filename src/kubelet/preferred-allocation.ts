import type { Device, Pool } from "../model/device.ts";
import { LanyardError } from "../model/errors.ts";
import { compareIds } from "./device-list.ts";

/** What the kubelet asks for one container. */
export interface PreferenceRequest {
  /** Ids to choose from, those of `mustInclude` among them. */
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  /** How many ids are wanted, those of `mustInclude` among them. */
  readonly size: number;
}

/**
 * Which devices are best given together: all on one NUMA node where that can be, else on as few as can be.
 * Nodes that `mustInclude` already uses come first, then the node that is left with the fewest free devices, so
 * that large groups stay whole for larger requests. A device without a node counts as on a node of its own kind,
 * taken last. Healthy devices come before unhealthy ones. The same request always has the same answer.
 * @throws LanyardError `invalid` when the request contradicts itself
 */
export function preferDevices(pool: Pool, request: PreferenceRequest): string[] {
  const { mustInclude, size } = request;
  const available = new Set(request.available);
  check(pool.resource, available, mustInclude, size);

  const devices = new Map(pool.devices.map((device) => [device.id, device]));
  const chosen = new Set(mustInclude);
  const candidates = [...available].filter((id) => !chosen.has(id)).sort(compareIds);
  const isUsable = (id: string) => devices.get(id)?.health.isHealthy === true;
  for (const ids of [candidates.filter(isUsable), candidates.filter((id) => !isUsable(id))]) {
    const nodes = groupByNode(ids, devices);
    while (chosen.size < size && nodes.length > 0) {
      const usedNodes = new Set([...chosen].map((id) => devices.get(id)?.numaNode));
      const node = nodes.splice(bestNode(nodes, usedNodes, size - chosen.size), 1)[0];
      for (const id of node?.ids.slice(0, size - chosen.size) ?? []) chosen.add(id);
    }
  }
  return [...chosen].sort(compareIds);
}

interface NodeGroup {
  readonly numaNode: number | undefined;
  readonly ids: readonly string[];
}

function groupByNode(ids: readonly string[], devices: ReadonlyMap<string, Device>): NodeGroup[] {
  const groups = Map.groupBy(ids, (id) => devices.get(id)?.numaNode);
  return [...groups].map(([numaNode, grouped]) => ({ numaNode, ids: grouped }));
}

/** Index of the node to take from next. */
function bestNode(
  nodes: readonly NodeGroup[],
  used: ReadonlySet<number | undefined>,
  needed: number,
): number {
  const rank = (group: NodeGroup): number[] => {
    const suffices = group.ids.length >= needed;
    return [
      used.has(group.numaNode) && group.numaNode !== undefined ? 0 : 1,
      group.numaNode === undefined ? 1 : 0,
      suffices ? 0 : 1,
      suffices ? group.ids.length : -group.ids.length,
      group.numaNode ?? 0,
    ];
  };
  const ranks = nodes.map(rank);
  let best = 0;
  for (let index = 1; index < ranks.length; index += 1) {
    if (comesBefore(ranks[index] ?? [], ranks[best] ?? [])) best = index;
  }
  return best;
}

function comesBefore(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((value, place) => value !== b[place]);
  return index >= 0 && (a[index] ?? 0) < (b[index] ?? 0);
}

function check(
  resource: string,
  available: ReadonlySet<string>,
  mustInclude: readonly string[],
  size: number,
): void {
  const refuse = (problem: string) => {
    throw new LanyardError("invalid", `preferred allocation of ${resource}: ${problem}`);
  };
  const missing = mustInclude.filter((id) => !available.has(id));
  if (missing.length > 0) refuse(`must include ${missing.join(", ")}, which the available ids do not hold`);
  if (size < 1) refuse(`the size is ${size}; expected 1 or more`);
  if (size < new Set(mustInclude).size) {
    refuse(`the size is ${size}, but ${new Set(mustInclude).size} devices must be included`);
  }
  if (size > available.size) refuse(`the size is ${size}, but only ${available.size} ids are available`);
}
