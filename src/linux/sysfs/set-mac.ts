import { join } from "node:path";
import { readNumber } from "./files.ts";

/** NET_ADDR_SET (include/uapi/linux/netdevice.h). */
const NET_ADDR_SET = 3;

/**
 * Whether somebody told a link its MAC address, so that it keeps it: one that a bridge was not told follows its ports.
 * False where `sysfs` (`/sys`) does not have the link, as in another network namespace than the one it was mounted in.
 */
export async function hasSetMac(sysfs: string, name: string): Promise<boolean> {
  return (await readNumber(join(sysfs, "class/net", name, "addr_assign_type"))) === NET_ADDR_SET;
}
