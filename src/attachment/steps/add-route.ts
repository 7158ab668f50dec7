import { ENODEV } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { StepHandler } from "./step.ts";

/** What the kernel says of a route that is not there (fib_table_delete, net/ipv4/fib_trie.c). */
const ESRCH = 3;

/** The pod gets a route by way of its link. */
export interface AddRouteStep {
  readonly kind: "addRoute";
  readonly link: string;
  /** CIDR form. */
  readonly destination: string;
  readonly gateway?: string;
}

export const addRoute: StepHandler<AddRouteStep, null> = {
  kind: "addRoute",

  async observe() {
    return null;
  },

  async apply({ pod, podLinks }, step) {
    const link = await podLinks.get(step.link);
    await pod.routes.add({
      destination: step.destination,
      link: link.index,
      ...(step.gateway === undefined ? {} : { gateway: step.gateway }),
    });
  },

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.routes.delete({
        destination: step.destination,
        link: link.index,
        ...(step.gateway === undefined ? {} : { gateway: step.gateway }),
      });
    } catch (error) {
      if (!isErrno(error, ESRCH, ENODEV)) throw error;
    }
  },

  livesOn: (step) => step.link,
};
