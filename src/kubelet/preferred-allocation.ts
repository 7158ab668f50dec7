import { type AllocationPolicy, type Device, isFunctionDevice, type Pool } from "../model/device.ts";
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

/** A device to choose from, as far as choosing goes. */
interface Candidate {
  readonly id: string;
  readonly numaNode: number | undefined;
  /** What it hangs on: the PF of a function, else its own link. */
  readonly uplink: string;
}

/**
 * Which devices are best given together, by the pool's policy; all on one NUMA node where that can be, else on as few
 * as can be. Nodes that `mustInclude` already uses come first, then the node that suits the policy best (the fewest
 * PFs for `pack`, the most for `spread`), then the one that is left with the fewest free devices, so that large groups
 * stay whole for larger requests. A device without a node counts as on a node of its own kind, taken last. Healthy
 * devices come before unhealthy ones. The same request always has the same answer.
 *
 * @throws LanyardError `invalid` when the request contradicts itself; `unavailable` when the policy is `bond` and
 * there are not so many PFs
 */
export function preferDevices(pool: Pool, request: PreferenceRequest): string[] {
  const { mustInclude, size } = request;
  const available = new Set(request.available);
  check(pool.resource, available, mustInclude, size);

  const devices = new Map(pool.devices.map((device) => [device.id, device]));
  const candidateOf = (id: string) => describe(id, devices.get(id));
  const chosen = new Map(mustInclude.map((id) => [id, candidateOf(id)]));
  const rest = [...available].filter((id) => !chosen.has(id)).sort(compareIds);
  const isUsable = (id: string) => devices.get(id)?.health.isHealthy === true;
  for (const ids of [rest.filter(isUsable), rest.filter((id) => !isUsable(id))]) {
    let free = ids.map(candidateOf);
    while (chosen.size < size) {
      free = selectable(free, pool.allocation, [...chosen.values()]);
      const node = bestNode(free, pool.allocation, [...chosen.values()], size - chosen.size);
      if (node === undefined) break;
      for (const each of take(node, pool.allocation, [...chosen.values()], size - chosen.size)) {
        chosen.set(each.id, each);
      }
      free = free.filter((each) => !node.includes(each));
    }
  }
  if (pool.allocation === "bond") checkChoice(pool, [...chosen.values()], size);
  return [...chosen.keys()].sort(compareIds);
}

function describe(id: string, device: Device | undefined): Candidate {
  // An id that the pool no longer has hangs on nothing that is known.
  if (device === undefined) return { id, numaNode: undefined, uplink: `unknown ${id}` };
  return {
    id,
    numaNode: device.numaNode,
    uplink: isFunctionDevice(device) ? device.pfAddress : device.link,
  };
}

/** A bond has no use for a second device of one PF. */
function selectable(
  free: readonly Candidate[],
  policy: AllocationPolicy,
  chosen: readonly Candidate[],
): Candidate[] {
  if (policy !== "bond") return [...free];
  const used = new Set(chosen.map(({ uplink }) => uplink));
  return free.filter(({ uplink }) => !used.has(uplink));
}

/** The free devices of the node to take from next; undefined when nothing is left. */
function bestNode(
  free: readonly Candidate[],
  policy: AllocationPolicy,
  chosen: readonly Candidate[],
  needed: number,
): readonly Candidate[] | undefined {
  const usedNodes = new Set(chosen.map(({ numaNode }) => numaNode));
  const rank = ([node, group]: [number | undefined, readonly Candidate[]]): number[] => {
    const supply = policy === "bond" ? groupByUplink(group).length : group.length;
    const suffices = supply >= needed;
    return [
      node !== undefined && usedNodes.has(node) ? 0 : 1,
      node === undefined ? 1 : 0,
      suffices ? 0 : 1,
      suffices ? unfitness(policy, take(group, policy, chosen, needed), chosen) : 0,
      suffices ? supply : -supply,
      node ?? 0,
    ];
  };
  return first([...Map.groupBy(free, ({ numaNode }) => numaNode)], rank)?.[1];
}

/** How badly a choice suits the policy: the fewest PFs suit `pack`, the most suit `spread`. */
function unfitness(
  policy: AllocationPolicy,
  choice: readonly Candidate[],
  chosen: readonly Candidate[],
): number {
  const uplinks = new Set([...choice, ...chosen].map(({ uplink }) => uplink)).size;
  return policy === "pack" ? uplinks : policy === "spread" ? -uplinks : 0;
}

