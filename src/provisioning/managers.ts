import type { Logger } from "pino";
import { keepManagersOff, letManagersIn } from "../linux/udev-rules.ts";
import { isForNode } from "../model/device-policy-choice.ts";
import { errorText } from "../model/errors.ts";
import type { PolicySource, Unsubscribe } from "../model/ports.ts";
import { SerialTask } from "../model/serial-task.ts";

export interface ManagersOptions {
  readonly policies: PolicySource;
  /** Labels of this node. */
  readonly labels: Readonly<Record<string, string>>;
  /** `/`, or a folder that stands for it. */
  readonly root: string;
  readonly log: Logger;
}

/**
 * Keeps the node's network managers off VFs for as long as a policy for this node makes or uses some. What is on the
 * node besides is no business of ours then, and theirs again.
 */
export class Managers {
  readonly #options: ManagersOptions;
  readonly #task = new SerialTask(() => this.#apply());
  #unsubscribe: Unsubscribe | undefined;

  constructor(options: ManagersOptions) {
    this.#options = options;
  }

  /** Resolves when the rules stand: before the first VF is made. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.policies.onChange(() => void this.#task.request());
    await this.#task.request();
  }

  /** The rules stay: VFs stay, too. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    await this.#task.settle();
  }

  async #apply(): Promise<void> {
    const { policies, labels, root, log } = this.#options;
    const isWanted = policies.devicePolicies().some((policy) => isForNode(policy, labels));
    try {
      await (isWanted ? keepManagersOff(root) : letManagersIn(root));
    } catch (error) {
      log.warn(`NetworkManager and systemd-networkd may take VFs: ${errorText(error)}`);
    }
  }
}
