import { isForPrograms } from "../inventory/drivers.ts";
import type { ObservedVf } from "./observe.ts";

/**
 * The driver that a VF has only if it is named; undefined where the kernel chooses the one it has, or it has none. Tools
 * that bind one for programs take `driver_override` away again, so that this alone does not tell.
 */
export function namedDriverOf({
  driver,
  driverOverride,
}: Pick<ObservedVf, "driver" | "driverOverride">): string | undefined {
  if (driver === undefined) return undefined;
  return driver === driverOverride || isForPrograms(driver) ? driver : undefined;
}
