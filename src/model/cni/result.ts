/**
 * What an ADD came to, in the words of CNI specification 1.1.0, "ADD Success". Results of older versions are read into
 * this form and written from it; what an attachment tells a runtime is this too.
 */
export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

/** One interface that was made, or that belongs to one in the pod. */
export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Path of the network namespace it is in; absent for one on the node. */
  readonly sandbox?: string;
  /** Of a socket that stands for the interface (vhost-user). */
  readonly socketPath?: string;
  /** PCI address of the function it is, `0000:86:00.1`. */
  readonly pciID?: string;
}

/** An address that an interface has. */
export interface CniIp {
  /** CIDR form. */
  readonly address: string;
  readonly gateway?: string;
  /** Position in `interfaces` of the one that has it; absent when it is not said. */
  readonly interface?: number;
}

export interface CniRoute {
  /** CIDR form. */
  readonly dst: string;
  /** Next hop. */
  readonly gw?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Maximal segment size of TCP that is told to others, in bytes. */
  readonly advmss?: number;
  /** The kernel's metric: of two routes the one with the lower number is taken. */
  readonly priority?: number;
  /** Number of the routing table; the main one when absent. */
  readonly table?: number;
  /** Number as rtnetlink has it: 0 universe, 253 link, 254 host. */
  readonly scope?: number;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** What a plugin that made nothing gives. */
export const EMPTY_RESULT: CniResult = { interfaces: [], ips: [], routes: [], dns: {} };
