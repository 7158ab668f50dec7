import type { NodeLink } from "../inventory/link.ts";
import type { Devlink } from "../linux/generic/devlink/devlink.ts";
import type { LinkEvents } from "../linux/link-events.ts";
import type { Links } from "../linux/route/links.ts";
import type { Vfs } from "../linux/route/vfs.ts";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import type { PciDevices } from "../linux/sysfs/pci-devices.ts";
import type { Unsubscribe } from "../model/ports.ts";

/** What provisioning needs of the kernel: a `Kernel` is one, and so is a small fake. */
export interface PfKernel {
  readonly pci: Pick<
    PciDevices,
    "get" | "setVfCount" | "setAutoprobe" | "bind" | "release" | "unbind" | "reset"
  >;
  readonly host: {
    readonly links: Pick<Links, "list" | "set">;
    readonly vfs: Pick<Vfs, "list" | "set">;
    readonly devlink: { readonly eswitches: Pick<Devlink["eswitches"], "get" | "set"> };
  };
  readonly linkEvents: Pick<LinkEvents, "onChange">;
}

/** What provisioning needs to know of the node: which PFs there are, and which are not to be touched. */
export interface PfSource {
  /** Only those whose links have got their last names. */
  functions(): readonly FunctionFacts[];
  links(): readonly NodeLink[];
  /** Why nothing may be done to a link (`it carries the node's default route`); undefined where everything may. */
  whyProtected(linkName: string): string | undefined;
  /** Calls back after any of it may have changed. */
  onChange(listener: () => void): Unsubscribe;
}

/** What devlink calls a PCI function. */
export function devlinkNameOf(address: string): string {
  return `pci/${address}`;
}
