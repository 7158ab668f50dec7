import { closeSync, fstatSync, openSync } from "node:fs";
import { errorText, LanyardError, NotFoundError } from "../model/errors.ts";
import { Devlink } from "./generic/devlink/devlink.ts";
import { Ethtool } from "./generic/ethtool/ethtool.ts";
import { namespaceCookie } from "./namespace-cookie.ts";
import { NETLINK_GENERIC, NETLINK_ROUTE } from "./netlink/socket.ts";
import { Packets } from "./packet/packets.ts";
import { Addresses } from "./route/addresses.ts";
import { BridgePorts } from "./route/bridge-ports.ts";
import { BridgeVlans } from "./route/bridge-vlans.ts";
import { Fdb } from "./route/fdb.ts";
import { Links } from "./route/links.ts";
import { NamespaceIds } from "./route/namespace-ids.ts";
import { Neighbours } from "./route/neighbours.ts";
import { Routes } from "./route/routes.ts";
import { Classes } from "./route/tc/class.ts";
import { Filters } from "./route/tc/filter.ts";
import { Qdiscs } from "./route/tc/qdisc.ts";
import { Vfs } from "./route/vfs.ts";
import { SYSCTL_READ_REASONS, SYSCTL_WRITE_REASONS, sysctlPath, sysctlText } from "./sysctl.ts";
import { LinkIoctls } from "./worker/ioctls.ts";
import type { Job, JobResult } from "./worker/jobs.ts";
import { NetlinkClient, type NetlinkCounts } from "./worker/netlink-client.ts";
import type { JobRunner } from "./worker/pool.ts";
import { type NamespacePlace, type Prepared, perform } from "./worker/prepared.ts";

/**
 * One network namespace, opened. Holding it keeps the namespace alive, and with it a VF that should go home;
 * so it is held for one operation: `await using pod = await kernel.namespace(path)`. The descriptor is closed
 * when the last request in flight has ended, also those nobody waits for.
 */
export class Namespace implements AsyncDisposable {
  /** How the namespace is named in errors and logs. */
  readonly name: string;
  readonly links: Links;
  readonly bridgePorts: BridgePorts;
  readonly bridgeVlans: BridgeVlans;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly neighbours: Neighbours;
  readonly fdb: Fdb;
  readonly packets: Packets;
  readonly qdiscs: Qdiscs;
  readonly classes: Classes;
  readonly filters: Filters;
  readonly namespaceIds: NamespaceIds;
  readonly vfs: Vfs;
  readonly devlink: Devlink;
  readonly ethtool: Ethtool;
  readonly #runner: JobRunner;
  readonly #place: NamespacePlace;
  readonly #fd: number;
  readonly #isOwn: boolean;
  #inFlight = 0;
  #isDisposed = false;

