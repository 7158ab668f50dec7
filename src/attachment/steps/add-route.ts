import { ENODEV, ESRCH } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { RouteSpec } from "../../linux/route/route.ts";
import type { PreparedHandler } from "./step.ts";

/** The pod gets a route by way of its link. */
export interface AddRouteStep {
  readonly kind: "addRoute";
  readonly link: string;
  /** CIDR form. */
  readonly destination: string;
  readonly gateway?: string;
}

export const addRoute: PreparedHandler<AddRouteStep, null> = {
  kind: "addRoute",

  prepare: async ({ pod }, step, link) => [pod.routes.prepareAdd(routeOf(step, link))],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.routes.delete(routeOf(step, link.index));
    } catch (error) {
      // ESRCH is what the kernel says of a route that is not there (fib_table_delete, net/ipv4/fib_trie.c).
      if (!isErrno(error, ESRCH, ENODEV)) throw error;
    }
  },
};

function routeOf({ destination, gateway }: AddRouteStep, link: number): RouteSpec {
  return { destination, link, ...(gateway === undefined ? {} : { gateway }) };
}
