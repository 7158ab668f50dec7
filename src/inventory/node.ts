import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import type { NodeLink } from "./link.ts";

/** What the card of a function tells by devlink. */
export interface CardFacts {
  /** Name of the package that runs in its programmable pipeline (DDP). */
  readonly ddpProfile?: string;
  /** `switchdev` shows a link for each VF's port of the card's switch. */
  readonly eswitchMode?: string;
  /** Names of health reporters that are in an error. */
  readonly failedReporters: readonly string[];
}

/** Everything that pools and health are made from: a node as it was read, live or from a laid-out tree. */
export interface NodeReading {
  readonly functions: readonly FunctionFacts[];
  /** In the node's own network namespace. */
  readonly links: readonly NodeLink[];
  /** Character devices there are, by their paths below /dev, as far as containers may want them. */
  readonly deviceFiles: ReadonlySet<string>;
  /** By PCI address; absent for what has no devlink or was not asked. */
  readonly cards: ReadonlyMap<string, CardFacts>;
  /** VFs whose link state their PF has forced down, by PCI address. */
  readonly disabledVfs: ReadonlySet<string>;
  /** Uncorrectable PCI errors that were counted lately, by PCI address. */
  readonly recentPciErrors: ReadonlyMap<string, number>;
  /** Functions whose links are still being named by udev, by name. */
  readonly unsettled: ReadonlySet<string>;
}
