import { EADDRNOTAVAIL, ENODEV } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { PreparedHandler } from "./step.ts";

/** The pod's link gets an IP address. */
export interface AddAddressStep {
  readonly kind: "addAddress";
  readonly link: string;
  /** CIDR form. */
  readonly address: string;
}

export const addAddress: PreparedHandler<AddAddressStep, null> = {
  kind: "addAddress",

  prepare: async ({ pod }, step, link) => [pod.addresses.prepareAdd(link, step.address)],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.addresses.delete(link.index, step.address);
    } catch (error) {
      if (!isErrno(error, EADDRNOTAVAIL, ENODEV)) throw error;
    }
  },
};
