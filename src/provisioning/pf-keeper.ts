import type { Logger } from "pino";
import { findUplink } from "../inventory/uplink.ts";
import type { DevicePolicy } from "../model/device-policy.ts";
import type { PolicyChoice, SelectablePf } from "../model/device-policy-choice.ts";
import { errorText, NotFoundError } from "../model/errors.ts";
import type { DeviceUses } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";
import { applySteps } from "./apply.ts";
import { type ObservedPf, observePf } from "./observe.ts";
import type { PfFiles } from "./pf-files.ts";
import { planPf } from "./plan.ts";
import { previousStateOf, wantedAgain } from "./previous-state.ts";
import type { PfState, PfStatus } from "./status.ts";
import { aspectsOf, describeStep, type ProvisioningStep } from "./steps.ts";
import type { ProvisioningStore, StoredPf } from "./store.ts";
import type { PfKernel, PfSource } from "./surface.ts";
import { describeUsers, findUsers, type PfUsers } from "./users.ts";
import { wantedOf } from "./wanted.ts";

/** A number of VFs, their drivers and their settings take two rounds; who needs more is changed by somebody else. */
const MOST_ROUNDS = 5;

/** Times in milliseconds. */
export interface KeeperTiming {
  /** How long a link is waited for. */
  readonly patienceMs: number;
  /** After how long what failed is tried again at first; twice that after every further time. */
  readonly leastRetryMs: number;
  readonly mostRetryMs: number;
}

export interface KeeperOptions {
  readonly kernel: PfKernel;
  readonly files: PfFiles;
  readonly node: PfSource;
  readonly uses: Pick<DeviceUses, "uses">;
  readonly store: ProvisioningStore;
  readonly log: Logger;
  readonly timing: KeeperTiming;
  readonly choose: (pf: SelectablePf) => PolicyChoice;
  /** Told when the status has changed. */
  readonly onStatus: () => void;
}

/** How one look at the PF ended. */
interface Outcome {
  readonly state: PfState;
  readonly message: string;
  /** Whether to try again after a while, though nothing may tell of a change. */
  readonly isToRetry: boolean;
}

/** Keeps one PF as its policy wants it, and brings it back when no policy does any more. */
export class PfKeeper {
  readonly address: string;
  readonly #options: KeeperOptions;
  readonly #task = new SerialTask(() => this.#work());
  readonly #stop = new AbortController();
  #status: PfStatus | undefined;
  /** The steps that failed last; they are not tried again before their time. */
  #failed: { readonly steps: string; readonly message: string; readonly until: number } | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Names of the PF's link when it was last seen on the node. */
  #names: readonly string[] | undefined;
  #seen: { readonly observed: ObservedPf; readonly users: PfUsers } | undefined;

  constructor(address: string, options: KeeperOptions) {
    this.address = address;
    this.#options = options;
  }

  /** Undefined for a PF that no policy is for and that is as it always was. */
  get status(): PfStatus | undefined {
    return this.#status;
  }

  /** Has the PF looked at, and resolves when that is done. */
  wake(): Promise<void> {
    return this.#stop.signal.aborted ? Promise.resolve() : this.#task.request();
  }

