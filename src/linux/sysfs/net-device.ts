import { join } from "node:path";
import { linkTarget, PCI_ADDRESS, readNumber } from "./files.ts";

/** What sysfs tells of a link (Documentation/ABI/testing/sysfs-class-net and -bus-pci). */
export interface NetDeviceFacts {
  readonly driver?: string;
  /** For example `0000:86:00.1`. */
  readonly pciAddress?: string;
  readonly numaNode?: number;
  /** Bits per second. */
  readonly speed?: number;
}

/**
 * Reads a link's facts below `root` (`/sys`). What is not there, or what a driver will not tell now, is left
 * out. The files are read off the main thread, because a read of `speed` waits for the driver.
 */
export async function readNetDevice(root: string, name: string): Promise<NetDeviceFacts> {
  const link = join(root, "class/net", name);
  const [device, driver, numa, speed] = await Promise.all([
    linkTarget(join(link, "device")),
    linkTarget(join(link, "device/driver")),
    readNumber(join(link, "device/numa_node")),
    readNumber(join(link, "speed")),
  ]);
  return {
    ...(driver === undefined ? {} : { driver }),
    ...(device !== undefined && PCI_ADDRESS.test(device) ? { pciAddress: device } : {}),
    // -1 means that there is none.
    ...(numa !== undefined && numa >= 0 ? { numaNode: numa } : {}),
    // In Mbit/s; -1 or 4294967295 while the link is down, and made up by veth and tun.
    ...(speed !== undefined && speed > 0 && speed < 0xffffffff ? { speed: speed * 1_000_000 } : {}),
  };
}
