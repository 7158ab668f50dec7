import { EEXIST, ENETUNREACH, ENODEV, ESRCH } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { Route, RouteSpec } from "../../linux/route/route.ts";
import { isIpv6 } from "../../model/address.ts";
import { errorText } from "../../model/errors.ts";
import type { ActionHandler } from "./step.ts";

/** The pod's default routes of the families of these next hops lead by way of the link, in place of those it has. */
export interface DefaultRoutesStep {
  readonly kind: "defaultRoutes";
  readonly link: string;
  readonly gateways: readonly string[];
}

/** The routes that gave way. */
export interface FormerRoutes {
  readonly routes: readonly Route[];
}

const DESTINATIONS = ["0.0.0.0/0", "::/0"];

export const defaultRoutes: ActionHandler<DefaultRoutesStep, FormerRoutes> = {
  kind: "defaultRoutes",

  async observe({ pod }, step) {
    const { routes } = await pod.routes.list({ type: "unicast" });
    const wanted = new Set(routesBy(step, 1).map(({ destination }) => destination));
    return { routes: routes.filter(({ destination }) => wanted.has(destination)) };
  },

  async apply({ kernel, pod, podLinks }, step, before) {
    const { index } = await podLinks.get(step.link);
    await kernel.perform([
      ...before.routes.map((route) => pod.routes.prepareDelete(specOf(route))),
      ...routesBy(step, index).map((route) => pod.routes.prepareAdd(route)),
    ]);
  },

  async undo({ pod, tell }, step, before) {
    if (pod === undefined) return;
    const link = await pod.links.find(step.link);
    for (const route of link === undefined ? [] : routesBy(step, link.index)) {
      await tolerating([ESRCH, ENODEV], () => pod.routes.delete(route));
    }
    for (const route of before.routes) {
      const spec = specOf(route);
      try {
        // Behind what the pod has by now. Of IPv6 two would share what the pod sends.
        await (isIpv6(spec.destination) ? pod.routes.add(spec) : pod.routes.append(spec));
      } catch (error) {
        if (isErrno(error, EEXIST)) continue;
        // By a link that is gone, or down.
        if (!isErrno(error, ENODEV, ENETUNREACH)) throw error;
        tell(`a former default route is not given back: ${errorText(error)}`);
      }
    }
  },

  async check({ pod, podLinks }, step) {
    const link = await podLinks.find(step.link);
    if (link === undefined) return [];
    const { routes } = await pod.routes.list({ type: "unicast" });
    return routesBy(step, link.index).flatMap(({ destination }) => {
      const wanted = hopsTo(destination, step);
      const found = routes
        .filter((route) => route.destination === destination)
        .flatMap(({ nextHops }) => nextHops)
        .filter((hop) => hop.link === link.index)
        .map(({ gateway }) => gateway ?? "");
      const isThere = wanted.every((gateway) => found.includes(gateway));
      if (isThere) return [];
      const there = found.length === 0 ? "none by it" : `one to ${found.join(", ")}`;
      return [`the default route by ${step.link} was made to ${wanted.join(", ")}, and there is ${there}`];
    });
  },
};

/** One route for each family; of several next hops, one that is shared among them. */
function routesBy(step: DefaultRoutesStep, link: number): RouteSpec[] {
  return DESTINATIONS.flatMap((destination): RouteSpec[] => {
    const [gateway, ...others] = hopsTo(destination, step);
    if (gateway === undefined) return [];
    if (others.length === 0) return [{ destination, link, gateway }];
    return [{ destination, nextHops: [gateway, ...others].map((each) => ({ link, gateway: each })) }];
  });
}

function hopsTo(destination: string, { gateways }: DefaultRoutesStep): string[] {
  return gateways.filter((gateway) => isIpv6(gateway) === isIpv6(destination));
}

/** A route as the kernel has it, to be asked for again. */
function specOf({ nextHops, ...route }: Route): RouteSpec {
  const [only, ...others] = nextHops;
  if (only === undefined || others.length > 0) return { ...route, nextHops };
  const { link, gateway, isOnLink } = only;
  return {
    ...route,
    isOnLink,
    ...(link === undefined ? {} : { link }),
    ...(gateway === undefined ? {} : { gateway }),
  };
}

async function tolerating(errnos: readonly number[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isErrno(error, ...errnos)) throw error;
  }
}
