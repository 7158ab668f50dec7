import { findUplink } from "../inventory/uplink.ts";
import { ENODEV, EOPNOTSUPP } from "../linux/errno.ts";
import { isErrno } from "../linux/netlink/error.ts";
import type { Link } from "../linux/route/link.ts";
import type { VfAttributes } from "../linux/route/vf.ts";
import { InvalidValueError, NotFoundError } from "../model/errors.ts";
import type { PfFiles } from "./pf-files.ts";
import { devlinkNameOf, type PfKernel } from "./surface.ts";

/** A link of a PF or VF, as far as provisioning cares. */
export type ObservedLink = Pick<Link, "index" | "name" | "mtu" | "isUp" | "hasCarrier">;

/** One VF as it is now. */
export interface ObservedVf {
  /** From 0. */
  readonly index: number;
  readonly address: string;
  /** Undefined while none is bound. */
  readonly driver: string | undefined;
  /** The only driver that may be bound; undefined where any may. */
  readonly driverOverride: string | undefined;
  readonly link: ObservedLink | undefined;
  /** It has a link, and that is in another network namespace. */
  readonly isLinkElsewhere: boolean;
  /** Undefined where the PF tells nothing of it. */
  readonly attributes: VfAttributes | undefined;
}

/** One PF as it is now, with its VFs in their order. */
export interface ObservedPf {
  readonly address: string;
  readonly vendor: string;
  readonly device: string;
  readonly driver: string | undefined;
  readonly link: ObservedLink | undefined;
  readonly isLinkElsewhere: boolean;
  /** Names of all links of the PF and its VFs that are on the node. */
  readonly linkNames: readonly string[];
  /** Undefined where the card has no eswitch, or its driver does not tell. */
  readonly eswitchMode: "legacy" | "switchdev" | undefined;
  /** VFs that are made get a driver at once. */
  readonly probesVfs: boolean;
  readonly mostVfs: number;
  readonly vfs: readonly ObservedVf[];
}

/**
 * Looks at a PF. Throws NotFoundError when it is not there, or when one of its VFs goes meanwhile, and
 * InvalidValueError when the function can have no VFs.
 */
export async function observePf(kernel: PfKernel, files: PfFiles, address: string): Promise<ObservedPf> {
  const pf = await kernel.pci.get(address);
  if (pf.sriov === undefined) throw new InvalidValueError("PF", address, "a function that can have VFs");
  const [functions, { links }, hasLink, eswitchMode] = await Promise.all([
    Promise.all(
      pf.sriov.vfs.map(async (vf) => {
        const [known, hasLink] = await Promise.all([kernel.pci.get(vf), files.hasLink(vf)]);
        return { ...known, hasLink };
      }),
    ),
    kernel.host.links.list(),
    files.hasLink(address),
    readEswitchMode(kernel, address),
  ]);
  const byName = new Map(links.map((link) => [link.name, link]));
  const linksOf = (names: readonly string[]) => names.flatMap((name) => byName.get(name) ?? []);
  const link = findUplink(linksOf(pf.links));
  const told = link === undefined ? [] : await kernel.host.vfs.list(link.index);
  return {
    address,
    vendor: pf.vendor,
    device: pf.device,
    driver: pf.driver,
    link,
    isLinkElsewhere: hasLink && pf.links.length === 0,
    linkNames: [pf, ...functions].flatMap((each) => each.links),
    eswitchMode,
    probesVfs: pf.sriov.autoprobe,
    mostVfs: pf.sriov.mostVfs,
    vfs: functions.map((vf, index) => ({
      index,
      address: vf.address,
      driver: vf.driver,
      driverOverride: vf.driverOverride,
      link: linksOf(vf.links)[0],
      isLinkElsewhere: vf.hasLink && vf.links.length === 0,
      attributes: told[index]?.attributes,
    })),
  };
}

async function readEswitchMode(kernel: PfKernel, address: string): Promise<ObservedPf["eswitchMode"]> {
  try {
    const { mode } = await kernel.host.devlink.eswitches.get(devlinkNameOf(address));
    return typeof mode === "string" ? mode : undefined;
  } catch (error) {
    // No devlink in this kernel, no devlink device, or one without an eswitch.
    if (error instanceof NotFoundError || isErrno(error, ENODEV, EOPNOTSUPP)) return undefined;
    throw error;
  }
}
