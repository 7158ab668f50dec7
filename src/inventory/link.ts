/** A link of the node as far as pools and health care, as the kernel last described it. */
export interface NodeLink {
  readonly name: string;
  /** Further names of it (IFLA_ALT_IFNAME); none where only sysfs tells of it. */
  readonly altNames: readonly string[];
  /** The kernel's number of the link in its namespace. */
  readonly index: number;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** rtnetlink kind (`veth`, `bridge`); undefined for a physical link. */
  readonly kind?: string;
  /** `ether`, `infiniband`, as ip(8) names hardware types; undefined for others than the common ones. */
  readonly linkType?: string;
  /** Administratively up (IFF_UP). */
  readonly isUp: boolean;
  /** The other end is there (IFF_LOWER_UP); says nothing while the link is down. */
  readonly hasCarrier: boolean;
  /** RFC 2863 state in the kernel's words: `up`, `down`, `lowerlayerdown`, `unknown`. */
  readonly operState: string;
  /** Bits per second; undefined where the driver knows none. */
  readonly speed?: number;
  /** Undefined where the kernel knows none. */
  readonly numaNode?: number;
  readonly driver?: string;
  readonly pciAddress?: string;
  /** Index of the bridge, bond or team the link is a port of. */
  readonly master?: number;
  /** Indexes of the links it stands on: a VLAN's parent. The ports of a bridge or bond say so by `master`. */
  readonly lowers: readonly number[];
  /** What it is a port of on its card, in the driver's words: `p0`, `pf0vf3`. */
  readonly physicalPortName?: string;
  /** Hexadecimal; the same for the ports of one switch. */
  readonly physicalSwitchId?: string;
  /** A default route of the node leaves by this link. */
  readonly hasDefaultRoute: boolean;
  readonly isLoopback: boolean;
}
