import { ENODEV, ESRCH } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { Route, RouteSpec } from "../../linux/route/route.ts";
import type { RouteRequest } from "../request.ts";
import type { PreparedHandler } from "./step.ts";

/**
 * The pod gets a route by way of its link. One to the same network by another interface stays beside it, as with the
 * reference plugins: the one that came last is taken.
 */
export interface AddRouteStep extends RouteRequest {
  readonly kind: "addRoute";
  readonly link: string;
}

export const addRoute: PreparedHandler<AddRouteStep, null> = {
  kind: "addRoute",

  prepare: async ({ pod }, step, link) => [pod.routes.preparePrepend(routeVia(step, link))],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined) return;
    try {
      await pod.routes.delete(routeVia(step, link.index));
    } catch (error) {
      // ESRCH is what the kernel says of a route that is not there (fib_table_delete, net/ipv4/fib_trie.c).
      if (!isErrno(error, ESRCH, ENODEV)) throw error;
    }
  },

  async check({ pod, podLinks }, step) {
    const link = await podLinks.find(step.link);
    if (link === undefined) return [];
    const { routes } = await pod.routes.list({
      link: link.index,
      ...(step.table === undefined ? {} : { table: step.table }),
    });
    const same = routes.filter(({ destination }) => destination === step.destination);
    if (same.some((route) => isAs(route, step, link.index))) return [];
    const there = same.length === 0 ? "none to there" : same.map(describe).join(", ");
    return [`${step.link} was given the route ${describeRequest(step)}, and has ${there}`];
  },
};

/** A route as the kernel is asked for it. */
export function routeVia(route: RouteRequest, link: number): RouteSpec {
  const { destination, gateway, mtu, advertisedMss, priority, table, scope } = route;
  return {
    destination,
    link,
    ...(gateway === undefined ? {} : { gateway }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(advertisedMss === undefined ? {} : { advmss: advertisedMss }),
    ...(priority === undefined ? {} : { priority }),
    ...(table === undefined ? {} : { table }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function isAs(route: Route, wanted: AddRouteStep, link: number): boolean {
  const { gateway, mtu, advertisedMss, priority } = wanted;
  return (
    // Of IPv6 the kernel makes one route of all that lead to one network, with a next hop for each.
    route.nextHops.some((hop) => hop.link === link && hop.gateway === gateway) &&
    (mtu === undefined || route.mtu === mtu) &&
    (advertisedMss === undefined || route.advmss === advertisedMss) &&
    (priority === undefined || route.priority === priority)
  );
}

function describeRequest({ advertisedMss, link: _, ...route }: AddRouteStep): string {
  return describe({ ...route, ...(advertisedMss === undefined ? {} : { advmss: advertisedMss }) });
}

function describe(
  route: Pick<RouteSpec, "destination" | "gateway" | "mtu" | "advmss" | "priority"> &
    Partial<Pick<Route, "nextHops">>,
): string {
  const gateway = route.gateway ?? route.nextHops?.[0]?.gateway;
  const words = [
    route.destination,
    ...(gateway === undefined ? [] : [`via ${gateway}`]),
    ...(route.priority === undefined ? [] : [`of priority ${route.priority}`]),
    ...(route.mtu === undefined ? [] : [`with MTU ${route.mtu}`]),
    ...(route.advmss === undefined ? [] : [`with segments of ${route.advmss}`]),
  ];
  return words.join(" ");
}
