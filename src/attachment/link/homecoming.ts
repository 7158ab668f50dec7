import { isForPrograms } from "../../inventory/drivers.ts";
import type { Kernel } from "../../linux/kernel.ts";
import type { Link } from "../../linux/route/link.ts";
import { LanyardError, NotFoundError } from "../../model/errors.ts";
import type { LinkIdentity } from "./identity.ts";

/** How long a physical link may be on its way home from a namespace that ended, in milliseconds. */
const HOMECOMING_MS = 2000;

/**
 * The link among the node's, and waits for a physical one that is still on its way. Undefined for one that will not come: a
 * virtual link ends with its namespace, and hardware can be unplugged or given to another driver. Throws LanyardError for
 * one that has not come yet.
 */
export async function findAtHome(
  kernel: Kernel,
  isOurs: (link: Link) => boolean,
  known: LinkIdentity,
): Promise<Link | undefined> {
  const arrival = Promise.withResolvers<Link | undefined>();
  const unsubscribe = kernel.linkEvents.onChange(
    ({ change, link, namespaceId }) => {
      if (change === "present" && namespaceId === undefined && isOurs(link)) arrival.resolve(link);
    },
    () => {},
  );
  const timer = setTimeout(() => arrival.resolve(undefined), HOMECOMING_MS);
  try {
    const found = (await kernel.host.links.list()).links.find(isOurs);
    if (found !== undefined || !known.isPhysical) return found;
    if (await hasNoLink(kernel, known)) return undefined;
    const arrived = await arrival.promise;
    if (arrived !== undefined) return arrived;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
  const who = known.device === undefined ? known.mac : `${known.device.name} (${known.mac})`;
  throw new LanyardError(
    "unavailable",
    `link ${who} has not come home from its pod yet; it is looked for again`,
  );
}

/** Whether the device is gone, or has no driver that would give it a link. */
async function hasNoLink(kernel: Kernel, { device }: LinkIdentity): Promise<boolean> {
  if (device?.bus !== "pci") return false;
  try {
    const { driver } = await kernel.pci.get(device.name);
    return driver === undefined || isForPrograms(driver);
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    throw error;
  }
}
