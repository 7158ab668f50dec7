import { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { parsePciAddress } from "../../pci.ts";
import { unlessEmpty } from "../go-json.ts";
import type { HostDevicePlugin } from "../known-plugin.ts";
import { interfaceFields, optionalLink, optionalMac, readAddressing } from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

/** Ids of devices on the auxiliary bus, `mlx5_core.sf.4`, which are found by their own folder in sysfs. */
const AUXILIARY_DEVICE = /^[\w-]+\.[\w-]+\.\d+$/;

/** The reference plugin `host-device`. Where several fields name a device, the first of them in the order below counts. */
export const hostDevice = pluginReader(
  {
    ...interfaceFields,
    device: optionalLink,
    hwaddr: optionalMac,
    kernelpath: unlessEmpty(
      z.string({ error: "a path below /sys/devices/" }).regex(/^\/sys\/devices\/(?!.*\/\.\.(\/|$))./, {
        error: "a path below /sys/devices/",
      }),
    ),
    pciBusID: unlessEmpty(z.unknown()),
  },
  (written, wishes): HostDevicePlugin | undefined => {
    const { device, hwaddr, kernelpath } = written;
    const rest = { type: "host-device", ...readAddressing(written, wishes) } as const;
    if (device !== undefined) return { ...rest, device };
    if (hwaddr !== undefined) return { ...rest, hardwareAddress: hwaddr };
    if (kernelpath !== undefined) return { ...rest, kernelPath: kernelpath };
    const { deviceID } = wishes.runtime;
    const id = deviceID ?? written.pciBusID;
    const place = `${wishes.place} ${deviceID === undefined ? "pciBusID" : "runtimeConfig.deviceID"}`;
    if (id === undefined) {
      throw new InvalidValueError(
        wishes.place,
        written,
        "one of the fields device, hwaddr, kernelpath, pciBusID",
      );
    }
    if (typeof id === "string" && AUXILIARY_DEVICE.test(id)) return undefined;
    return { ...rest, pciAddress: parsePciAddress(id, place) };
  },
);
