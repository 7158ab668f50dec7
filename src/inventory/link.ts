/** A link of the node as far as pools and health care, as the kernel last described it. */
export interface NodeLink {
  readonly name: string;
  /** The kernel's number of the link in its namespace. */
  readonly index: number;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** rtnetlink kind (`veth`, `bridge`); undefined for a physical link. */
  readonly kind?: string;
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
  /** A default route of the node leaves by this link. */
  readonly hasDefaultRoute: boolean;
  readonly isLoopback: boolean;
}
