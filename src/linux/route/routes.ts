import { LanyardError } from "../../model/errors.ts";
import { EACCES, EHOSTUNREACH, EINVAL, ENOENT } from "../errno.ts";
import { isErrno } from "../netlink/error.ts";
import {
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "../netlink/message.ts";
import type { DumpResult, NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { AF_INET, AF_INET6 } from "./ip.ts";
import {
  decodeRoute,
  encodeRoute,
  encodeRouteDump,
  encodeRouteLookup,
  MAIN_TABLE,
  type Route,
  type RouteFilter,
  type RouteLookup,
  type RouteSpec,
  RTM_DELROUTE,
  RTM_NEWROUTE,
} from "./route.ts";

/** What the kernel says of a lookup that ends at a route of these types (fib_props, net/ipv4/fib_semantics.c). */
const LOOKUP_REASONS = {
  [EINVAL]: "a blackhole route leads there, or nothing can be sent to or from such an address",
  [EACCES]: "the route that leads there prohibits it",
  [EHOSTUNREACH]: "the route that leads there makes it unreachable, or there is none on that link",
};

/** The routing tables of one network namespace. */
export class Routes {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Adds a route. Throws InvalidValueError, and NetlinkError; EEXIST when the same route stands already. */
  async add(route: RouteSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(route));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(route: RouteSpec): Prepared<void> {
    return this.#prepare("add", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  }

  /**
   * Adds a route beside those with the same destination, table and priority: of IPv4 before them, so that it is the one that
   * is taken; of IPv6 as one more next hop. Throws NetlinkError; EEXIST when the very same route stands already.
   */
  async prepend(route: RouteSpec): Promise<void> {
    await this.#client.send(this.preparePrepend(route));
  }

  /** `prepend`, to be sent with other requests. */
  preparePrepend(route: RouteSpec): Prepared<void> {
    return this.#prepare("add", RTM_NEWROUTE, NLM_F_CREATE, route);
  }

  /** As `prepend`, but of IPv4 behind the others, so that it is taken when they are gone. */
  async append(route: RouteSpec): Promise<void> {
    await this.#client.send(this.#prepare("add", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route));
  }

  /** Adds a route, or puts it in the place of the one with the same destination, table and priority. */
  async replace(route: RouteSpec): Promise<void> {
    await this.#client.send(this.prepareReplace(route));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(route: RouteSpec): Prepared<void> {
    return this.#prepare("replace", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
  }

  /**
   * Removes a route; what `list` gave can be given here. With IPv4 everything the route says must be so, also what
   * stands for an absent value (protocol `static`). Throws NetlinkError with ESRCH (3) when there is none.
   */
  async delete(route: RouteSpec): Promise<void> {
    await this.#client.send(this.prepareDelete(route));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(route: RouteSpec): Prepared<void> {
    return this.#prepare("remove", RTM_DELROUTE, 0, route);
  }

  /** The route a packet to this address would take. Throws NetlinkError; ENETUNREACH (101) when there is none. */
  async get(destination: string, lookup: RouteLookup = {}): Promise<Route> {
    const from = lookup.source === undefined ? "" : ` from ${lookup.source}`;
    const by = lookup.link === undefined ? "" : ` by link ${lookup.link}`;
    const operation = `look up the route to ${destination}${from}${by} in ${this.#place}`;
    const message = encodeRouteLookup(destination, lookup);
    const options = { lane: "read", reasons: LOOKUP_REASONS } as const;
    const [answer] = await this.#client.request(operation, message, options);
    const route = answer === undefined ? undefined : decodeRoute(answer.payload);
    if (route === undefined) throw new LanyardError("internal", `${operation}: the answer holds no route`);
    return route;
  }

  /**
   * The routes of the main table, or those asked for, which the kernel then picks; both families. Throws NetlinkError
   * with ENODEV when the link of the filter is not there.
   */
  async list(filter: RouteFilter = {}): Promise<{ routes: Route[]; isInconsistent: boolean }> {
    const families =
      filter.family === undefined ? [AF_INET, AF_INET6] : [filter.family === "ipv4" ? AF_INET : AF_INET6];
    const dumps = await Promise.all(families.map((family) => this.#dump(family, filter)));
    return {
      routes: dumps.flatMap(({ entries }) => entries),
      isInconsistent: dumps.some(({ isInconsistent }) => isInconsistent),
    };
  }

  async #dump(family: number, filter: RouteFilter): Promise<DumpResult<Route>> {
    const { table = MAIN_TABLE, link } = filter;
    const ofLink = link === undefined ? "" : ` by link ${link}`;
    const operation = `list ${family === AF_INET ? "IPv4" : "IPv6"} routes${ofLink} of table ${table} in ${this.#place}`;
    try {
      const request = encodeRouteDump(family, NLM_F_DUMP, filter);
      return await this.#client.dump(operation, request, ({ payload }) => decodeRoute(payload));
    } catch (error) {
      // A table is made with its first route.
      if (isErrno(error, ENOENT)) return { entries: [], isInconsistent: false };
      throw error;
    }
  }

  #prepare(verb: string, type: number, flags: number, route: RouteSpec): Prepared<void> {
    const [first] = route.nextHops ?? [];
    const link = route.link ?? first?.link;
    return this.#client.prepare(
      `${verb} ${describe(route)} in ${this.#place}`,
      encodeRoute(type, NLM_F_ACK | flags, route),
      { key: link === undefined ? `route ${route.destination}` : String(link) },
      () => {},
    );
  }
}

function describe(route: RouteSpec): string {
  const { nextHops = [{ link: route.link, gateway: route.gateway }], type = "unicast" } = route;
  const hops = nextHops.map(({ link, gateway }) => {
    const via = gateway === undefined ? "" : ` via ${gateway}`;
    return `${via}${link === undefined ? "" : ` on link ${link}`}`;
  });
  const kind = type === "unicast" ? "" : `${type} `;
  const table = route.table === undefined ? "" : ` of table ${route.table}`;
  return `${kind}route ${route.destination}${hops.join(" and")}${table}`;
}
