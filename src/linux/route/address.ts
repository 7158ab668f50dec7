import { InvalidValueError } from "../../model/errors.ts";
import { AttributeReader, type AttributeWriter } from "../netlink/attribute.ts";
import { encodeMessage } from "../netlink/message.ts";
import { viewOf } from "../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import { AF_INET, AF_INET6, formatIp, type IpPrefix, parseIp, parsePrefix } from "./ip.ts";
import { type NameOrNumber, nameOf, numberOf } from "./names.ts";
import { SCOPES, type Scope } from "./scope.ts";

/** include/uapi/linux/rtnetlink.h, if_addr.h. */
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
/** struct ifaddrmsg: family, prefix length, flags, scope, link index. */
const HEADER_SIZE = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;
const IFA_PROTO = 11;
/** struct ifa_cacheinfo: preferred and valid lifetime in seconds, created and updated in hundredths of seconds. */
const CACHE_INFO_SIZE = 16;
/** INFINITY_LIFE_TIME (include/net/addrconf.h). */
const FOREVER = 0xffffffff;
/** A label is a link's name with something behind it, and as long (IFNAMSIZ). */
const LONGEST_LABEL = 15;

/** IFA_F_*, by the names iproute2 gives them too. One bit means `secondary` with IPv4, `temporary` with IPv6. */
const FLAGS = {
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  home: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  mngtmpaddr: 0x100,
  noprefixroute: 0x200,
  autojoin: 0x400,
  "stable-privacy": 0x800,
} as const;
const IFA_F_SECONDARY = 0x01;

/** Who made an address (IFAPROT_*, include/uapi/linux/if_addr.h). */
const PROTOCOLS = { unspec: 0, kernel_lo: 1, kernel_ra: 2, kernel_ll: 3 } as const;

/**
 * What holds of an address. While it is `tentative`, duplicate address detection goes on and nobody can use it (but
 * see `optimistic`); with `dadfailed` it found another owner.
 */
export type AddressFlag = keyof typeof FLAGS | "secondary" | "temporary";

/** Flags that can be asked for; the kernel finds the others out. */
export type SettableAddressFlag =
  /** IPv6: used at once, without asking the neighbours whether somebody has it. */
  | "nodad"
  /** IPv6: used while the neighbours are asked (needs the sysctl `optimistic_dad`). */
  | "optimistic"
  /** IPv6: a Mobile IPv6 home address. */
  | "home"
  /** IPv6: temporary addresses are made from this one's network. */
  | "mngtmpaddr"
  /** The kernel makes no route to the address' network. */
  | "noprefixroute"
  /** A multicast address whose group the kernel joins. */
  | "autojoin";

/** Seconds from the time it is set. */
export type Lifetime = number | "forever";

/** What an address may have besides itself. */
export interface AddressSettings {
  /** The other end of a point-to-point link, without a prefix length: that of the address is the peer's network. */
  readonly peer?: string;
  /** IPv4: a name for old programs, at most 15 bytes, which starts with the link's. The link's name when absent. */
  readonly label?: string;
  /** IPv4; none when absent. */
  readonly broadcast?: string;
  /** IPv4; `universe` when absent. The kernel reads that of an IPv6 address off the address. */
  readonly scope?: Scope;
  /** An IPv6 address has `nodad` when this is absent; `[]` lets the kernel look for duplicates (`waitUntilUsable`). */
  readonly flags?: readonly SettableAddressFlag[];
  /** When the address is removed; `forever` when absent. */
  readonly validLifetime?: Lifetime;
  /** When new connections no longer come from it; as long as it is valid when absent. */
  readonly preferredLifetime?: Lifetime;
  /** Of the route to the address' network; the lower, the stronger. */
  readonly metric?: number;
  /** Who made it, for programs that tell their own addresses from others'. Since Linux 5.18. */
  readonly protocol?: NameOrNumber<keyof typeof PROTOCOLS>;
}

