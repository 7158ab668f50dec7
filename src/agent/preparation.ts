import type { Logger } from "pino";
import type { Inventory } from "../inventory/inventory.ts";
import type { PciDevices } from "../linux/sysfs/pci-devices.ts";
import { type Device, type FunctionDevice, isFunctionDevice } from "../model/device.ts";
import { LanyardError } from "../model/errors.ts";
import { resetForNewOwner } from "../provisioning/new-owner.ts";
import type { Provisioner } from "../provisioning/provisioner.ts";
import { untilSteady } from "../provisioning/steady.ts";

/** How long the pools may need to follow what the kernel has told, in milliseconds. */
const PATIENCE_MS = 2_000;

export interface PreparationParts {
  readonly pci: Pick<PciDevices, "get" | "reset">;
  readonly inventory: Pick<Inventory, "pools" | "onChange">;
  readonly log: Logger;
  /** How long the pools may need to follow; for tests. */
  readonly patienceMs?: number;
}

/**
 * Makes devices ready for the pod they are given to: nothing is being changed about them, the pools know them as they are,
 * and what an earlier owner left in them is gone. Throws LanyardError when one is not there for the pod any more.
 *
 * @param provisioner undefined where no policy changes anything
 */
export async function prepareDevices(
  { pci, inventory, log, patienceMs = PATIENCE_MS }: PreparationParts,
  provisioner: Pick<Provisioner, "status" | "onChange"> | undefined,
  devices: readonly Device[],
): Promise<void> {
  const functions = devices.filter(isFunctionDevice);
  if (provisioner === undefined) return await resetForNewOwner(pci, functions, log);
  await untilSteady(provisioner, new Set(functions.map((each) => each.pfAddress)));
  const ready = await Promise.all(
    functions.map(async ({ id, pciAddress }) => {
      const { driver } = await pci.get(pciAddress);
      return await untilOffered(inventory, id, driver, patienceMs);
    }),
  );
  await resetForNewOwner(pci, ready, log);
}

/** The device as it is offered when the pools have heard of its driver. */
async function untilOffered(
  inventory: PreparationParts["inventory"],
  id: string,
  driver: string | undefined,
  patienceMs: number,
): Promise<FunctionDevice> {
  const find = () => {
    const all = inventory.pools().flatMap((pool) => pool.devices);
    const device = all.filter(isFunctionDevice).find((each) => each.id === id);
    if (device === undefined)
      throw new LanyardError("unavailable", `${id} was taken away by a policy just now`);
    // A sub-function has a driver of its own.
    return device.kind === "auxNetDevice" || device.driver === driver ? device : undefined;
  };
  const now = find();
  if (now !== undefined) return now;
  return await new Promise((resolve, reject) => {
    const look = () => {
      try {
        const device = find();
        if (device === undefined) return;
        end();
        resolve(device);
      } catch (error) {
        end();
        reject(error);
      }
    };
    const unsubscribe = inventory.onChange(look);
    const timer = setTimeout(() => {
      end();
      reject(
        new LanyardError("unavailable", `${id} got another driver just now (${driver ?? "none"}); ask again`),
      );
    }, patienceMs);
    const end = () => {
      clearTimeout(timer);
      unsubscribe();
    };
  });
}
