import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { DeviceBook } from "../clients/device-book.ts";
import type { PodResourcesClient } from "../clients/pod-resources.ts";
import { Inventory } from "../inventory/inventory.ts";
import type { NodeReading } from "../inventory/node.ts";
import { NodeWatch } from "../inventory/node-watch.ts";
import { selectablePfs } from "../inventory/selectable-pfs.ts";
import { DevicePluginDoor } from "../kubelet/door.ts";
import { DefaultRouteMonitor } from "../linux/default-route-events.ts";
import type { Kernel } from "../linux/kernel.ts";
import { UeventMonitor } from "../linux/uevents.ts";
import { poolsOfPolicies } from "../model/device-policy-pools.ts";
import type { FunctionPoolConfig } from "../model/pool-config.ts";
import type { HeldLinks, PolicySource } from "../model/ports.ts";
import { Managers } from "../provisioning/managers.ts";
import { Provisioner } from "../provisioning/provisioner.ts";
import { ProvisioningStore } from "../provisioning/store.ts";
import type { ConfigurationWatch } from "./configuration-watch.ts";
import type { Folders } from "./folders.ts";
import { prepareDevices } from "./preparation.ts";

/** How long the start waits for a kubelet that does not answer. */
const KUBELET_PATIENCE_MS = 2_000;

export interface DevicePartsOptions {
  readonly kernel: Kernel;
  readonly kubelet: PodResourcesClient;
  readonly configuration: ConfigurationWatch;
  readonly folders: Folders;
  readonly held: HeldLinks;
  /** Undefined where nobody keeps policies: PFs are then left as they are. */
  readonly policies: PolicySource | undefined;
  readonly log: Logger;
}

/** Everything about the node's devices: what there is, what is made of it, who has it, and what the kubelet is told. */
export class DeviceParts {
  readonly node: NodeWatch;
  readonly inventory: Inventory;
  readonly book: DeviceBook;
  readonly door: DevicePluginDoor;
  readonly #options: DevicePartsOptions;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #stack = new AsyncDisposableStack();
  readonly #policyStack = new AsyncDisposableStack();
  #provisioner: Provisioner | undefined;

  constructor(options: DevicePartsOptions) {
    const { kernel, kubelet: client, configuration, folders, held, log } = options;
    this.#options = options;
    const { provisioning, cdi, kubelet } = configuration.atStart;
    this.#labels = { "kubernetes.io/hostname": hostname(), ...provisioning.nodeLabels };
    const uevents = new UeventMonitor();
    this.#stack.defer(() => uevents.close());
    const defaultRoutes = new DefaultRouteMonitor();
    this.#stack.defer(() => defaultRoutes.close());
    const inventoryLog = log.child({ part: "inventory" });
    this.node = new NodeWatch({ kernel, uevents, defaultRoutes, root: "/", log: inventoryLog });
    this.book = new DeviceBook({ client, log: log.child({ part: "pod resources" }) });
    this.inventory = new Inventory({
      node: this.node,
      pools: configuration.pools(),
      morePools: (reading) => this.#poolsOfPolicies(reading),
      held,
      uses: this.book,
      log: inventoryLog,
    });
    this.door = new DevicePluginDoor({
      pools: this.inventory,
      kubeletDir: folders.kubelet,
      ...(kubelet.pluginsRegistry !== undefined && { pluginsRegistry: kubelet.pluginsRegistry }),
      ...(cdi.enabled && { cdi: { directory: cdi.directory } }),
      deviceInfo: { directory: folders.deviceInfo },
      uses: this.book,
      prepare: (devices) =>
        prepareDevices({ pci: kernel.pci, inventory: this.inventory, log }, this.#provisioner, devices),
      log: log.child({ part: "device plugin" }),
    });
  }

  get provisioner(): Provisioner | undefined {
    return this.#provisioner;
  }

  /** The policies must be known by now: a PF whose policy is not known would be brought back to what it was before. */
  async start(): Promise<void> {
    const { kernel, configuration, folders, policies, log } = this.#options;
    this.#stack.defer(() => this.node.stop());
    await this.node.start();
    this.#stack.defer(() => this.book.stop());
    this.book.start();
    // What pods have stays in its pool from the first list on.
    await this.#untilTold(this.book.refresh());
    this.#stack.defer(() => this.inventory.stop());
    this.inventory.start();
    const reconfigure = () => this.inventory.configure(configuration.pools());
    this.#stack.defer(configuration.onChange(reconfigure));
    if (policies === undefined) return;
    this.#policyStack.defer(policies.onChange(reconfigure));
    const part = log.child({ part: "provisioning" });
    const managers = new Managers({ policies, labels: this.#labels, root: "/", log: part });
    this.#policyStack.defer(() => managers.stop());
    await managers.start();
    const store = new ProvisioningStore(join(folders.state, "provisioning.sqlite"));
    this.#policyStack.defer(() => store.close());
    const { node, book: uses } = this;
    const provisioner = new Provisioner({
      kernel,
      policies,
      node,
      uses,
      labels: this.#labels,
      store,
      log: part,
    });
    this.#provisioner = provisioner;
    this.#policyStack.defer(() => provisioner.stop());
    provisioner.start();
  }

  /** Ends the work on PFs, whose state another agent may hold from then on. What the kubelet is told goes on. */
  async stopProvisioning(): Promise<void> {
    await this.#policyStack.disposeAsync();
  }

  /** The door is stopped apart, before it, because others stop between the two. */
  async stop(): Promise<void> {
    await this.stopProvisioning();
    await this.#stack.disposeAsync();
  }

  async #untilTold(answer: Promise<void>): Promise<void> {
    const patience = new AbortController();
    const late = sleep(KUBELET_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([answer, late]);
    patience.abort();
  }

  #poolsOfPolicies(reading: NodeReading): FunctionPoolConfig[] {
    const { configuration, policies } = this.#options;
    const all = policies?.devicePolicies() ?? [];
    if (all.length === 0) return [];
    const { resourcePrefix, health } = configuration.current;
    const pools = poolsOfPolicies(all, selectablePfs(reading), this.#labels, resourcePrefix);
    return pools.map((pool) => ({ ...pool, health }));
  }
}
