import { InvalidValueError } from "../../../model/errors.ts";
import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";

/** Attributes that name a device (enum devlink_attr, include/uapi/linux/devlink.h). */
const DEVLINK_ATTR_BUS_NAME = 1;
const DEVLINK_ATTR_DEV_NAME = 2;

/** A device as devlink names it, in its two parts. */
export interface DevlinkHandle {
  readonly bus: string;
  /** The device's name on that bus, such as its PCI address. */
  readonly name: string;
}

/** Reads `pci/0000:86:00.0`. Throws InvalidValueError. */
function parseHandle(text: string): DevlinkHandle {
  const [, bus, name] = /^([!-.0-~]+)\/([!-.0-~]+)$/.exec(text) ?? [];
  if (bus === undefined || name === undefined) {
    throw new InvalidValueError("devlink device", text, "a bus and a name, such as pci/0000:86:00.0");
  }
  return { bus, name };
}

/** Writes which device is meant. Throws InvalidValueError. */
export function writeHandle(device: string, attributes: AttributeWriter): void {
  const { bus, name } = parseHandle(device);
  attributes.string(DEVLINK_ATTR_BUS_NAME, bus).string(DEVLINK_ATTR_DEV_NAME, name);
}

/** The device a message tells of, as `pci/0000:86:00.0`; undefined when it names none. */
export function handleOf(attributes: AttributeReader): string | undefined {
  const bus = attributes.string(DEVLINK_ATTR_BUS_NAME);
  const name = attributes.string(DEVLINK_ATTR_DEV_NAME);
  return bus === undefined || name === undefined ? undefined : `${bus}/${name}`;
}
