import { join } from "node:path";
import { linkTarget, PCI_ADDRESS, readCount, readNumber, resolvePath, told } from "./files.ts";
import { linkTypeName } from "./link-type.ts";

/** What only sysfs tells of a link (Documentation/ABI/testing/sysfs-class-net and -bus-pci). */
export interface NetDeviceFacts {
  readonly driver?: string;
  /** For example `0000:86:00.1`; of a virtio link, that of the function it is served by. */
  readonly pciAddress?: string;
  readonly numaNode?: number;
  /** Bits per second. */
  readonly speed?: number;
  /** `ether`, `infiniband`, as ip(8) names hardware types; undefined for others than the common ones. */
  readonly linkType?: string;
}

/**
 * Reads a link's facts below `sysfs` (`/sys`). What is not there, or what a driver will not tell now, is left
 * out. The files are read off the main thread, because a read of `speed` waits for the driver.
 */
export async function readNetDevice(sysfs: string, name: string): Promise<NetDeviceFacts> {
  return await readNetDeviceIn(join(sysfs, "class/net", name));
}

/** The same from the link's folder. */
export async function readNetDeviceIn(link: string): Promise<NetDeviceFacts> {
  const [device, driver, numaNode, speed, type] = await Promise.all([
    linkTarget(join(link, "device")),
    linkTarget(join(link, "device/driver")),
    readCount(join(link, "device/numa_node")),
    readNumber(join(link, "speed")),
    readCount(join(link, "type")),
  ]);
  return told({
    driver,
    pciAddress: device === undefined ? undefined : await pciAddressOf(link, device),
    numaNode,
    // In Mbit/s; -1 or 4294967295 while the link is down, and made up by veth and tun.
    speed: speed !== undefined && speed > 0 && speed < 0xffffffff ? speed * 1_000_000 : undefined,
    linkType: type === undefined ? undefined : linkTypeName(type),
  });
}

/** A virtio device is its own on the function that has it (`0000:00:03.0/virtio2`). */
async function pciAddressOf(link: string, device: string): Promise<string | undefined> {
  if (PCI_ADDRESS.test(device)) return device;
  if (!/^virtio\d+$/.test(device)) return undefined;
  const parts = (await resolvePath(join(link, "device")))?.split("/") ?? [];
  return parts.findLast((part) => PCI_ADDRESS.test(part));
}
