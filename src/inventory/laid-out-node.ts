import { readDefaultRouteLinks } from "../linux/sysfs/default-routes.ts";
import { readFunctions } from "../linux/sysfs/functions.ts";
import { readSysfsLinks, type SysfsLink } from "../linux/sysfs/links.ts";
import { readDeviceFiles } from "./device-files.ts";
import type { NodeLink } from "./link.ts";
import type { NodeReading } from "./node.ts";

/** By this name Open vSwitch shows its datapath to the kernel (dpif_netlink_open, lib/dpif-netlink.c). */
const OPEN_VSWITCH_DATAPATH = "ovs-system";

/**
 * A node as its files tell of it, without netlink and without root. `root` stands for `/`: a folder in which a node's
 * sys, dev and proc are laid out, or `/` itself. What only the kernel tells by netlink is not known: further names of
 * links, what VFs were set to by their PF, and what cards report.
 */
export async function readLaidOutNode(root: string): Promise<NodeReading> {
  const [functions, links, deviceFiles, wayOut] = await Promise.all([
    readFunctions(root),
    readSysfsLinks(root),
    readDeviceFiles(root),
    readDefaultRouteLinks(root),
  ]);
  const indexes = new Map(links.map(({ name, index }) => [name, index]));
  const hasOpenVswitch = indexes.has(OPEN_VSWITCH_DATAPATH);
  const ofFunctions = new Set(functions.flatMap((facts) => facts.links));
  return {
    functions: functions.sort((a, b) => (a.name < b.name ? -1 : 1)),
    links: links.map((link) => ({
      ...describe(link, indexes, wayOut),
      ...(hasOpenVswitch && !ofFunctions.has(link.name) && mayBeOpenVswitch(link) && { kind: "openvswitch" }),
    })),
    deviceFiles,
    cards: new Map(),
    disabledVfs: new Set(),
    recentPciErrors: new Map(),
    unsettled: new Set(),
  };
}

function describe(
  { master, lowers, ...link }: SysfsLink,
  indexes: ReadonlyMap<string, number>,
  wayOut: ReadonlySet<string>,
): NodeLink {
  const masterIndex = master === undefined ? undefined : indexes.get(master);
  return {
    ...link,
    altNames: [],
    ...(masterIndex !== undefined && { master: masterIndex }),
    lowers: lowers.flatMap((name) => indexes.get(name) ?? []),
    hasDefaultRoute: wayOut.has(link.name),
  };
}

/** Its own links are not told from other virtual ones in sysfs: rather too many are taken for some than too few. */
function mayBeOpenVswitch({ kind, driver, pciAddress, isLoopback }: SysfsLink): boolean {
  return kind === undefined && driver === undefined && pciAddress === undefined && !isLoopback;
}
