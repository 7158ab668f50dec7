/** Operational states (RFC 2863; IF_OPER_*, include/uapi/linux/if.h), in the kernel's order. */
export const OPER_STATES = [
  "unknown",
  "notpresent",
  "down",
  "lowerlayerdown",
  "testing",
  "dormant",
  "up",
] as const;

export type OperState = (typeof OPER_STATES)[number];

/** Counters of a link, seen from the link (struct rtnl_link_stats64). Bytes include the Ethernet header. */
export interface LinkStatistics {
  readonly receivePackets: number;
  readonly transmitPackets: number;
  readonly receiveBytes: number;
  readonly transmitBytes: number;
  readonly receiveErrors: number;
  readonly transmitErrors: number;
  readonly receiveDrops: number;
  readonly transmitDrops: number;
}

/** One link as the kernel tells it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly altNames: readonly string[];
  /** Kind of a virtual link (`veth`, `macvlan`); undefined for hardware and loopback. */
  readonly kind: string | undefined;
  /** The kind's own attributes, where they are known here. */
  readonly kindData: Readonly<Record<string, unknown>> | undefined;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  readonly hasCarrier: boolean;
  /** Somebody asked for it by a flag; `promiscuity` counts everybody. */
  readonly isPromiscuous: boolean;
  readonly isAllMulticast: boolean;
  /** How many, the kernel's own parts included, want the link to take every packet, and every multicast packet. */
  readonly promiscuity: number;
  readonly allMulticast: number;
  /** Held down for a protocol's sake. */
  readonly isProtocolDown: boolean;
  readonly operState: OperState;
  /** How often its carrier came, and how often it went. */
  readonly carrierUps: number;
  readonly carrierDowns: number;
  /** Bytes. */
  readonly mtu: number;
  /** The least and the most the MTU can be, in bytes; 0 where nothing limits it. */
  readonly minMtu: number;
  readonly maxMtu: number;
  /** Empty for a link without a link-layer address. */
  readonly mac: string;
  readonly permanentMac: string | undefined;
  /** A text somebody gave it. */
  readonly alias: string | undefined;
  /** Number by which links are treated together. */
  readonly group: number;
  /** Index of the bridge, bond or VRF it belongs to. */
  readonly master: number | undefined;
  /** Kind of what it belongs to. */
  readonly portKind: string | undefined;
  /** How it stands in the bridge (`BridgePortSettings`) or bond (`BondPort`) it belongs to. */
  readonly portData: Readonly<Record<string, unknown>> | undefined;
  /** Index of the link it stands on, or of a veth's peer, in the namespace `parentNamespaceId`. */
  readonly parent: number | undefined;
  /** Namespace id of `parent` where it is another namespace. */
  readonly parentNamespaceId: number | undefined;
  /** What the link is a port of, in the driver's words: `p0` or `pf0vf3`. */
  readonly physicalPortName: string | undefined;
  /** Hexadecimal; the same for links by one port. */
  readonly physicalPortId: string | undefined;
  /** Hexadecimal; the same for the ports of one switch. */
  readonly physicalSwitchId: string | undefined;
  /** The device the link is of: `{ bus: "pci", name: "0000:86:00.1" }`. */
  readonly device: { readonly bus: string; readonly name: string } | undefined;
  readonly transmitQueues: number;
  readonly receiveQueues: number;
  /** Packets. */
  readonly transmitQueueLength: number;
  /** Largest packet handed to the link before segmentation, in bytes. */
  readonly gsoMaxSize: number;
  /** The same for IPv4; told by kernels from 6.3 on, and `gsoMaxSize` before. */
  readonly gsoIpv4MaxSize: number;
  /** The most segments such a packet may become. */
  readonly gsoMaxSegments: number;
  /** Largest packet that received ones are put together to, in bytes. */
  readonly groMaxSize: number;
  /** The same for IPv4; told by kernels from 6.3 on, and `groMaxSize` before. */
  readonly groIpv4MaxSize: number;
  /** The most the link's driver can be handed before segmentation, in bytes and segments. */
  readonly tsoMaxSize: number;
  readonly tsoMaxSegments: number;
  /** Undefined where the kernel tells none. */
  readonly statistics: LinkStatistics | undefined;
}
