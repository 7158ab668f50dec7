import { basename, join } from "node:path";
import { AUXILIARY_DEVICES } from "./auxiliary-function.ts";
import {
  isThere,
  linkTarget,
  listDevices,
  listFolder,
  mapDevices,
  readCount,
  readNumber,
  readText,
  told,
} from "./files.ts";
import { linkFoldersBelow } from "./function-links.ts";
import { type NetDeviceFacts, readNetDeviceIn } from "./net-device.ts";
import { PCI_DEVICES } from "./pci-function.ts";

/** A link as sysfs tells of it, without netlink. Other links are told by name. */
export interface SysfsLink extends NetDeviceFacts {
  readonly name: string;
  /** The kernel's number of the link; a free one where none is told. */
  readonly index: number;
  /** Empty where none is told. */
  readonly mac: string;
  /** Bytes; 0 where it is not told. */
  readonly mtu: number;
  /** rtnetlink kind as far as drivers tell it here (`vlan`, `bridge`, `bond`, `macvlan`); undefined otherwise. */
  readonly kind?: string;
  /** True where nothing is told against it; so is `hasCarrier`. */
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  /** RFC 2863 state in the kernel's words; `unknown` where it is not told. */
  readonly operState: string;
  /** The bridge or bond the link is a port of. */
  readonly master?: string;
  /** The links it stands on, the ports of a bridge or bond included; sorted. */
  readonly lowers: readonly string[];
  /** What it is a port of on its card, in the driver's words: `p0`, `pf0vf3`. */
  readonly physicalPortName?: string;
  /** Hexadecimal; the same for the ports of one switch. */
  readonly physicalSwitchId?: string;
  readonly isLoopback: boolean;
}

/** A link with what it says of its neighbours, before each knows what the others say. */
interface ReadLink {
  readonly link: Omit<SysfsLink, "index" | "lowers">;
  readonly index: number | undefined;
  /** Number of the one link it stands on, its own where there is none. */
  readonly parent: number | undefined;
  readonly lowers: readonly string[];
  readonly uppers: readonly string[];
  readonly ports: readonly string[];
}

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x10000;

/** States in which nothing passes; a link in another one has its carrier, or does not tell. */
const STATES_WITHOUT_CARRIER = new Set(["down", "lowerlayerdown", "notpresent"]);

/** By their names. `root` is `/`, or a folder that stands for it. A link that goes while it is read is left out. */
export async function readSysfsLinks(root: string): Promise<SysfsLink[]> {
  const sysfs = join(root, "sys");
  const folders = new Map((await foldersOfFunctions(sysfs)).map((folder) => [basename(folder), folder]));
  // Devices alone: there are files, too (`bonding_masters`).
  for (const { name } of await listDevices(join(sysfs, "class/net")))
    folders.set(name, join(sysfs, "class/net", name));
  const names = [...folders.keys()].sort();
  const links = await mapDevices(names, (name) => readLink(name, folders.get(name) as string));
  return relate(links.filter((link) => link !== undefined));
}

/** Folders of the links of functions: a tree that was laid out may have them there alone, and not in their class. */
async function foldersOfFunctions(sysfs: string): Promise<string[]> {
  const lists = await Promise.all(
    [PCI_DEVICES, AUXILIARY_DEVICES].map(async (bus) => {
      const folders = (await listFolder(join(sysfs, bus))).map((name) => join(sysfs, bus, name));
      return await mapDevices(folders, async (folder) => linkFoldersBelow(folder, await listFolder(folder)));
    }),
  );
  return lists.flat(2);
}

