import { readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

/** What sysfs tells of a link (Documentation/ABI/testing/sysfs-class-net and -bus-pci). */
export interface NetDeviceFacts {
  readonly driver?: string;
  /** For example `0000:86:00.1`. */
  readonly pciAddress?: string;
  readonly numaNode?: number;
  /** Bits per second. */
  readonly speed?: number;
}

const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/**
 * Reads a link's facts below `root` (`/sys`). What is not there, or what a driver will not tell now, is left
 * out. The files are read off the main thread, because a read of `speed` waits for the driver.
 */
export async function readNetDevice(root: string, name: string): Promise<NetDeviceFacts> {
  const link = join(root, "class/net", name);
  const [device, driver, numa, speed] = await Promise.all([
    linkTarget(join(link, "device")),
    linkTarget(join(link, "device/driver")),
    number(join(link, "device/numa_node")),
    number(join(link, "speed")),
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

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return basename(await readlink(path));
  } catch (error) {
    return absent(error);
  }
}

async function number(path: string): Promise<number | undefined> {
  try {
    const value = Number((await readFile(path, "utf8")).trim());
    return Number.isFinite(value) ? value : undefined;
  } catch (error) {
    return absent(error);
  }
}

/**
 * A missing file is an answer; so is EINVAL, which `speed` gives for a link that is down, and ENODEV, which every
 * file gives whose link went after it was opened.
 */
const ANSWERS = new Set(["ENOENT", "EINVAL", "ENOTDIR", "ENODEV", "EOPNOTSUPP"]);

function absent(error: unknown): undefined {
  if (ANSWERS.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
  throw error;
}
