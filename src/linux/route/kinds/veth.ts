import { linkHeader } from "../link-header.ts";
import { type InitialSettings, type QueueSettings, writeInitialSettings } from "../link-settings.ts";
import type { LinkKind } from "./kind.ts";

/** VETH_INFO_PEER (include/uapi/linux/veth.h): a struct ifinfomsg followed by link attributes. */
const VETH_INFO_PEER = 1;

/** The other end of a pair. Without a name the kernel chooses one. */
export interface VethPeer extends InitialSettings, QueueSettings {
  /** The index it gets; the kernel heeds it only where the link itself is given one, too (veth_newlink). */
  readonly index?: number;
}

/** A pair of links: what enters one comes out of the other (drivers/net/veth.c). */
export interface VethSpec {
  readonly kind: "veth";
  /** Made in the link's own namespace, unless its `namespaceFd` says another. */
  readonly peer: VethPeer;
}

export const veth: LinkKind<VethSpec> = {
  kind: "veth",
  encode: ({ peer }, data) => {
    if (peer === undefined) return;
    data.nest(VETH_INFO_PEER, (nest) => {
      nest.raw(linkHeader(peer.index ?? 0, peer));
      writeInitialSettings(peer, nest, "the peer of a veth");
    });
  },
  fixed: ["peer"],
};
