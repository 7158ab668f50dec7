import { join } from "node:path";
import { isForPrograms } from "../../inventory/drivers.ts";
import { isFunctionDevice } from "../../model/device.ts";
import { attachmentInfoFileName, DEVICE_INFO_FOLDERS, deviceInfoFileName } from "../../model/device-info.ts";
import { LanyardError, NotFoundError } from "../../model/errors.ts";
import { readPciAddress } from "../../model/pci.ts";
import type { FunctionPlace } from "../../model/ports.ts";
import type { AttachmentRequest, HostDeviceRequest, SriovRequest, UsedDevice } from "../request.ts";
import type { Resolving } from "./sources.ts";

/** What a device is on the node: a function, or a link alone. */
export interface DevicePlace {
  /** Name of its link on the node, or the one it had before it was moved into this pod. */
  readonly link?: string;
  readonly pciFunction?: FunctionPlace;
}

/** Finds the device the pod was given, whoever offers it. Throws LanyardError. */
export async function placeOfDevice(device: UsedDevice, resolving: Resolving): Promise<DevicePlace> {
  const { sources, who } = resolving;
  const own = sources.devices.findDevice(device.resource, device.id);
  if (own?.kind === "bandwidthShare") {
    const text = `${who}: ${device.resource} is bandwidth of ${own.link}, and no device to be attached`;
    throw new LanyardError("invalid", text);
  }
  if (own?.kind === "hostDevice" || own?.kind === "auxNetDevice") {
    const link = linkWithoutAddress(device, resolving);
    return link === undefined ? {} : { link };
  }
  const address = own?.pciAddress ?? readPciAddress(device.id);
  if (address === undefined) {
    throw new NotFoundError(`${who}: ${device.resource} has no device "${device.id}" on this node now`);
  }
  return placeOfFunction(address, resolving);
}

/** The link of a device that has no PCI address of its own: a link that is offered whole, or a sub-function. */
export function linkWithoutAddress(device: UsedDevice, resolving: Resolving): string | undefined {
  const own = resolving.sources.devices.findDevice(device.resource, device.id);
  if (own?.kind === "hostDevice") return own.link;
  if (own?.kind !== "auxNetDevice") return undefined;
  return own.link ?? heldLink(resolving, (held) => held.device?.id === device.id);
}

/** Throws NotFoundError for an address at which there is no function. */
export async function placeOfFunction(address: string, resolving: Resolving): Promise<DevicePlace> {
  const { devices, links } = resolving.sources;
  const pciFunction = devices.findFunction(address);
  if (pciFunction === undefined) {
    throw new NotFoundError(
      `${resolving.who}: no network function has the PCI address ${address} on this node now`,
    );
  }
  const link =
    pciFunction.link ??
    heldLink(resolving, (held) => held.pciAddress === address) ??
    // It may have come home from another pod a moment ago, before that was announced.
    (await links.linkOfDevice(`/sys/bus/pci/devices/${address}`));
  return { ...(link !== undefined && { link }), pciFunction };
}

/** The device itself, moved into the pod where it has a link. Throws LanyardError. */
export function hostDeviceAt(
  { link, pciFunction }: DevicePlace,
  { device, who }: Resolving,
): HostDeviceRequest {
  if (link === undefined) refuseWithoutLink(pciFunction, device?.id, who);
  return {
    type: "hostDevice",
    ...(link !== undefined && { link }),
    ...(pciFunction !== undefined && { pciAddress: pciFunction.pciAddress }),
    ...(device !== undefined && { device }),
  };
}

/** A VF with these settings. Throws LanyardError for what is none, or cannot be set. */
export function vfAt(
  { link, pciFunction }: DevicePlace,
  settings: SriovRequest["settings"],
  { device, who }: Resolving,
): SriovRequest {
  if (pciFunction === undefined) {
    throw new LanyardError("invalid", `${who}: device "${device?.id}" is no PCI function, and so no VF`);
  }
  const { pciAddress, pfAddress, pfName, vfIndex } = pciFunction;
  if (vfIndex === undefined) {
    const text = `${who}: ${pciAddress} is no VF; expected the PCI address of a VF, and a PF is attached by host-device`;
    throw new LanyardError("invalid", text);
  }
  if (pfName === undefined) {
    const text = `${who}: the PF ${pfAddress} of VF ${pciAddress} has no link on the node, by which the VF would be set`;
    throw new LanyardError("unavailable", text);
  }
  if (link === undefined) refuseWithoutLink(pciFunction, pciAddress, who);
  return {
    type: "sriov",
    pciAddress,
    ...(device !== undefined && { device }),
    ...(link !== undefined && { link }),
    pf: pfName,
    vfIndex,
    settings,
  };
}

/** Where the device plugin described the device, and where the attachment's copy is; none for a device without such a file. */
export function deviceInfoOf(
  device: UsedDevice | undefined,
  { pod, reference, sources }: Pick<Resolving, "pod" | "reference" | "sources">,
): AttachmentRequest["deviceInfo"] {
  if (device === undefined) return undefined;
  const own = sources.devices.findDevice(device.resource, device.id);
  if (own !== undefined && own.access.deviceInfo === undefined) return undefined;
  const folders = sources.deviceInfo ?? DEVICE_INFO_FOLDERS;
  return {
    source: join(folders.devices, deviceInfoFileName(device.resource, device.id)),
    path: join(folders.attachments, attachmentInfoFileName(pod.uid, reference.interfaceName)),
  };
}

/** Whether a device is known by a PCI address, which plugins are told it by. */
export function isPciDevice({ resource, id }: UsedDevice, { sources }: Resolving): boolean {
  const own = sources.devices.findDevice(resource, id);
  return own === undefined || isFunctionDevice(own) ? readPciAddress(id) !== undefined : false;
}

/** The link that the interface is now had another name on the node. */
function heldLink(
  { held }: Resolving,
  isSame: (held: HostDeviceRequest | SriovRequest) => boolean,
): string | undefined {
  if (held?.type !== "hostDevice" && held?.type !== "sriov") return undefined;
  return isSame(held) ? held.link : undefined;
}

/** A function without a link is fine where a program drives it. */
function refuseWithoutLink(
  pciFunction: FunctionPlace | undefined,
  id: string | undefined,
  who: string,
): void {
  const driver = pciFunction?.driver;
  if (driver !== undefined && isForPrograms(driver)) return;
  const why =
    pciFunction !== undefined && driver === undefined
      ? "no driver is bound to it"
      : "it is in a pod now, or its driver makes none";
  throw new LanyardError("unavailable", `${who}: device ${id} has no link on the node: ${why}`);
}