/** An IP address of a link. */
export interface LinkAddress {
  /** Link index. */
  readonly link: number;
  /** CIDR form, such as `10.0.0.1/24`. */
  readonly address: string;
  /** The other end of a point-to-point link. */
  readonly peer: string | undefined;
  readonly label: string | undefined;
  readonly broadcast: string | undefined;
  readonly scope: Scope;
  readonly flags: readonly AddressFlag[];
  /** What is left. */
  readonly validLifetime: Lifetime;
  readonly preferredLifetime: Lifetime;
  /** Milliseconds after the system's start, to hundredths of seconds. */
  readonly createdAt: number | undefined;
  readonly updatedAt: number | undefined;
  /** Of the route to the address' network; undefined for the kernel's choice. */
  readonly metric: number | undefined;
  readonly protocol: NameOrNumber<keyof typeof PROTOCOLS> | undefined;
}

/** Which addresses are listed: all when nothing is given. */
export interface AddressFilter {
  /** Link index. */
  readonly link?: number;
  readonly family?: "ipv4" | "ipv6";
}

/**
 * An RTM_NEWADDR or RTM_DELADDR; `flags` are the message's. Throws InvalidValueError.
 *
 * @param settings of an address that is removed, only the peer and the label count
 */
export function encodeAddress(
  type: number,
  flags: number,
  link: number,
  address: string,
  settings: AddressSettings,
): Uint8Array {
  const own = parsePrefix(address);
  const isNew = type === RTM_NEWADDR;
  const addressFlags = isNew ? encodeFlags(own, settings.flags) : 0;
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = own.family;
  header[1] = own.prefixLength;
  // The header's flags have eight bits; IFA_FLAGS takes their place when it is there.
  if (addressFlags <= 0xff) header[2] = addressFlags;
  if (isNew) header[3] = encodeScope(own, settings.scope);
  putLink(header, link);
  return encodeMessage(type, flags, header, (w) => {
    w.bytes(IFA_LOCAL, own.bytes);
    w.bytes(IFA_ADDRESS, settings.peer === undefined ? own.bytes : ofFamily(own, "peer", settings.peer));
    if (settings.label !== undefined) w.string(IFA_LABEL, checkLabel(own, settings.label));
    if (!isNew) return;
    if (addressFlags > 0xff) w.u32(IFA_FLAGS, addressFlags);
    if (settings.broadcast !== undefined) w.bytes(IFA_BROADCAST, readBroadcast(own, settings.broadcast));
    writeLifetimes(settings, w);
    if (settings.metric !== undefined) w.u32(IFA_RT_PRIORITY, wholeNumber("metric", settings.metric));
    if (settings.protocol !== undefined) {
      w.u8(IFA_PROTO, numberOf("address protocol", PROTOCOLS, settings.protocol));
    }
  });
}

/** An RTM_GETADDR for one IPv6 address of a link; the kernel has no such request for IPv4. Throws InvalidValueError. */
export function encodeAddressRequest(link: number, address: string): Uint8Array {
  const own = parsePrefix(address);
  if (own.family !== AF_INET6) {
    throw new InvalidValueError(
      "address",
      address,
      "an IPv6 address: the kernel looks up no other by itself",
    );
  }
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = own.family;
  putLink(header, link);
  return encodeMessage(RTM_GETADDR, 0, header, (w) => w.bytes(IFA_ADDRESS, own.bytes));
}

/** An RTM_GETADDR for a dump; with strict checking the kernel leaves out what was not asked for. */
export function encodeAddressDump(flags: number, { link = 0, family }: AddressFilter): Uint8Array {
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = family === undefined ? 0 : family === "ipv4" ? AF_INET : AF_INET6;
  putLink(header, link);
  return encodeMessage(RTM_GETADDR, flags, header);
}

/** Reads an RTM_NEWADDR or RTM_DELADDR; undefined when it holds no address. */
export function decodeAddress(payload: Uint8Array): LinkAddress | undefined {
  const header = viewOf(payload, HEADER_SIZE);
  if (header === undefined) return undefined;
  const family = header.getUint8(0);
  const size = family === AF_INET ? 4 : family === AF_INET6 ? 16 : undefined;
  const attributes = new AttributeReader(payload.subarray(HEADER_SIZE));
  // IFA_LOCAL is the link's own address; IFA_ADDRESS is the peer's on a point-to-point link, and the same elsewhere.
  const address = attributes.bytes(IFA_ADDRESS);
  const own = attributes.bytes(IFA_LOCAL) ?? address;
  if (own === undefined || own.length !== size) return undefined;
  const isPeer = address?.length === size && Buffer.compare(address, own) !== 0;
  const broadcast = attributes.bytes(IFA_BROADCAST);
  const protocol = attributes.u8(IFA_PROTO);
  return {
    link: header.getUint32(4, true),
    address: `${formatIp(own)}/${header.getUint8(1)}`,
    peer: isPeer ? formatIp(address) : undefined,
    label: attributes.string(IFA_LABEL),
    broadcast: broadcast?.length === 4 ? formatIp(broadcast) : undefined,
    scope: nameOf(SCOPES, header.getUint8(3)),
    flags: decodeFlags(family, attributes.u32(IFA_FLAGS) ?? header.getUint8(2)),
    ...decodeLifetimes(attributes.bytes(IFA_CACHEINFO)),
    metric: attributes.u32(IFA_RT_PRIORITY),
    protocol: protocol === undefined ? undefined : nameOf(PROTOCOLS, protocol),
  };
}

