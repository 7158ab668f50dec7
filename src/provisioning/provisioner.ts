import type { Logger } from "pino";
import { choosePolicy, isForNode } from "../model/device-policy-choice.ts";
import type { DeviceUses, PolicySource, Unsubscribe } from "../model/ports.ts";
import { type PfFiles, SysfsPfFiles } from "./pf-files.ts";
import { type KeeperTiming, PfKeeper } from "./pf-keeper.ts";
import { type PfStatus, type PolicyStatus, statusByPolicy } from "./status.ts";
import type { ProvisioningStore } from "./store.ts";
import type { PfKernel, PfSource } from "./surface.ts";

/** Times in milliseconds. */
export interface ProvisioningTiming extends KeeperTiming {
  /** All PFs are looked at this often, whatever was announced: nobody tells of a VF's VLAN, trust and rates. */
  readonly driftMs: number;
  /** Changes come in bursts; PFs are looked at once, this long after the first. */
  readonly settleMs: number;
}

const TIMING: ProvisioningTiming = {
  driftMs: 30_000,
  settleMs: 100,
  patienceMs: 20_000,
  leastRetryMs: 1_000,
  mostRetryMs: 60_000,
};

export interface ProvisionerOptions {
  readonly kernel: PfKernel;
  readonly policies: PolicySource;
  readonly node: PfSource;
  readonly uses: DeviceUses;
  /** Labels of this node. */
  readonly labels: Readonly<Record<string, string>>;
  readonly store: ProvisioningStore;
  readonly log: Logger;
  /** The files of /sys where absent. */
  readonly files?: PfFiles;
  readonly timing?: Partial<ProvisioningTiming>;
}

/**
 * Makes the node's PFs what the policies want, side by side, keeps them so, and brings each back to what it was when no
 * policy is for it any more. What somebody uses stays until it is given back.
 */
export class Provisioner {
  readonly #options: ProvisionerOptions;
  readonly #timing: ProvisioningTiming;
  readonly #files: PfFiles;
  /**
   * By PCI address. One stays when its PF is gone: that may be for the moment in which udev names new links of the PF, in
   * the middle of the work, and a second keeper would begin beside it.
   */
  readonly #keepers = new Map<string, PfKeeper>();
  readonly #listeners = new Set<() => void>();
  readonly #subscriptions: Unsubscribe[] = [];
  #drift: NodeJS.Timeout | undefined;
  #settle: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: ProvisionerOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#files = options.files ?? new SysfsPfFiles("/sys");
  }

  /**
   * Begins, and does not wait for any PF. The policies and the node must be known by then: a PF whose policy is not
   * known would be brought back to what it was before.
   */
  start(): void {
    const { policies, node, uses } = this.#options;
    for (const source of [policies, node, uses]) {
      this.#subscriptions.push(source.onChange(() => this.#lookSoon()));
    }
    this.#drift = setInterval(() => this.#look(), this.#timing.driftMs);
    this.#drift.unref();
    this.#look();
  }

  /** Lets the steps under way end, and begins no others. What was made stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    clearInterval(this.#drift);
    clearTimeout(this.#settle);
    this.#listeners.clear();
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.stop()));
  }

  /** Resolves when every PF has been looked at as often as was asked for. */
  async settle(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.settle()));
  }

  /** The PFs that a policy is for, or that are being brought back, by their addresses. */
  status(): PfStatus[] {
    return [...this.#keepers.values()]
      .flatMap(({ status }) => status ?? [])
      .sort((a, b) => (a.pciAddress < b.pciAddress ? -1 : 1));
  }

  /** What became of every policy for this node. */
  policyStatus(): PolicyStatus[] {
    const { policies, labels } = this.#options;
    const names = policies
      .devicePolicies()
      .filter((policy) => isForNode(policy, labels))
      .map(({ name }) => name);
    return statusByPolicy(names, this.status());
  }

  /** Calls back after the status of any PF has changed. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #lookSoon(): void {
    if (this.#settle !== undefined || this.#isStopped) return;
    this.#settle = setTimeout(() => this.#look(), this.#timing.settleMs);
  }

  #look(): void {
    clearTimeout(this.#settle);
    this.#settle = undefined;
    for (const { bus, name, pf, mostVfs = 0 } of this.#options.node.functions()) {
      const isPf = bus === "pci" && pf === undefined && mostVfs > 0;
      if (isPf && !this.#keepers.has(name)) this.#keepers.set(name, this.#makeKeeper(name));
    }
    for (const keeper of this.#keepers.values()) void keeper.wake();
  }

  #makeKeeper(address: string): PfKeeper {
    const { kernel, node, uses, store, log, policies, labels } = this.#options;
    return new PfKeeper(address, {
      kernel,
      files: this.#files,
      node,
      uses,
      store,
      log,
      timing: this.#timing,
      choose: (pf) => choosePolicy(policies.devicePolicies(), pf, labels),
      arePoliciesComplete: () => policies.isComplete,
      onStatus: () => this.#tell(),
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
