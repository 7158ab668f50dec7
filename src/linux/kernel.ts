import { LanyardError } from "../model/errors.ts";
import { AddressEvents } from "./address-events.ts";
import { Bpf } from "./bpf/bpf.ts";
import { LinkEvents } from "./link-events.ts";
import { Namespace, namespaceIdentity, openNamespaceFile } from "./namespace.ts";
import { EventHub } from "./netlink/events.ts";
import { PciDevices } from "./sysfs/pci-devices.ts";
import type { NetlinkCounts } from "./worker/netlink-client.ts";
import { WorkerPool } from "./worker/pool.ts";
import { type Prepared, perform, type Results } from "./worker/prepared.ts";

/**
 * The kernel as the rest of the house sees it: namespaces, what is in them, and announcements. Requests are
 * done by worker threads; announcements arrive on the thread that made this object. Needs CAP_NET_ADMIN and
 * CAP_SYS_ADMIN in the user namespace that owns the network namespaces.
 */
export class Kernel {
  /** The network namespace this process runs in. */
  readonly host: Namespace;
  readonly linkEvents: LinkEvents;
  /** The machine's PCI functions. */
  readonly pci: PciDevices;
  readonly addressEvents: AddressEvents;
  /** BPF programs and maps; they belong to no network namespace. */
  readonly bpf: Bpf;
  /** Made before the threads are started: it is what a process without the rights fails at. */
  readonly #hub = new EventHub();
  readonly #pool = new WorkerPool();
  readonly #counts: NetlinkCounts = { requests: 0, errors: 0, interruptedDumps: 0 };

  constructor() {
    this.linkEvents = new LinkEvents(this.#hub);
    this.addressEvents = new AddressEvents(this.#hub);
    this.bpf = new Bpf(this.#pool);
    this.pci = new PciDevices("/sys", this.#pool);
    const own = openNamespaceFile("/proc/thread-self/ns/net");
    this.host = this.#hold("the node's network namespace", own, true);
  }

  /** Opens the namespace at `path`, for one operation (see `Namespace`). Throws NotFoundError. */
  async namespace(path: string): Promise<Namespace> {
    return this.#hold(path, openNamespaceFile(path));
  }

  /** Makes an empty namespace that lives as long as it is held. */
  async makeNamespace(): Promise<Namespace> {
    const job = { do: "makeNamespace" } as const;
    const [result] = await this.#pool.run([{ job, namespaceFd: undefined }], { lane: "change" });
    if (result?.did !== "makeNamespace")
      throw new LanyardError("internal", "a worker made no network namespace");
    return this.#hold("a new network namespace", result.fd);
  }

  /**
   * Sends several requests, also of different namespaces, in one trip to a worker. The first that the kernel
   * refuses ends the sequence and its error is thrown; what stands before it has been done.
   */
  perform<const List extends readonly Prepared<unknown>[]>(list: List): Promise<Results<List>> {
    return perform(this.#pool, list);
  }

  /** Counts since the start, for the metrics. */
  counts(): Readonly<NetlinkCounts> & { readonly overruns: number } {
    return { ...this.#counts, overruns: this.#hub.overruns };
  }

  /** Closes the hub, lets requests in flight finish, and ends the worker threads. */
  async stop(): Promise<void> {
    this.#hub.close();
    await this.#pool.stop();
    await this.host[Symbol.asyncDispose]();
  }

  #hold(name: string, fd: number, isOwn = false): Namespace {
    return new Namespace(name, fd, isOwn, this.#pool, this.#counts, namespaceIdentity(fd));
  }
}
