import { decodeText } from "./netlink/attribute.ts";

/** What happened (enum kobject_action, include/linux/kobject.h), in the kernel's spelling. */
export type UeventAction = "add" | "remove" | "change" | "move" | "online" | "offline" | "bind" | "unbind";

/** Something that happened to a device. */
export interface Uevent {
  /** A newer kernel may know other words. */
  readonly action: UeventAction | (string & {});
  /** The device's folder below /sys, such as `/devices/pci0000:00/0000:00:02.0`. */
  readonly devicePath: string;
  /** The folder it was in before a `move`, which is what the kernel calls a renaming. */
  readonly oldDevicePath: string | undefined;
  /** `pci`, `net`. */
  readonly subsystem: string | undefined;
  /** The driver it has; undefined also with `unbind`, when it has left. */
  readonly driver: string | undefined;
  /** Address of a PCI device, such as `0000:00:02.0`. */
  readonly pciAddress: string | undefined;
  /** Name and index of a network device. */
  readonly linkName: string | undefined;
  readonly link: number | undefined;
  /** Counts all events of the machine, also those of other network namespaces. */
  readonly sequence: number | undefined;
  /** Everything that was told, by the kernel's names. */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * Reads an event as the kernel tells it: `ACTION@PATH`, then `NAME=VALUE` as often as needed, each closed by a zero
 * byte (lib/kobject_uevent.c). Undefined for anything else, such as what udev sends.
 */
export function decodeUevent(datagram: Uint8Array): Uevent | undefined {
  const [summary = "", ...lines] = splitAtZeros(datagram);
  const at = summary.indexOf("@");
  if (at < 1 || summary[at + 1] !== "/") return undefined;
  const properties = Object.fromEntries(
    lines.flatMap((line) => {
      const equals = line.indexOf("=");
      return equals < 1 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
    }),
  );
  return {
    action: summary.slice(0, at),
    devicePath: summary.slice(at + 1),
    oldDevicePath: properties.DEVPATH_OLD,
    subsystem: properties.SUBSYSTEM,
    driver: properties.DRIVER,
    pciAddress: properties.PCI_SLOT_NAME,
    linkName: properties.INTERFACE,
    link: readNumber(properties.IFINDEX),
    sequence: readNumber(properties.SEQNUM),
    properties,
  };
}

function splitAtZeros(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const zero = bytes.indexOf(0, start);
    const end = zero < 0 ? bytes.length : zero;
    texts.push(decodeText(bytes.subarray(start, end)));
    start = end + 1;
  }
  return texts;
}

function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