  /** Lets the step under way end, and begins no other. */
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
      if (pf === undefined) return;
      const choice = choose(pf);
      if (choice.policy === undefined && stored === undefined) {
        this.#failed = undefined;
        this.#setStatus(undefined);
        return;
      }
      const outcome = await this.#keep(pf, choice, stored).catch((error: unknown): Outcome => {
        log.warn({ pf: this.address, err: error }, "a PF could not be provisioned");
        return { state: "failed", message: errorText(error), isToRetry: true };
      });
      const isBack = choice.policy === undefined && outcome.state === "inSync";
      if (isBack) {
        store.remove(this.address);
        log.info({ pf: this.address }, "the PF is again what it was before its policy");
      }
      this.#settleRetry(outcome);
      this.#setStatus(isBack ? undefined : this.#describe(pf, choice, outcome));
    } catch (error) {
      // The store's disk is full, or a reader broke its promise: the other PFs go on.
      log.error({ pf: this.address, err: error }, "a PF could not be looked at");
      this.#settleRetry({ state: "failed", message: errorText(error), isToRetry: true });
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

  /** Undefined when the PF is not there. A PF without a link is known by the names its link had. */
  #identify(stored: StoredPf | undefined): SelectablePf | undefined {
    const { node } = this.#options;
    const facts = node.functions().find(({ name }) => name === this.address);
    if (facts === undefined) return undefined;
    const link = findUplink(node.links().filter(({ name }) => facts.links.includes(name)));
    if (link !== undefined) this.#names = [link.name, ...link.altNames];
    const names = this.#names ?? stored?.names ?? [];
    return {
      address: this.address,
      vendor: facts.vendor,
      device: facts.device,
      names,
      linkType: link?.linkType,
    };
  }

  async #keep(pf: SelectablePf, choice: PolicyChoice, before: StoredPf | undefined): Promise<Outcome> {
    const { kernel, files, uses, store, log, timing } = this.#options;
    const { policy } = choice;
    let stored = before;
    let last: readonly ProvisioningStep[] = [];
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const observed = await observePf(kernel, files, this.address);
      const users = findUsers(observed, uses.uses(), this.#subFunctions());
      this.#seen = { observed, users };
      const plan = planPf(this.#wanted(pf, policy, stored, observed), observed, users);
      if (plan.steps.length === 0) return endOf(policy, plan.faults, plan.waits);
      const user = policy === undefined ? describeUsers(users) : undefined;
      // Whoever has a VF still counts on the PF's MTU and on its being up.
      if (user !== undefined) return endOf(policy, [], [`what was there before comes back later: ${user}`]);
      const objection = this.#objection(observed, plan.steps);
      if (objection !== undefined) return objection;

      const about = { pf: pf.names[0] ?? this.address, policy: policy?.name };
      const what = plan.steps.map(describeStep).join(", ");
      log.info({ ...about, steps: plan.steps.length }, `provisioning: ${what}`);
      this.#setStatus(this.#describe(pf, choice, { state: "applying", message: what, isToRetry: false }));
      stored = remember(stored, pf, observed, plan.steps);
      store.put(stored);
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
        return { state: "applying", message: "cut off by the agent's end", isToRetry: false };
      }
      if (failures.length > 0) {
        const message = [...failures, ...plan.faults, ...waits].join("; ");
        log.warn(about, `provisioning failed: ${message}`);
        this.#rememberFailure(plan.steps, observed, message);
        await this.#lookAgain();
        return { state: "failed", message, isToRetry: true };
      }
      if (waits.length > 0) return endOf(policy, plan.faults, [...plan.waits, ...waits]);
      last = plan.steps;
    }
    const message = `it does not stay as it is made; still to do: ${last.map(describeStep).join(", ")}`;
    return { state: "failed", message, isToRetry: true };
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
      const what = steps.map(describeStep).join(", ");
      return {
        state: "failed",
        message: `${name} is left as it is: ${why}; not done: ${what}`,
        isToRetry: false,
      };
    }
    const failed = this.#failed;
    if (failed === undefined || performance.now() >= failed.until) return undefined;
    if (failed.steps !== fingerprint(steps, observed)) return undefined;
    return { state: "failed", message: failed.message, isToRetry: true };
  }

  /** What comes between the plan and its steps counts, too. */
  #userOf(vf: number | undefined, observed: ObservedPf): string | undefined {
    const users = findUsers(observed, this.#options.uses.uses(), this.#subFunctions());
    if (vf === undefined) return describeUsers(users);
    const user = users.vfs.get(vf) ?? users.pf;
    return user === undefined ? undefined : `VF ${vf} is in use by ${user}`;
  }

  #subFunctions(): string[] {
    return this.#options.node
      .functions()
      .filter(({ pf, bus }) => pf === this.address && bus === "auxiliary")
      .map(({ name }) => name);
  }

  #rememberFailure(steps: readonly ProvisioningStep[], observed: ObservedPf, message: string): void {
    const { leastRetryMs, mostRetryMs } = this.#options.timing;
    const wait = Math.min(mostRetryMs, leastRetryMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#failed = { steps: fingerprint(steps, observed), message, until: performance.now() + wait };
  }

  /** So that the status tells of the VFs as they are after a failure. */
  async #lookAgain(): Promise<void> {
    const { kernel, files, uses, log } = this.#options;
    try {
      const observed = await observePf(kernel, files, this.address);
      this.#seen = { observed, users: findUsers(observed, uses.uses(), this.#subFunctions()) };
    } catch (error) {
      if (!(error instanceof NotFoundError)) {
        log.warn({ pf: this.address, err: error }, "a PF could not be looked at after a failure");
      }
    }
  }

  #settleRetry({ state, isToRetry }: Outcome): void {
    if (!isToRetry && state !== "applying") {
      this.#failures = 0;
      this.#failed = undefined;
    }
    if (!isToRetry || this.#stop.signal.aborted) return;
    const { mostRetryMs } = this.#options.timing;
    const wait = this.#failed === undefined ? mostRetryMs : this.#failed.until - performance.now();
    this.#retry = setTimeout(() => void this.wake(), Math.max(0, wait));
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

function endOf(
  policy: DevicePolicy | undefined,
  faults: readonly string[],
  waits: readonly string[],
): Outcome {
  const message = [...faults, ...waits].join("; ");
  if (faults.length > 0) return { state: "failed", message, isToRetry: false };
  if (waits.length > 0) return { state: "waiting", message, isToRetry: false };
  return { state: policy?.externallyManaged === true ? "external" : "inSync", message, isToRetry: false };
}

/** What is to be in the store before the steps begin. */
function remember(
  stored: StoredPf | undefined,
  { address, vendor, device, names }: SelectablePf,
  observed: ObservedPf,
  steps: readonly ProvisioningStep[],
): StoredPf {
  return {
    address,
    vendor,
    device,
    names,
    previous: stored?.previous ?? previousStateOf(observed),
    touched: [...new Set([...(stored?.touched ?? []), ...aspectsOf(steps)])],
  };
}

/** What makes one attempt different from another: a rate that was refused may be taken with a carrier. */
function fingerprint(steps: readonly ProvisioningStep[], { link }: ObservedPf): string {
  const wantsCarrier = steps.some(({ kind }) => kind === "awaitCarrier");
  return JSON.stringify(wantsCarrier ? [steps, link?.hasCarrier] : steps);
}
