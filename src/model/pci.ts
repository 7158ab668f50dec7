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

/** Orders ids of devices: PCI addresses by their numbers, and before everything else, which is ordered as text. */
export function compareDeviceIds(one: string, other: string): number {
  const [a, b] = [pciNumber(one), pciNumber(other)];
  if (a !== undefined && b !== undefined) return a - b;
  if (a !== undefined || b !== undefined) return a === undefined ? 1 : -1;
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A PCI address as one number, in which the domain counts most. */
function pciNumber(id: string): number | undefined {
  const [domain, bus, device, number] = readPciAddress(id)?.split(/[:.]/) ?? [];
  if (number === undefined) return undefined;
  const [d = 0, b = 0, s = 0, f = 0] = [domain, bus, device, number].map((part) =>
    Number.parseInt(part ?? "", 16),
  );
  // Not by shifting: a domain of eight digits goes beyond 32 bits.
  return ((d * 0x100 + b) * 0x20 + s) * 8 + f;
}
