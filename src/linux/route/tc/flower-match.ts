import { InvalidValueError } from "../../../model/errors.ts";
import { wholeNumber } from "../../whole-number.ts";
import { AF_INET, parseMac, parsePrefix } from "../ip.ts";

/** What a packet's headers must say. */
export interface FlowerMatch {
  /** `02:00:00:00:00:01`, or with the bits that are looked at: `01:00:5e:00:00:00/ff:ff:ff:00:00:00`. */
  readonly destinationMac?: string;
  readonly sourceMac?: string;
  /** The first VLAN tag; the filter's protocol is then 0x8100 or 0x88a8. */
  readonly vlan?: VlanMatch;
  /** The second VLAN tag; `vlan.etherType` is then 0x8100 or 0x88a8. */
  readonly innerVlan?: VlanMatch;
  /** Number of the protocol in the IP packet: 6 for TCP, 17 for UDP. */
  readonly ipProtocol?: number;
  /** IPv4 or IPv6 address, with a prefix length for a network: `10.0.0.0/24`. */
  readonly source?: string;
  readonly destination?: string;
  /** Of TCP, UDP or SCTP, as `ipProtocol` says. */
  readonly sourcePort?: PortMatch;
  readonly destinationPort?: PortMatch;
  /** Bits of TCP's flags, and which of them are looked at: SYN without ACK is 0x02 of 0x12. */
  readonly tcpFlags?: { readonly value: number; readonly mask: number };
  /** Differentiated services code point, 0 to 63. */
  readonly dscp?: number;
}

/** What a VLAN tag must say. */
export interface VlanMatch {
  readonly id?: number;
  /** Priority code point, 0 to 7. */
  readonly priority?: number;
  /** Ethernet type behind the tag. */
  readonly etherType?: number;
}

/** A port, or all from one to another. */
export type PortMatch = number | { readonly from: number; readonly to: number };

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_SCTP = 132;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;

const IP_KEYS = ["ipProtocol", "source", "destination", "dscp"] as const;
const PORT_KEYS = ["sourcePort", "destinationPort"] as const;

/**
 * Refuses what the kernel would take and leave out, so that the filter matched more than was meant: keys of a header
 * that nothing says is there (fl_set_key in net/sched/cls_flower.c), and numbers that do not fit. Throws
 * InvalidValueError.
 */
export function checkFlowerMatch(match: FlowerMatch, protocol: "all" | number): void {
  checkTag("vlan", match.vlan, "the filter's protocol", protocol);
  checkTag("innerVlan", match.innerVlan, "vlan.etherType", match.vlan?.etherType);
  const etherType = match.innerVlan?.etherType ?? match.vlan?.etherType ?? protocol;
  for (const key of IP_KEYS) {
    if (match[key] === undefined || etherType === ETH_P_IP || etherType === ETH_P_IPV6) continue;
    refuse(key, match[key], "a filter whose Ethernet type is 0x0800 or 0x86dd");
  }
  for (const key of ["source", "destination"] as const) {
    const address = match[key];
    if (address === undefined) continue;
    const isIPv4 = parsePrefix(address).family === AF_INET;
    if (isIPv4 !== (etherType === ETH_P_IP))
      refuse(
        key,
        address,
        `an ${etherType === ETH_P_IP ? "IPv4" : "IPv6"} address, as the Ethernet type says`,
      );
  }
  for (const key of PORT_KEYS) checkPort(key, match[key], match.ipProtocol);
  if (match.tcpFlags !== undefined) {
    if (match.ipProtocol !== IPPROTO_TCP) refuse("tcpFlags", match.tcpFlags, "ipProtocol 6 with it");
    wholeNumber("tcpFlags.value of filter flower", match.tcpFlags.value, 0, 0x0fff);
    wholeNumber("tcpFlags.mask of filter flower", match.tcpFlags.mask, 1, 0x0fff);
  }
  if (match.ipProtocol !== undefined) wholeNumber("ipProtocol of filter flower", match.ipProtocol, 0, 255);
  if (match.dscp !== undefined) wholeNumber("dscp of filter flower", match.dscp, 0, 63);
  for (const key of ["destinationMac", "sourceMac"] as const)
    for (const mac of match[key]?.split("/", 2) ?? []) parseMac(mac, `${key} of filter flower`);
}

function checkTag(
  name: string,
  tag: VlanMatch | undefined,
  outer: string,
  etherType: "all" | number | undefined,
): void {
  if (tag === undefined) return;
  if (etherType !== ETH_P_8021Q && etherType !== ETH_P_8021AD)
    refuse(name, tag, `0x8100 or 0x88a8 as ${outer}`);
  if (tag.id !== undefined) wholeNumber(`${name}.id of filter flower`, tag.id, 0, 4095);
  if (tag.priority !== undefined) wholeNumber(`${name}.priority of filter flower`, tag.priority, 0, 7);
  if (tag.etherType !== undefined)
    wholeNumber(`${name}.etherType of filter flower`, tag.etherType, 0, 0xffff);
}

function checkPort(key: string, port: PortMatch | undefined, ipProtocol: number | undefined): void {
  if (port === undefined) return;
  if (ipProtocol !== IPPROTO_TCP && ipProtocol !== IPPROTO_UDP && ipProtocol !== IPPROTO_SCTP)
    refuse(key, port, "ipProtocol 6, 17 or 132 with it");
  const { from, to } = typeof port === "number" ? { from: port, to: port } : port;
  wholeNumber(`${key} of filter flower`, from, 1, 0xffff);
  wholeNumber(`${key} of filter flower`, to, 1, 0xffff);
  if (typeof port !== "number" && from >= to) refuse(key, port, "a range whose end is above its beginning");
}

function refuse(key: string, value: unknown, expected: string): never {
  throw new InvalidValueError(`${key} of filter flower`, value, expected);
}
