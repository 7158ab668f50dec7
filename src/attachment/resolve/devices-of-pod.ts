import { LanyardError } from "../../model/errors.ts";
import { compareDeviceIds } from "../../model/pci.ts";
import { type AssignedDevice, type PodIdentity, podKey } from "../../model/pod.ts";
import type { UsedDevice } from "../request.ts";

/** What one of a pod's references wants of the devices that the pod was given. */
export interface DeviceWant {
  readonly interfaceName: string;
  /** The resource it is to be of; any where only its id is told. */
  readonly resource?: string;
  /** The device itself, as the kubelet calls it. */
  readonly deviceId?: string;
  readonly containerName?: string;
  /** Whether the network does without one where the pod was given none of the resource. */
  readonly isOptional?: boolean;
  /** What the interface has already. */
  readonly held?: UsedDevice;
}

/** The device that an interface gets; undefined where it does without, or why it gets none. */
export type Choice = UsedDevice | LanyardError | undefined;

/**
 * Which device goes to which of a pod's networks, by interface. What an interface has already, it keeps. Then those choose
 * that name a device, then those that name a container, then the others, each in the order of the references: the first
 * that is free, of the first container that has one, in the order of PCI addresses. No device is given twice.
 *
 * `ask` tells what the pod was given, in the order of its containers; it is called only where that must be known.
 */
export async function chooseDevices(
  pod: PodIdentity,
  wants: readonly DeviceWant[],
  ask: () => Promise<readonly AssignedDevice[]>,
): Promise<ReadonlyMap<string, Choice>> {
  const choices = new Map<string, Choice>();
  const users = new Map<string, string>();
  const give = (interfaceName: string, choice: Choice) => {
    choices.set(interfaceName, choice);
    if (choice !== undefined && !(choice instanceof LanyardError)) users.set(keyOf(choice), interfaceName);
  };

  for (const want of wants) if (keepsWhatItHas(want)) give(want.interfaceName, want.held);
  const open = wants.filter(({ interfaceName }) => !choices.has(interfaceName));
  if (open.length === 0) return choices;

  const assigned = await ask().then(inOrder, asLanyardError);
  for (const want of open.sort((one, other) => rankOf(one) - rankOf(other))) {
    give(
      want.interfaceName,
      assigned instanceof LanyardError ? assigned : choose(pod, want, wants, assigned, users),
    );
  }
  return choices;
}

function keepsWhatItHas({ held, resource, deviceId, containerName }: DeviceWant): boolean {
  return held !== undefined && isWanted(held, { resource, deviceId, containerName });
}

/** The less of a choice somebody has, the earlier. */
function rankOf({ deviceId, containerName }: DeviceWant): number {
  if (deviceId !== undefined) return 0;
  return containerName === undefined ? 2 : 1;
}

function choose(
  pod: PodIdentity,
  want: DeviceWant,
  wants: readonly DeviceWant[],
  assigned: readonly UsedDevice[],
  users: ReadonlyMap<string, string>,
): Choice {
  const { interfaceName, resource, deviceId, containerName } = want;
  const fitting = assigned.filter((device) => isWanted(device, want));
  const free = fitting.find((device) => !users.has(keyOf(device)));
  if (free !== undefined) return free;

  const ofResource = assigned.filter((device) => resource === undefined || device.resource === resource);
  if (want.isOptional === true && deviceId === undefined && ofResource.length === 0) return undefined;
  const who = `pod ${podKey(pod)}, interface ${interfaceName}`;
  if (deviceId !== undefined) {
    const [taken] = fitting;
    const why =
      taken === undefined
        ? `was not given to the pod${of(containerName)}; it was given ${listOf(ofResource)}`
        : `is used by its interface ${users.get(keyOf(taken))}`;
    return new LanyardError("unavailable", `${who}: device "${deviceId}" ${why}`);
  }
  const rivals = wants.filter(
    (each) =>
      each.resource === resource && (containerName === undefined || each.containerName === containerName),
  );
  return new LanyardError(
    "unavailable",
    `${who}: no ${resource} is left: the pod was given ${fitting.length}${of(containerName)}, and ` +
      `${rivals.length === 1 ? "one network wants" : `${rivals.length} networks want`} one. Request one for each in ` +
      "spec.containers[].resources.limits",
  );
}

function isWanted(
  device: UsedDevice,
  { resource, deviceId, containerName }: Pick<DeviceWant, "resource" | "deviceId" | "containerName">,
): boolean {
  return (
    (resource === undefined || device.resource === resource) &&
    (deviceId === undefined || device.id === deviceId) &&
    (containerName === undefined || device.container === containerName)
  );
}

/** By container as told, and in one by their ids, so that the kubelet may tell them in any order. */
function inOrder(assigned: readonly AssignedDevice[]): UsedDevice[] {
  const containers = [...new Set(assigned.map(({ container }) => container))];
  return assigned
    .map(({ resource, id, container }) => ({ resource, id, container }))
    .sort(
      (one, other) =>
        containers.indexOf(one.container) - containers.indexOf(other.container) ||
        compareDeviceIds(one.id, other.id) ||
        (one.resource < other.resource ? -1 : 1),
    );
}

function asLanyardError(error: unknown): LanyardError {
  if (error instanceof LanyardError) return error;
  throw error;
}

function of(containerName: string | undefined): string {
  return containerName === undefined ? "" : ` for container ${containerName}`;
}

function listOf(devices: readonly UsedDevice[]): string {
  return devices.length === 0 ? "none" : devices.map(({ resource, id }) => `${id} (${resource})`).join(", ");
}

function keyOf({ resource, id }: UsedDevice): string {
  return `${resource}=${id}`;
}
