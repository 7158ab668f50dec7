import type { Logger } from "pino";
import { isVfioDriver } from "../inventory/drivers.ts";
import type { PciDevices } from "../linux/sysfs/pci-devices.ts";
import { type Device, isFunctionDevice } from "../model/device.ts";
import { LanyardError } from "../model/errors.ts";

/**
 * Resets functions that a program owned and another is to own: what one left in the card, such as queues that still
 * receive, is not for the next (function level reset, PCI Express Base Specification 6.6.2). Only those on vfio: a
 * function with a network driver is the kernel's, which resets it itself. Throws LanyardError when one cannot be reset,
 * since it is in use then; a function that knows no reset is given as it is.
 */
export async function resetForNewOwner(
  pci: Pick<PciDevices, "reset">,
  devices: readonly Device[],
  log: Logger,
): Promise<void> {
  const owned = devices.filter(isFunctionDevice).filter(({ driver }) => isVfioDriver(driver));
  await Promise.all(
    owned.map(async ({ pciAddress }) => {
      try {
        await pci.reset(pciAddress);
      } catch (error) {
        if (!(error instanceof LanyardError) || error.code !== "unsupported") throw error;
        log.warn(`${pciAddress} goes to another owner as it is: ${error.message}`);
      }
    }),
  );
}
