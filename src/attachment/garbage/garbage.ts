import type { AttachmentOwner } from "../../model/attachment.ts";
import type { PodIdentity } from "../../model/pod.ts";
import { podKey } from "../../model/pod.ts";
import type { EntryState } from "../journal/journal.ts";

/** An attachment as the garbage collector sees it. */
export interface Surveyed {
  /** Its number in the journal. */
  readonly id: number;
  readonly pod: PodIdentity;
  readonly interfaceName: string;
  /** Absent where no runtime asked for it. */
  readonly owner?: AttachmentOwner;
  readonly state: EntryState;
  /** Whether the pod's network namespace is there. */
  readonly hasNamespace: boolean;
}

/** What the garbage collector needs of the engine. */
export interface Collectable {
  /** Every attachment of which it can be seen whether its namespace is there. */
  survey(): Promise<readonly Surveyed[]>;
  /** Detaches one, in its pod's order; fine when it is gone. */
  retire(id: number): Promise<void>;
}

/** Who would know whether a pod still is. Undefined: does not answer now. */
export interface Witnesses {
  /** Ids of the runtime's sandboxes. */
  readonly sandboxes: ReadonlySet<string> | undefined;
  /** `namespace/name` of the kubelet's pods; `nobody` where there is no kubelet to ask. */
  readonly pods: ReadonlySet<string> | "nobody" | undefined;
}

export type Verdict =
  /** `isSuspect`: seen like this once more, it is released. */
  | { readonly isReleased: false; readonly isSuspect: boolean }
  /** `why` is the end of a sentence that begins with the attachment. */
  | { readonly isReleased: true; readonly why: string };

const KEPT: Verdict = { isReleased: false, isSuspect: false };

/**
 * Whether an attachment is nobody's any more. In doubt it is somebody's: a sandbox that is being made is known to no
 * runtime yet, so that it must be missed twice; and who does not answer misses nothing.
 */
export function judge(attachment: Surveyed, { sandboxes, pods }: Witnesses, wasSuspect: boolean): Verdict {
  const { state, hasNamespace, owner, pod } = attachment;
  if (state === "attaching") return KEPT;
  if (state === "detaching") return { isReleased: true, why: "it could not be taken back wholly before" };
  if (!hasNamespace) return { isReleased: true, why: "its network namespace is gone" };
  if (owner === undefined || sandboxes === undefined || pods === undefined) return KEPT;
  if (sandboxes.has(owner.sandbox)) return KEPT;
  if (pods !== "nobody" && pods.has(podKey(pod))) return KEPT;
  if (!wasSuspect) return { isReleased: false, isSuspect: true };
  const who = pods === "nobody" ? "the runtime has" : "the runtime and the kubelet have";
  return { isReleased: true, why: `${who} forgotten sandbox ${owner.sandbox}` };
}
