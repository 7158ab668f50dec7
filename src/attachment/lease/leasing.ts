import type { RangeIpam } from "../../model/cni/known-plugin.ts";
import type { CniResult } from "../../model/cni/result.ts";
import { LanyardError } from "../../model/errors.ts";
import type { PluginProgram } from "../../model/ports.ts";
import type { Entries } from "../journal/entries.ts";
import type { AttachmentRequest } from "../request.ts";
import type { Step } from "../steps/steps.ts";
import { containerIdOf } from "../types/common.ts";
import { nextFreeAddress } from "./address-range.ts";
import type { Leased } from "./leased.ts";

/**
 * Gives out the next free address of a network's range. It is taken from the moment when the journal holds the attachment
 * with it: whoever asks must begin that before anything else is waited for. Throws LanyardError when none is free.
 */
export function leaseFromRange(entries: Entries, podNetworkName: string, range: RangeIpam): Leased {
  const { subnet, gateway, routes, dns } = range;
  const address = nextFreeAddress(
    range,
    entries.addressesOf(podNetworkName),
    entries.lastGiven({ podNetworkName, subnet }),
  );
  entries.setLastGiven({ podNetworkName, subnet }, address);
  const prefix = subnet.slice(subnet.indexOf("/"));
  return {
    ips: [{ address: `${address}${prefix}`, ...(gateway === undefined ? {} : { gateway }) }],
    routes,
    dns,
  };
}

/** The step that has a program give out addresses; none where they do not come from one. */
export function planLease(request: AttachmentRequest): Step[] {
  const { ipam, interfaceName: link, cniArgs = "" } = request;
  if (ipam?.type !== "program") return [];
  return [{ kind: "lease", link, program: ipam.program, containerId: containerIdOf(request), args: cniArgs }];
}

/** What a program gave. Throws LanyardError when that is no address. */
export function leasedBy(program: PluginProgram, result: CniResult | undefined): Leased {
  if (result === undefined || result.ips.length === 0) {
    throw new LanyardError(
      "unavailable",
      `the program ${program.type} gave no address; look into its configuration`,
    );
  }
  const { ips, routes, dns } = result;
  return { ips, routes, dns };
}
