import type { Logger } from "pino";
import { ENODEV, EOPNOTSUPP } from "../linux/errno.ts";
import type { Devlink } from "../linux/generic/devlink/devlink.ts";
import { isErrno } from "../linux/netlink/error.ts";
import { errorText, NotFoundError } from "../model/errors.ts";
import type { CardFacts } from "./node.ts";

/** Under which name drivers tell the package in their programmable pipeline (Documentation/networking/devlink/ice.rst). */
const DDP_PACKAGE = "fw.app.name";

const NO_CARD: CardFacts = { failedReporters: [] };

/**
 * What the PCI cards of the node tell by devlink, by PCI address. A card that cannot answer is told in the log. `vfs` are
 * left out: some drivers give each a devlink of its own, and hundreds would be asked for what their card tells anyway.
 */
export async function readCards(
  devlink: Devlink,
  vfs: ReadonlySet<string>,
  log: Logger,
): Promise<ReadonlyMap<string, CardFacts>> {
  const addresses = (await listCards(devlink)).filter((address) => !vfs.has(address));
  const cards = await Promise.all(
    addresses.map(async (address) => {
      try {
        return [address, await readCard(devlink, `pci/${address}`)] as const;
      } catch (error) {
        // A card may go while it is asked.
        if (!isErrno(error, ENODEV))
          log.warn(`what the card ${address} tells is not known: ${errorText(error)}`);
        return [address, NO_CARD] as const;
      }
    }),
  );
  return new Map(cards);
}

async function listCards(devlink: Devlink): Promise<string[]> {
  try {
    const devices = await devlink.devices.list();
    return devices.flatMap(({ device }) => (device.startsWith("pci/") ? [device.slice("pci/".length)] : []));
  } catch (error) {
    // A kernel without devlink has no cards that speak it.
    if (error instanceof NotFoundError) return [];
    throw error;
  }
}

async function readCard(devlink: Devlink, device: string): Promise<CardFacts> {
  const [info, eswitch, reporters] = await Promise.all([
    unlessUnsupported(devlink.devices.info(device)),
    unlessUnsupported(devlink.eswitches.get(device)),
    unlessUnsupported(devlink.health.list(device)),
  ]);
  const ddpProfile = info?.versions.running[DDP_PACKAGE];
  const mode = eswitch?.mode;
  return {
    ...(ddpProfile !== undefined && { ddpProfile }),
    ...(mode !== undefined && { eswitchMode: String(mode) }),
    failedReporters: (reporters ?? []).filter(({ state }) => state === "error").map(({ name }) => name),
  };
}

async function unlessUnsupported<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isErrno(error, EOPNOTSUPP)) return undefined;
    throw error;
  }
}
