import { EADDRNOTAVAIL, ENODEV } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { StepHandler } from "./step.ts";

/** The pod's link gets an IP address. */
export interface AddAddressStep {
  readonly kind: "addAddress";
  readonly link: string;
  /** CIDR form. */
  readonly address: string;
}

export const addAddress: StepHandler<AddAddressStep, null> = {
  kind: "addAddress",

  async observe() {
    return null;
  },

  async apply({ pod, podLinks }, step) {
    const link = await podLinks.get(step.link);
    await pod.addresses.add(link.index, step.address);
  },

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.addresses.delete(link.index, step.address);
    } catch (error) {
      if (!isErrno(error, EADDRNOTAVAIL, ENODEV)) throw error;
    }
  },

  livesOn: (step) => step.link,
};
