import type { Logger } from "pino";
import { findUplink } from "../inventory/uplink.ts";
import type { DevicePolicy } from "../model/device-policy.ts";
import type { PolicyChoice, SelectablePf } from "../model/device-policy-choice.ts";
import { errorText, NotFoundError } from "../model/errors.ts";
import type { DeviceUse, DeviceUses } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import { applySteps } from "./apply.ts";
import { Attempts, type RetryTiming } from "./attempts.ts";
import { type ObservedPf, observePf } from "./observe.ts";
import type { PfFiles } from "./pf-files.ts";
import { planPf } from "./plan.ts";
import { previousStateOf, wantedAgain } from "./previous-state.ts";
import type { PfState, PfStatus } from "./status.ts";
import { aspectsOf, describeSteps, type ProvisioningStep } from "./steps.ts";
import type { ProvisioningStore, StoredPf } from "./store.ts";
import type { PfKernel, PfSource } from "./surface.ts";
import { describeUsers, findUsers, type PfUsers } from "./users.ts";
import { wantedOf } from "./wanted.ts";

/** A number of VFs, their drivers and their settings take two rounds; who needs more is changed by somebody else. */
const MOST_ROUNDS = 5;

/** Times in milliseconds. */
export interface KeeperTiming extends RetryTiming {
  /** How long a link is waited for. */
  readonly patienceMs: number;
}

export interface KeeperOptions {
  readonly kernel: PfKernel;
  readonly files: PfFiles;
  readonly node: PfSource;
  readonly uses: Pick<DeviceUses, "uses" | "isComplete">;
  readonly store: ProvisioningStore;
  readonly log: Logger;
  readonly timing: KeeperTiming;
  readonly choose: (pf: SelectablePf) => PolicyChoice;
  /** Until then, that no policy wants the PF may be a mistake. */
  readonly arePoliciesComplete: () => boolean;
  /** Told when the status has changed. */
  readonly onStatus: () => void;
}

/** How one look at the PF ended. */
interface Outcome {
  readonly state: PfState;
  readonly message: string;
}

/** Keeps one PF as its policy wants it, and brings it back when no policy does any more. */
export class PfKeeper {
  readonly address: string;
  readonly #options: KeeperOptions;
  readonly #task = new SerialTask(() => this.#work());
  readonly #stop = new AbortController();
  #status: PfStatus | undefined;
  readonly #attempts: Attempts;
  #retry: NodeJS.Timeout | undefined;
  /** The PF's link when it was last seen on the node. */
  #link: Pick<SelectablePf, "names" | "linkType"> | undefined;
  #seen: { readonly observed: ObservedPf; readonly users: PfUsers } | undefined;

  constructor(address: string, options: KeeperOptions) {
    this.address = address;
    this.#options = options;
    this.#attempts = new Attempts(options.timing);
  }

  /** Undefined for a PF that no policy is for and that is as it always was. */
  get status(): PfStatus | undefined {
    return this.#status;
  }

  /** Has the PF looked at, and resolves when that is done. */
  wake(): Promise<void> {
    return this.#stop.signal.aborted ? Promise.resolve() : this.#task.request();
  }

  /** Resolves when nothing is done to the PF, and nobody has asked for it. */
  settle(): Promise<void> {
    return this.#task.settle();
  }