  /**
   * The process' own namespace needs no entering; its descriptor is for naming it as a destination. `identity` tells
   * its changes, which keep their order, from those of other namespaces (see `namespaceIdentity`).
   */
  constructor(
    name: string,
    fd: number,
    isOwn: boolean,
    runner: JobRunner,
    counts: NetlinkCounts,
    identity = name,
  ) {
    this.name = name;
    this.#fd = fd;
    this.#isOwn = isOwn;
    this.#runner = runner;
    this.#place = { enter: () => this.#enter(), keyPrefix: identity };
    const client = new NetlinkClient(runner, NETLINK_ROUTE, this.#place, counts);
    this.links = new Links(client, name);
    this.bridgePorts = new BridgePorts(client, name);
    this.bridgeVlans = new BridgeVlans(client, name);
    this.addresses = new Addresses(client, name);
    this.routes = new Routes(client, name);
    this.neighbours = new Neighbours(client, name);
    this.fdb = new Fdb(client, name);
    this.packets = new Packets(runner, this.#place, name);
    this.qdiscs = new Qdiscs(client);
    this.classes = new Classes(client);
    this.filters = new Filters(client);
    this.namespaceIds = new NamespaceIds(client);
    this.vfs = new Vfs(client, name);
    const generic = new NetlinkClient(runner, NETLINK_GENERIC, this.#place, counts);
    this.devlink = new Devlink(generic, name);
    this.ethtool = new Ethtool(generic, new LinkIoctls(runner, this.#place), name);
  }

  /** The open descriptor, for messages that name this namespace as a destination (IFLA_NET_NS_FD). */
  get fd(): number {
    this.#refuseWhenDisposed();
    return this.#fd;
  }

  /** SO_NETNS_COOKIE: tells whether a path still leads to the same namespace. Throws as `namespaceCookie` does. */
  cookie(): bigint {
    return namespaceCookie(this.fd, this.name);
  }

  /**
   * Writes a `net.` sysctl as seen from inside: `setSysctl("ipv4/conf/net1/arp_notify", "1")`. Throws
   * InvalidValueError for a name that is none (see `sysctlPath`), and LanyardError that says why it cannot be written.
   */
  async setSysctl(name: string, value: string): Promise<void> {
    await perform(this.#runner, [this.prepareSetSysctl(name, value)]);
  }

  /** `setSysctl`, to be sent with other requests. */
  prepareSetSysctl(name: string, value: string): Prepared<void> {
    const path = sysctlPath(name);
    return {
      operation: `write "${value}" to ${path} in ${this.name}`,
      job: { do: "writeFile", path, text: sysctlText(value) },
      place: this.#place,
      lane: "change",
      key: `${this.#place.keyPrefix}/${path}`,
      reasons: SYSCTL_WRITE_REASONS,
      read: () => {},
    };
  }

  /** Reads a `net.` sysctl as seen from inside, without the closing line feed. Throws as `setSysctl` does. */
  async sysctl(name: string): Promise<string> {
    const [value] = await perform(this.#runner, [this.prepareSysctl(name)]);
    return value;
  }

  /** `sysctl`, to be sent with other requests. */
  prepareSysctl(name: string): Prepared<string> {
    const path = sysctlPath(name);
    return this.#prepareRead(
      { do: "readFile", path },
      `read ${path} in ${this.name}`,
      (result) => (result.did === "readFile" ? result.text.trimEnd() : undefined),
      SYSCTL_READ_REASONS,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#closeWhenUnused();
  }

  #prepareRead<T>(
    job: Job,
    operation: string,
    pick: (result: JobResult) => T | undefined,
    reasons: Readonly<Record<number, string>> = {},
  ): Prepared<T> {
    const read = (result: JobResult) => {
      const value = pick(result);
      if (value === undefined)
        throw new LanyardError("internal", `${operation}: a worker answered ${result.did}`);
      return value;
    };
    return { operation, job, place: this.#place, lane: "read", reasons, read };
  }

  #enter(): { fd: number | undefined; leave: () => void } {
    this.#refuseWhenDisposed();
    this.#inFlight += 1;
    return {
      fd: this.#isOwn ? undefined : this.#fd,
      leave: () => {
        this.#inFlight -= 1;
        this.#closeWhenUnused();
      },
    };
  }

  #closeWhenUnused(): void {
    if (this.#isDisposed && this.#inFlight === 0) closeSync(this.#fd);
  }

  #refuseWhenDisposed(): void {
    if (!this.#isDisposed) return;
    throw new LanyardError("internal", `the network namespace ${this.name} is used after it was closed`);
  }
}

/** The same for every path that leads to one namespace. */
export function namespaceIdentity(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}

/**
 * Opens the namespace file at `path`. Throws NotFoundError when there is none, and another LanyardError when there
 * may be one that cannot be opened now.
 */
export function openNamespaceFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "ESRCH"].includes(code)) {
      const expected = "expected a path such as /run/netns/NAME";
      throw new NotFoundError(`no network namespace at ${path} (${code}); ${expected}`, { cause: error });
    }
    throw new LanyardError("kernel", `the network namespace ${path} cannot be opened: ${errorText(error)}`, {
      cause: error,
    });
  }
}