function putLink(header: Uint8Array, link: number): void {
  const index = wholeNumber("link of an address", link, 0, MOST_INDEX);
  new DataView(header.buffer).setUint32(4, index, true);
}

function encodeFlags({ family }: IpPrefix, flags: AddressSettings["flags"]): number {
  const chosen = flags ?? (family === AF_INET6 ? ["nodad" as const] : []);
  return chosen.reduce((bits, flag) => bits | numberOf("address flag", FLAGS, flag), 0);
}

function decodeFlags(family: number, bits: number): AddressFlag[] {
  const shared = family === AF_INET ? "secondary" : "temporary";
  const flags: AddressFlag[] = (bits & IFA_F_SECONDARY) === 0 ? [] : [shared];
  for (const [name, bit] of Object.entries(FLAGS)) {
    if ((bits & bit) !== 0) flags.push(name as keyof typeof FLAGS);
  }
  return flags;
}

function encodeScope({ family }: IpPrefix, scope: Scope = "universe"): number {
  return family === AF_INET ? numberOf("address scope", SCOPES, scope) : 0;
}

function writeLifetimes(settings: AddressSettings, w: AttributeWriter): void {
  if (settings.validLifetime === undefined && settings.preferredLifetime === undefined) return;
  const { validLifetime = "forever", preferredLifetime = validLifetime } = settings;
  const valid = encodeLifetime("valid lifetime", validLifetime, 1);
  const preferred = encodeLifetime("preferred lifetime", preferredLifetime, 0);
  if (preferred > valid) {
    const expected = `at most the valid lifetime, ${validLifetime} seconds`;
    throw new InvalidValueError("preferred lifetime", preferredLifetime, expected);
  }
  const info = new Uint8Array(CACHE_INFO_SIZE);
  const view = new DataView(info.buffer);
  view.setUint32(0, preferred, true);
  view.setUint32(4, valid, true);
  w.bytes(IFA_CACHEINFO, info);
}

function encodeLifetime(place: string, lifetime: Lifetime, least: number): number {
  return lifetime === "forever" ? FOREVER : wholeNumber(place, lifetime, least, FOREVER - 1);
}

function decodeLifetimes(bytes: Uint8Array | undefined) {
  const info = viewOf(bytes, CACHE_INFO_SIZE);
  const lifetime = (at: number): Lifetime => {
    const seconds = info?.getUint32(at, true) ?? FOREVER;
    return seconds === FOREVER ? "forever" : seconds;
  };
  const time = (at: number) => (info === undefined ? undefined : info.getUint32(at, true) * 10);
  return {
    validLifetime: lifetime(4),
    preferredLifetime: lifetime(0),
    createdAt: time(8),
    updatedAt: time(12),
  };
}

function checkLabel({ family }: IpPrefix, label: string): string {
  if (family === AF_INET && label !== "" && Buffer.byteLength(label) <= LONGEST_LABEL) return label;
  throw new InvalidValueError("label", label, `1 to ${LONGEST_LABEL} bytes, for an IPv4 address`);
}

function readBroadcast(own: IpPrefix, broadcast: string): Uint8Array {
  if (own.family === AF_INET) return ofFamily(own, "broadcast address", broadcast);
  throw new InvalidValueError("broadcast address", broadcast, "none: IPv6 has no broadcast");
}

function ofFamily({ family }: IpPrefix, place: string, text: string): Uint8Array {
  const other = parseIp(text, place);
  if (other.family === family) return other.bytes;
  throw new InvalidValueError(place, text, `an ${family === AF_INET ? "IPv4" : "IPv6"} address`);
}
