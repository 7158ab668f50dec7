import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import type { Prepared } from "../../linux/netlink/prepared.ts";
import type { Link } from "../../linux/route/link.ts";
import type { LinkLookup } from "../link-lookup.ts";

/** What a step may touch while it is applied. */
export interface ApplyContext {
  readonly kernel: Kernel;
  /** The pod's network namespace, open for this operation. */
  readonly pod: Namespace;
  readonly podLinks: LinkLookup;
  readonly hostLinks: LinkLookup;
}

/** What a step may touch while it is undone. */
export interface UndoContext {
  readonly kernel: Kernel;
  /** Undefined when the pod's namespace is gone, and with it every virtual link that was in it. */
  readonly pod: Namespace | undefined;
  /** Links of the pod that go away with this undoing, so that what is on them need not be taken off. */
  readonly leaving: ReadonlySet<string>;
}

/**
 * What one kind of step does that looks before it acts. A step is plain data in the journal; its handler is found by its kind. `Before`
 * is what was there before, as plain data: what `undo` must bring back.
 *
 * A step that failed, timed out or was cut off by SIGKILL may have happened, wholly or in part, or not at all:
 * `undo` looks first and is fine with each.
 */
export interface ActionHandler<Step extends { readonly kind: string }, Before> extends CommonHandler<Step> {
  /** Looks at what is there. Throws when the step cannot be done, before anything is touched. */
  observe(context: ApplyContext, step: Step): Promise<Before>;
  apply(context: ApplyContext, step: Step, before: Before): Promise<void>;
  undo(context: UndoContext, step: Step, before: Before): Promise<void>;
  /** The pod's link this step brings, and which its undo takes away with everything on it. */
  readonly brings?: (step: Step) => string;
}

/**
 * What a kind of step does that only sets something on a link which an earlier step brought: it needs no look at
 * what was there before, taking the link away undoes it, and it can be sent together with its neighbours.
 */
export interface SettingHandler<Step extends { readonly kind: string; readonly link: string }>
  extends CommonHandler<Step> {
  /** The requests that set it, in order. `link` is the step's link in the pod. */
  prepare(pod: Namespace, step: Step, link: Link): readonly Prepared<unknown>[];
  /** Takes it back while the link stays. */
  undo(context: UndoContext, step: Step): Promise<void>;
}

interface CommonHandler<Step extends { readonly kind: string }> {
  readonly kind: Step["kind"];
}
