import { InvalidValueError } from "./errors.ts";

/**
 * The address of a PCI function as the kernel writes it, `0000:86:00.1`: domain, bus, device, function, in lower case
 * (pci_setup_device(), drivers/pci/probe.c). The domain 0000 may be left out. Undefined for what is none.
 */
export function readPciAddress(text: string): string | undefined {
  // A device has 5 bits and a function 3; domains above ffff exist where a controller makes its own.
  const match = /^(?:([\da-f]{4,8}):)?([\da-f]{2}:[01][\da-f]\.[0-7])$/i.exec(text);
  return match === null ? undefined : `${match[1] ?? "0000"}:${match[2]}`.toLowerCase();
}

/** As `readPciAddress`. Throws InvalidValueError. */
export function parsePciAddress(value: unknown, place: string): string {
  const address = typeof value === "string" ? readPciAddress(value) : undefined;
  if (address === undefined) throw new InvalidValueError(place, value, "a PCI address such as 0000:86:00.1");
  return address;
}

/** The id of a vendor or device: four hexadecimal digits, in lower case. Throws InvalidValueError. */
export function parsePciId(value: unknown, place: string): string {
  if (typeof value === "string" && /^[\da-f]{4}$/i.test(value)) return value.toLowerCase();
  throw new InvalidValueError(place, value, `four hexadecimal digits in quotes, such as "8086"`);
}
