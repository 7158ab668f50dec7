import { ENODEV } from "../../linux/errno.ts";
import type { Kernel } from "../../linux/kernel.ts";
import type { Namespace } from "../../linux/namespace.ts";
import { isErrno } from "../../linux/netlink/error.ts";

/**
 * Deletes a virtual link and returns as soon as it is gone: at the kernel's announcement, which comes long
 * before the acknowledgement of the request. `which` is its name or index; a link that is not there is fine.
 */
export async function removeLink(
  kernel: Kernel,
  namespace: Namespace,
  which: string | number,
): Promise<void> {
  const { namespaceIds } = kernel.host;
  const [link, , known] = await kernel.perform([
    namespace.links.prepareFind(which),
    // Without an id here the namespace's announcements would not be heard.
    namespaceIds.prepareEnsure(namespace.fd),
    namespaceIds.prepareFind(namespace.fd),
  ]);
  if (link === undefined) return;
  // Those of the node's own namespace carry none.
  const id = namespace === kernel.host ? undefined : known;
  const end = kernel.linkEvents.expectEnd(link.index, id);
  const acknowledged = namespace.links.delete(link.index).catch((error: unknown) => {
    if (!isErrno(error, ENODEV)) throw error;
  });
  try {
    await Promise.race([end.announced, acknowledged]);
  } finally {
    end.cancel();
    // When the announcement won, the link is gone and nothing that is said later changes that.
    acknowledged.catch(() => {});
  }
}