  /** Lets the step under way end, and begins no other than to give drivers back that were taken for one. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#retry);
    await this.#task.settle();
  }

  async #work(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#retry);
    const { store, log, choose } = this.#options;
    try {
      const stored = this.#readStored();
      const pf = this.#identify(stored);
      if (pf === undefined) return this.#forget();
      const choice = choose(pf);
      if (choice.policy === undefined && stored === undefined) {
        this.#attempts.succeed();
        this.#setStatus(undefined);
        return;
      }
      const outcome = await this.#keep(pf, choice, stored).catch((error: unknown): Outcome => {
        log.warn({ pf: this.address, err: error }, "a PF could not be provisioned");
        return this.#fail([], errorText(error));
      });
      const isBack = choice.policy === undefined && outcome.state === "inSync";
      if (isBack) {
        store.remove(this.address);
        log.info({ pf: this.address }, "the PF is again what it was before its policy");
      }
      this.#tryAgainLater();
      this.#setStatus(isBack ? undefined : this.#describe(pf, choice, outcome));
    } catch (error) {
      // The store cannot be read or written: the other PFs may fare better.
      log.error({ pf: this.address, err: error }, "a PF could not be looked at");
      const outcome = this.#fail([], errorText(error));
      this.#tryAgainLater();
      if (this.#status !== undefined) this.#setStatus({ ...this.#status, ...outcome });
    }
  }

  /** What is stored of the PF, unless another card is in its place now. */
  #readStored(): StoredPf | undefined {
    const { store, node, log } = this.#options;
    const stored = store.find(this.address);
    const facts = node.functions().find(({ name }) => name === this.address);
    if (stored === undefined || facts === undefined) return stored;
    if (stored.vendor === facts.vendor && stored.device === facts.device) return stored;
    log.info({ pf: this.address }, "another card is in this place now: what the former one was is forgotten");
    store.remove(this.address);
    return undefined;
  }

  /** Undefined when the PF is not there. A PF without a link is known by the names and the type its link had. */
  #identify(stored: StoredPf | undefined): SelectablePf | undefined {
    const { node } = this.#options;
    const facts = node.functions().find(({ name }) => name === this.address);
    if (facts === undefined) return undefined;
    const link = findUplink(node.links().filter(({ name }) => facts.links.includes(name)));
    if (link !== undefined) this.#link = { names: [link.name, ...link.altNames], linkType: link.linkType };
    const { names, linkType } = this.#link ?? stored ?? { names: [], linkType: undefined };
    return { address: this.address, vendor: facts.vendor, device: facts.device, names, linkType };
  }

  /** The PF is not there now. What is stored of it stays: it may come back. */
  #forget(): void {
    this.#link = undefined;
    this.#seen = undefined;
    this.#setStatus(undefined);
  }

  async #keep(pf: SelectablePf, choice: PolicyChoice, before: StoredPf | undefined): Promise<Outcome> {
    const { kernel, store, log, timing } = this.#options;
    const { policy } = choice;
    let stored = before;
    let last: readonly ProvisioningStep[] = [];
    for (let round = 0; round < MOST_ROUNDS; round++) {
      this.#seen = await this.#look();
      const { observed, users } = this.#seen;
      const plan = planPf(this.#wanted(pf, policy, stored, observed), observed, users);
      if (plan.steps.length === 0) return this.#end(policy, plan.faults, plan.waits);
      if (policy === undefined && !this.#options.arePoliciesComplete()) {
        const wait =
          "what was there before comes back later: not every manifest can be read, and one may want the PF";
        return this.#end(policy, [], [wait]);
      }
      const user = policy === undefined ? describeUsers(users) : undefined;
      // Whoever has a VF still counts on the PF's MTU and on its being up.
      if (user !== undefined)
        return this.#end(policy, [], [`what was there before comes back later: ${user}`]);
      const objection = this.#objection(observed, plan.steps);
      if (objection !== undefined) return objection;

      const about = { pf: pf.names[0] ?? this.address, policy: policy?.name };
      const what = describeSteps(plan.steps);
      log.info({ ...about, steps: plan.steps.length }, `provisioning: ${what}`);
      this.#setStatus(this.#describe(pf, choice, { state: "applying", message: what }));
      const known = remember(stored, pf, observed, plan.steps);
      if (JSON.stringify(known) !== JSON.stringify(stored)) store.put(known);
      stored = known;
      const { failures, waits } = await applySteps(
        {
          kernel,
          address: this.address,
          patienceMs: timing.patienceMs,
          userOf: (vf) => this.#userOf(vf, observed),
          note: (text) => log.info(about, text),
          signal: this.#stop.signal,
        },
        plan.steps,
      );
      if (this.#stop.signal.aborted) {
        return { state: "applying", message: "cut off by the agent's end" };
      }
      if (failures.length > 0) {
        const message = [...failures, ...plan.faults, ...waits].join("; ");
        log.warn(about, `provisioning failed: ${message}`);
        await this.#lookAgain();
        return this.#fail(plan.steps, message);
      }
      last = plan.steps;
    }
    return this.#fail(last, `it does not stay as it is made; still to do: ${describeSteps(last)}`);
  }

  #wanted(
    pf: SelectablePf,
    policy: DevicePolicy | undefined,
    stored: StoredPf | undefined,
    observed: ObservedPf,
  ) {
    if (policy !== undefined) return wantedOf(policy, pf, observed.vfs.length);
    return stored === undefined ? { vfs: [] } : wantedAgain(stored.previous, stored.touched);
  }

  /** Why the steps are not begun, though they are due. */
  #objection(observed: ObservedPf, steps: readonly ProvisioningStep[]): Outcome | undefined {
    for (const name of observed.linkNames) {
      const why = this.#options.node.whyProtected(name);
      if (why === undefined) continue;
      const what = describeSteps(steps);
      return { state: "failed", message: `${name} is left as it is: ${why}; not done: ${what}` };
    }
    const message = this.#attempts.objection(steps);
    return message === undefined ? undefined : { state: "failed", message };
  }

  #fail(steps: readonly ProvisioningStep[], message: string): Outcome {
    this.#attempts.fail(steps, message);
    return { state: "failed", message };
  }

  /** Nothing more can be done now. */
  #end(policy: DevicePolicy | undefined, faults: readonly string[], waits: readonly string[]): Outcome {
    this.#attempts.succeed();
    const message = [...faults, ...waits].join("; ");
    if (faults.length > 0) return { state: "failed", message };
    if (waits.length > 0) return { state: "waiting", message };
    return { state: policy?.externallyManaged === true ? "external" : "inSync", message };
  }

  /**
   * The PF and its users as they are now. Who had a device when the look began counts as well: it may have gone from one
   * place to another meanwhile.
   */
  async #look(): Promise<{ readonly observed: ObservedPf; readonly users: PfUsers }> {
    const { kernel, files, uses } = this.#options;
    const before = uses.uses();
    const observed = await observePf(kernel, files, this.address);
    const all = [...this.#possibleUses(observed), ...before, ...uses.uses()];
    return { observed, users: findUsers(observed, all, this.#subFunctions()) };
  }

  /** What comes between the plan and its steps counts, too. */
  async #userOf(vf: number | undefined, planned: ObservedPf): Promise<string | undefined> {
    if (vf === undefined) return describeUsers((await this.#look()).users);
    const { kernel, files, uses } = this.#options;
    const known = planned.vfs[vf];
    if (known === undefined) return undefined;
    const user = findUsers(planned, [...this.#possibleUses(planned), ...uses.uses()]).vfs.get(vf);
    if (user !== undefined) return `VF ${vf} is in use by ${user}`;
    // A VF without a link has none that could be taken.
    if (known.link === undefined || !(await files.hasLink(known.address))) return undefined;
    const { links } = await kernel.pci.get(known.address);
    return links.length > 0 ? undefined : `the link of VF ${vf} was taken into another network namespace`;
  }

  /** Until the kubelet has told who has what, any VF may be a pod's. */
  #possibleUses({ vfs }: ObservedPf): DeviceUse[] {
    if (this.#options.uses.isComplete) return [];
    const user = "whoever the kubelet has not told of yet";
    return vfs.map(({ address }) => ({ resource: "", id: address, user }));
  }

  #subFunctions(): string[] {
    return this.#options.node
      .functions()
      .filter(({ pf, bus }) => pf === this.address && bus === "auxiliary")
      .map(({ name }) => name);
  }

  /** So that the status tells of the VFs as they are after a failure. */
  async #lookAgain(): Promise<void> {
    const { log } = this.#options;
    try {
      this.#seen = await this.#look();
    } catch (error) {
      if (!(error instanceof NotFoundError)) {
        log.warn({ pf: this.address, err: error }, "a PF could not be looked at after a failure");
      }
    }
  }

  /** What failed is tried again after a while, though nothing may tell of a change. */
  #tryAgainLater(): void {
    const { waitMs } = this.#attempts;
    if (waitMs === undefined || this.#stop.signal.aborted) return;
    this.#retry = setTimeout(() => void this.wake(), waitMs);
    this.#retry.unref();
  }

  #describe(pf: SelectablePf, { policy, overruled }: PolicyChoice, { state, message }: Outcome): PfStatus {
    const { observed, users } = this.#seen ?? {};
    return {
      name: observed?.link?.name ?? pf.names[0] ?? this.address,
      pciAddress: this.address,
      ...(policy === undefined ? {} : { policy: policy.name }),
      overruled: overruled.map(({ name }) => name),
      state,
      message,
      vfs: (observed?.vfs ?? []).map(({ index, address, driver }) => {
        const user = users?.vfs.get(index);
        return {
          index,
          pciAddress: address,
          ...(driver === undefined ? {} : { driver }),
          ...(user === undefined ? {} : { user }),
        };
      }),
    };
  }

  #setStatus(status: PfStatus | undefined): void {
    const isSame = JSON.stringify(status) === JSON.stringify(this.#status);
    this.#status = status;
    if (!isSame) this.#options.onStatus();
  }
}

/** What is to be in the store before the steps begin. */
function remember(
  stored: StoredPf | undefined,
  { address, vendor, device, names, linkType }: SelectablePf,
  observed: ObservedPf,
  steps: readonly ProvisioningStep[],
): StoredPf {
  return {
    address,
    vendor,
    device,
    names,
    linkType,
    previous: stored?.previous ?? previousStateOf(observed),
    touched: [...new Set([...(stored?.touched ?? []), ...aspectsOf(steps)])],
  };
}
