import { statSync } from "node:fs";
import type { AttachmentDifference, AttachmentOwner } from "../model/attachment.ts";
import type { CniEnvironment } from "../model/cni/environment.ts";
import { CNI_CODES, CniFailure } from "../model/cni/error.ts";

/** An ADD or a CHECK: a call about a pod that is there. */
export type PodCall = Extract<CniEnvironment, { readonly command: "ADD" | "CHECK" }>;

/** Whose the attachments of a call are. */
export function ownerOf(call: {
  readonly containerId: string;
  readonly interfaceName: string;
}): Omit<AttachmentOwner, "network"> {
  return { sandbox: call.containerId, interfaceName: call.interfaceName };
}

/** What is done to the agent's own namespace would be done to the node. Throws CniFailure. */
export function refuseOwnNamespace({ netns, allowsOwnNamespace }: PodCall): void {
  if (allowsOwnNamespace || identify(netns) !== identify("/proc/self/ns/net")) return;
  const msg = `CNI_NETNS ${netns} is the node's own network namespace; expected the pod's`;
  throw new CniFailure("invalid", { code: CNI_CODES.ownNamespace, msg });
}

/** What a CHECK found. Throws CniFailure when that is anything. */
export function refuseDifferences(differences: readonly AttachmentDifference[]): void {
  if (differences.length === 0) return;
  throw new CniFailure("conflict", {
    code: CNI_CODES.conflict,
    msg: `${differences.length} ${differences.length === 1 ? "thing is" : "things are"} not as ADD made them`,
    details: differences.map(({ interfaceName, text }) => `${interfaceName}: ${text}`).join("; "),
  });
}

/** Undefined where there is nothing. */
function identify(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
