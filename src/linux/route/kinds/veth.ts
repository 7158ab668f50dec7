import { IFLA_IFNAME, IFLA_MTU, IFLA_NET_NS_FD, INTERFACE_HEADER_SIZE } from "../link-attributes.ts";
import type { LinkKind } from "./kind.ts";

/** VETH_INFO_PEER (include/uapi/linux/veth.h): a struct ifinfomsg followed by link attributes. */
const VETH_INFO_PEER = 1;

/** A pair of links: what enters one comes out of the other (drivers/net/veth.c). */
export interface VethSpec {
  readonly kind: "veth";
  readonly peer: {
    readonly name: string;
    /** Bytes. */
    readonly mtu?: number;
    /** Open descriptor of the namespace the peer is made in; the link's own when absent. */
    readonly namespaceFd?: number;
  };
}

export const veth: LinkKind<VethSpec> = {
  kind: "veth",
  encode: ({ peer }, data) => {
    data.nest(VETH_INFO_PEER, (nest) => {
      nest.raw(new Uint8Array(INTERFACE_HEADER_SIZE)).string(IFLA_IFNAME, peer.name);
      if (peer.mtu !== undefined) nest.u32(IFLA_MTU, peer.mtu);
      if (peer.namespaceFd !== undefined) nest.u32(IFLA_NET_NS_FD, peer.namespaceFd);
    });
  },
};