/** Takes up to `needed` of one node's free devices. */
function take(
  group: readonly Candidate[],
  policy: AllocationPolicy,
  chosen: readonly Candidate[],
  needed: number,
): Candidate[] {
  switch (policy) {
    case "numa":
      return group.slice(0, needed);
    case "pack":
      return pack(group, chosen, needed);
    case "spread":
      return spread(group, chosen, needed);
    case "bond":
      return groupByUplink(group)
        .flatMap((devices) => devices.slice(0, 1))
        .slice(0, needed);
  }
}

/** PFs that are in use first, then one that suffices with the fewest left, else the one that gives most. */
function pack(group: readonly Candidate[], chosen: readonly Candidate[], needed: number): Candidate[] {
  const used = new Set(chosen.map(({ uplink }) => uplink));
  const taken: Candidate[] = [];
  let uplinks = groupByUplink(group);
  while (taken.length < needed && uplinks.length > 0) {
    const missing = needed - taken.length;
    const best = first(uplinks, (devices) => {
      const suffices = devices.length >= missing;
      return [
        used.has(devices[0]?.uplink ?? "") ? 0 : 1,
        suffices ? 0 : 1,
        suffices ? devices.length : -devices.length,
      ];
    });
    taken.push(...(best ?? []).slice(0, missing));
    uplinks = uplinks.filter((devices) => devices !== best);
  }
  return taken;
}

/** One at a time, from the PF that has given the fewest; of those, from the one with the most left. */
function spread(group: readonly Candidate[], chosen: readonly Candidate[], needed: number): Candidate[] {
  const taken: Candidate[] = [];
  const uplinks = groupByUplink(group);
  while (taken.length < needed) {
    const given = Map.groupBy([...chosen, ...taken], ({ uplink }) => uplink);
    const left = uplinks.filter((devices) => devices.length > 0);
    const best = first(left, (devices) => [
      given.get(devices[0]?.uplink ?? "")?.length ?? 0,
      -devices.length,
    ]);
    const next = best?.shift();
    if (next === undefined) break;
    taken.push(next);
  }
  return taken;
}

/** The devices by PF, in the order in which the PFs come. */
function groupByUplink(devices: readonly Candidate[]): Candidate[][] {
  return [...Map.groupBy(devices, ({ uplink }) => uplink).values()];
}

/** The thing whose rank comes first, number by number; of equal ones the first. */
function first<T>(things: readonly T[], rank: (thing: T) => readonly number[]): T | undefined {
  let best: { thing: T; rank: readonly number[] } | undefined;
  for (const thing of things) {
    const ranked = rank(thing);
    if (best === undefined || comesBefore(ranked, best.rank)) best = { thing, rank: ranked };
  }
  return best?.thing;
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

/** The kubelet takes this for a reason not to start the pod: half a bond is no bond. */
function checkChoice({ resource }: Pool, chosen: readonly Candidate[], size: number): void {
  const uplinks = countUplinks(chosen);
  if (uplinks === size && chosen.length === size) return;
  throw new LanyardError(
    "unavailable",
    `preferred allocation of ${resource}: its policy is bond, each device from another PF; ${size} are wanted, but free devices are on ${uplinks} PFs`,
  );
}

/**
 * Refuses devices of one PF to a container of a pool whose policy is `bond`. The kubelet does not ask for a preference
 * when the NUMA nodes that its topology manager has chosen hold exactly as many free devices as are wanted
 * (devicesToAllocate in pkg/kubelet/cm/devicemanager/manager.go).
 * @throws LanyardError `unavailable`
 */
export function checkBond({ resource, allocation }: Pool, devices: readonly Device[]): void {
  const uplinks = countUplinks(devices.map((device) => describe(device.id, device)));
  if (allocation !== "bond" || uplinks === devices.length) return;
  const ids = devices.map(({ id }) => id).join(", ");
  throw new LanyardError(
    "unavailable",
    `${resource}: its policy is bond, each device from another PF; ${ids} are on ${uplinks} PFs`,
  );
}

function countUplinks(candidates: readonly Candidate[]): number {
  return new Set(candidates.map(({ uplink }) => uplink)).size;
}
