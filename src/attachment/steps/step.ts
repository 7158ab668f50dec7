import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import type { Prepared } from "../../linux/worker/prepared.ts";
import type { CniResult } from "../../model/cni/result.ts";
import type { PluginRunner } from "../../model/ports.ts";
import type { LinkLookup } from "../link/lookup.ts";

/** What a step may touch while it is applied. */
export interface ApplyContext {
  readonly kernel: Kernel;
  /** The pod's network namespace, open for this operation. */
  readonly pod: Namespace;
  /** Where another program finds that namespace. */
  readonly namespacePath: string;
  readonly podLinks: LinkLookup;
  readonly hostLinks: LinkLookup;
  readonly programs: PluginRunner;
  readonly outcome: Outcome;
}

/** What the steps of one attachment come to, for those that go on from it. */
export interface Outcome {
  /** What a runtime would be told now. */
  soFar(): Promise<CniResult>;
  /** A program has said what it is now. */
  replace(result: CniResult): void;
}

/** What a step may look at when it is compared with what is there. */
export interface CheckContext {
  readonly kernel: Kernel;
  readonly pod: Namespace;
  readonly namespacePath: string;
  readonly podLinks: LinkLookup;
  readonly hostLinks: LinkLookup;
  readonly programs: PluginRunner;
  /** What the attachment came to when it was made. */
  readonly result: CniResult;
}

/** What a step may touch while it is undone. */
export interface UndoContext {
  readonly kernel: Kernel;
  /** Undefined when the pod's namespace is gone, and with it every virtual link that was in it. */
  readonly pod: Namespace | undefined;
  /** Undefined when the namespace is. */
  readonly namespacePath: string | undefined;
  readonly programs: PluginRunner;
  /** What the attachment had come to; undefined when it was never whole. */
  readonly result: CniResult | undefined;
  /** Links of the pod that go away with this undoing, so that what is on them need not be taken off. */
  readonly leaving: ReadonlySet<string>;
  /** For the log: one sentence about what cannot be brought back, and is no reason to try again. */
  readonly tell: (sentence: string) => void;
}

/**
 * What one kind of step does. A step is plain data in the journal; its handler is found by its kind.
 *
 * A step that failed, timed out or was cut off by SIGKILL may have happened, wholly or in part, or not at all:
 * `undo` looks first and is fine with each, also when it was undone before.
 */
interface CommonHandler<Step extends { readonly kind: string }, Before> {
  readonly kind: Step["kind"];
  /**
   * Looks at what is there, for `undo` to bring it back, as plain data. Throws when the step cannot be done, before
   * anything is touched. Absent where there is nothing to look at.
   */
  observe?(context: ApplyContext, step: Step): Promise<Before>;
  undo(context: UndoContext, step: Step, before: Before): Promise<void>;
  /**
   * One sentence for everything that is not as the step made it: what, as it was made, as it is. Absent for a kind that
   * leaves nothing to look at.
   */
  check?(context: CheckContext, step: Step, before: Before): Promise<readonly string[]>;
  /** The pod's link this step brings, and which its undo takes away with everything on it; undefined: none. */
  readonly brings?: (step: Step) => string | undefined;
  /** Whether what it made is still there after a reboot, so that it must be undone then too. */
  readonly outlivesReboot?: boolean;
}

/** A kind that needs answers of the kernel while it goes on. */
export interface ActionHandler<Step extends { readonly kind: string }, Before>
  extends CommonHandler<Step, Before> {
  apply(context: ApplyContext, step: Step, before: Before): Promise<void>;
}

/**
 * A kind whose requests are all known beforehand, and travel to the kernel together with those of its neighbours
 * that are about the same link.
 */
export interface PreparedHandler<Step extends { readonly kind: string }, Before>
  extends CommonHandler<Step, Before> {
  /** The requests, in order; `link` is the index of the pod's link the step is about. */
  prepare(context: ApplyContext, step: Step, link: number): Promise<readonly Prepared<unknown>[]>;
}
