import { decodeText } from "../../netlink/attribute.ts";
import type { LinkReference } from "./client.ts";
import { type EthtoolIoctls, makeStructure } from "./ioctl.ts";

/** Command (include/uapi/linux/ethtool.h). */
const ETHTOOL_GDRVINFO = 0x03;

/** struct ethtool_drvinfo: the command, five texts, 12 reserved bytes and five numbers. */
const DRIVER_INFO_SIZE = 196;
const TEXTS_OFFSET = 4;
const TEXT_SIZE = 32;

/** The driver of a link; texts are empty where it does not tell. */
export interface DriverInfo {
  readonly driver: string;
  /** The kernel's own release, for a driver that came with it. */
  readonly version: string;
  readonly firmware: string;
  /** Where the device is on its bus, such as its PCI address. */
  readonly bus: string;
}

/** Asks for a link's driver, which netlink cannot be asked for. Throws NetlinkError when the kernel refuses. */
export async function getDriverInfo(ioctls: EthtoolIoctls, link: LinkReference): Promise<DriverInfo> {
  const structures = [makeStructure(DRIVER_INFO_SIZE, ETHTOOL_GDRVINFO)];
  const operation = "read the driver";
  const [answer] = await ioctls.ask({ link, operation, subject: "information about itself", structures });
  return decodeDriverInfo(answer ?? new Uint8Array());
}

/** Reads a struct ethtool_drvinfo; texts it is too short for are empty. */
export function decodeDriverInfo(structure: Uint8Array): DriverInfo {
  const text = (position: number) => {
    const start = TEXTS_OFFSET + position * TEXT_SIZE;
    return decodeText(structure.subarray(start, start + TEXT_SIZE));
  };
  return { driver: text(0), version: text(1), firmware: text(2), bus: text(3) };
}