async function readLink(name: string, folder: string): Promise<ReadLink | undefined> {
  const entries = await listFolder(folder);
  const namesAfter = (prefix: string) =>
    entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  const [
    index,
    parent,
    mac,
    mtu,
    flags,
    carrier,
    operState,
    uevent,
    master,
    port,
    switchId,
    bridgePorts,
    bondPorts,
  ] = await Promise.all([
    readCount(join(folder, "ifindex")),
    readCount(join(folder, "iflink")),
    readText(join(folder, "address")),
    readCount(join(folder, "mtu")),
    readNumber(join(folder, "flags")),
    readCount(join(folder, "carrier")),
    readText(join(folder, "operstate")),
    readText(join(folder, "uevent")),
    linkTarget(join(folder, entries.includes("master") ? "master" : "brport/bridge")),
    readText(join(folder, "phys_port_name")),
    readText(join(folder, "phys_switch_id")),
    entries.includes("brif") ? listFolder(join(folder, "brif")) : [],
    entries.includes("bonding") ? readText(join(folder, "bonding/slaves")) : "",
  ]);
  const device = await readNetDeviceIn(folder);
  if (!(await isThere(folder))) return undefined;
  const isUp = flags === undefined || (flags & IFF_UP) !== 0;
  const kind = kindOf(entries, uevent ?? "");
  return {
    link: {
      name,
      mac: mac ?? "",
      mtu: mtu ?? 0,
      isUp,
      hasCarrier: carrierOf(carrier, flags, operState, isUp),
      operState: operState || "unknown",
      isLoopback: device.linkType === "loopback" || (device.linkType === undefined && name === "lo"),
      ...device,
      ...told({
        kind,
        master,
        physicalPortName: port || undefined,
        physicalSwitchId: switchId || undefined,
      }),
    },
    index: index === undefined || index === 0 ? undefined : index,
    // Of a veth, which has no kind here, the number is that of its other end, in whatever namespace that is.
    parent: uevent === undefined || kind !== undefined ? parent : undefined,
    lowers: namesAfter("lower_"),
    uppers: namesAfter("upper_"),
    ports: [...bridgePorts, ...(bondPorts ?? "").split(/\s+/)].filter((each) => each !== ""),
  };
}

/** `carrier` cannot be read while a link is down; the kernel's own file of flags never has IFF_LOWER_UP. */
function carrierOf(
  carrier: number | undefined,
  flags: number | undefined,
  operState: string | undefined,
  isUp: boolean,
): boolean {
  if (carrier !== undefined) return carrier !== 0;
  if (flags !== undefined && (flags & IFF_LOWER_UP) !== 0) return true;
  return isUp && !STATES_WITHOUT_CARRIER.has(operState ?? "");
}

/**
 * DEVTYPE is the kind of a virtual link (SET_NETDEV_DEVTYPE); of a link with a device it says what sort of card that
 * is (`wlan`, `wwan`).
 */
function kindOf(entries: readonly string[], uevent: string): string | undefined {
  if (entries.includes("device")) return undefined;
  const said = /^DEVTYPE=(\S+)$/m.exec(uevent)?.[1];
  if (said !== undefined) return said;
  if (entries.includes("bridge")) return "bridge";
  return entries.includes("bonding") ? "bond" : undefined;
}

/** Gives every link an index, and what others say of it. */
function relate(links: readonly ReadLink[]): SysfsLink[] {
  const taken = new Set<number>();
  const indexes = links.map(({ index }) => {
    if (index === undefined || taken.has(index)) return undefined;
    taken.add(index);
    return index;
  });
  let free = 1;
  const nextFree = () => {
    while (taken.has(free)) free += 1;
    taken.add(free);
    return free;
  };
  return links.map(({ link, index, parent, lowers, ports }, at) => {
    const isBelow = (other: ReadLink) =>
      other.uppers.includes(link.name) ||
      (parent !== undefined && other.index === parent && parent !== index);
    const below = links.filter(isBelow).map((other) => other.link.name);
    const master = link.master ?? links.find((other) => other.ports.includes(link.name))?.link.name;
    return {
      ...link,
      index: indexes[at] ?? nextFree(),
      ...(master === undefined ? {} : { master }),
      lowers: [...new Set([...lowers, ...ports, ...below])].sort(),
    };
  });
}
