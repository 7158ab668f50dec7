import { join } from "node:path";
import { readText } from "./files.ts";

/** What a PCI function is, as it tells in its configuration space. */
export interface PciIdentity {
  /** Four hexadecimal digits each, in lower case. */
  readonly vendor: string;
  readonly device: string;
  /** Six hexadecimal digits: class, subclass, interface. */
  readonly class: string;
}

/**
 * Reads it from the function's folder: from `vendor`, `device` and `class`, or from `modalias` what these do not tell.
 * Undefined where neither tells all of it, as for a function that is not there.
 */
export async function readPciIdentity(folder: string): Promise<PciIdentity | undefined> {
  const [vendor, device, deviceClass] = await Promise.all([
    readHex(join(folder, "vendor"), 4),
    readHex(join(folder, "device"), 4),
    readHex(join(folder, "class"), 6),
  ]);
  if (vendor !== undefined && device !== undefined && deviceClass !== undefined)
    return { vendor, device, class: deviceClass };
  const alias = parseModalias((await readText(join(folder, "modalias"))) ?? "");
  const told = {
    vendor: vendor ?? alias?.vendor,
    device: device ?? alias?.device,
    class: deviceClass ?? alias?.class,
  };
  return told.vendor === undefined || told.device === undefined || told.class === undefined
    ? undefined
    : (told as PciIdentity);
}

/**
 * `pci:v00008086d0000154Csv...sd...bc02sc00i00`: numbers of 32 bits and then the three parts of the class, in upper case
 * (modalias_show, drivers/pci/pci-sysfs.c).
 */
export function parseModalias(text: string): PciIdentity | undefined {
  const form = /^pci:v0{4}([0-9a-f]{4})d0{4}([0-9a-f]{4})sv.*bc([0-9a-f]{2})sc([0-9a-f]{2})i([0-9a-f]{2})$/i;
  const found = form
    .exec(text)
    ?.slice(1)
    .map((digits) => digits.toLowerCase());
  if (found === undefined) return undefined;
  const [vendor, device, base, sub, programming] = found as [string, string, string, string, string];
  return { vendor, device, class: `${base}${sub}${programming}` };
}

async function readHex(path: string, digits: number): Promise<string | undefined> {
  const text = (await readText(path))?.toLowerCase().replace(/^0x/, "");
  if (text === undefined || text.length > digits || !/^[0-9a-f]+$/.test(text)) return undefined;
  // The kernel writes all digits; who lays out a tree may leave out zeros before the first.
  return text.padStart(digits, "0");
}
