import { InvalidValueError } from "../../model/errors.ts";
import type { AttributeWriter } from "../netlink/attribute.ts";
import { parseMac } from "./ip.ts";
import { type Ipv4Settings, type Ipv6Settings, writeIpSettings } from "./ip-settings.ts";
import * as attr from "./link-attributes.ts";
import type { LinkFlags } from "./link-header.ts";
import { wholeNumber } from "./tc/whole-number.ts";

/** What a link can be given when it is made (rtnl_create_link, net/core/rtnetlink.c), and afterwards. */
export interface InitialSettings extends LinkFlags {
  /** Up to 15 bytes. */
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
  /** Number by which links are treated together, 0 when absent. */
  readonly group?: number;
  /** Packets. */
  readonly transmitQueueLength?: number;
  /**
   * Largest packet handed to the link before segmentation, in bytes. Up to 65536 the kernel lets the limit for IPv4
   * follow it; a larger one is for IPv6 alone (netif_set_gso_max_size).
   */
  readonly gsoMaxSize?: number;
  /** The same for IPv4 alone. Kernels before 6.3 do not know it. */
  readonly gsoIpv4MaxSize?: number;
  /** The most segments such a packet may become. */
  readonly gsoMaxSegments?: number;
  /** Largest packet that received ones are put together to, in bytes; for IPv4 as with `gsoMaxSize`. */
  readonly groMaxSize?: number;
  /** The same for IPv4 alone. Kernels before 6.3 do not know it. */
  readonly groIpv4MaxSize?: number;
  /** Open descriptor of the namespace the link is made in or moved to. */
  readonly namespaceFd?: number;
}

/** What can be set on a link that stands. */
export interface LinkSettings extends InitialSettings {
  /** Index of the bridge, bond or VRF it shall belong to; 0 takes it out. */
  readonly master?: number;
  /** The index it gets where it is moved to; only with `namespaceFd`. EBUSY when it is taken there. */
  readonly newIndex?: number;
  /** A text about the link, up to 255 bytes; an empty one takes it away. */
  readonly alias?: string;
  /** Of a link made by software, where its kind allows that: `dummy`, for example. */
  readonly hasCarrier?: boolean;
  /** Held down for a protocol's sake, whatever else it is told. */
  readonly isProtocolDown?: boolean;
  readonly ipv4?: Ipv4Settings;
  readonly ipv6?: Ipv6Settings;
}

/** What only a link that is made can be given. */
export interface QueueSettings {
  readonly transmitQueues?: number;
  readonly receiveQueues?: number;
}

const MAX_INDEX = 0x7fff_ffff;
/** IFALIASZ less its closing zero byte (include/uapi/linux/if.h). */
const LONGEST_ALIAS = 255;

/** Writes what a link can be given when it is made. `whose` names it in errors. Throws InvalidValueError. */
export function writeInitialSettings(
  settings: InitialSettings & QueueSettings,
  w: AttributeWriter,
  whose: string,
): void {
  const number = (name: keyof (InitialSettings & QueueSettings), type: number) => {
    const value = settings[name] as number | undefined;
    if (value !== undefined) w.u32(type, wholeNumber(`${name} of ${whose}`, value));
  };
  number("namespaceFd", attr.IFLA_NET_NS_FD);
  if (settings.name !== undefined) w.string(attr.IFLA_IFNAME, settings.name);
  number("mtu", attr.IFLA_MTU);
  if (settings.mac !== undefined)
    w.bytes(attr.IFLA_ADDRESS, parseMac(settings.mac, `MAC address of ${whose}`));
  number("group", attr.IFLA_GROUP);
  number("transmitQueueLength", attr.IFLA_TXQLEN);
  number("transmitQueues", attr.IFLA_NUM_TX_QUEUES);
  number("receiveQueues", attr.IFLA_NUM_RX_QUEUES);
  number("gsoMaxSize", attr.IFLA_GSO_MAX_SIZE);
  number("gsoMaxSegments", attr.IFLA_GSO_MAX_SEGS);
  number("groMaxSize", attr.IFLA_GRO_MAX_SIZE);
  number("gsoIpv4MaxSize", attr.IFLA_GSO_IPV4_MAX_SIZE);
  number("groIpv4MaxSize", attr.IFLA_GRO_IPV4_MAX_SIZE);
}

/** Writes what can be set on a link that stands. `whose` names it in errors. Throws InvalidValueError. */
export function writeSettings(settings: LinkSettings, w: AttributeWriter, whose: string): void {
  writeInitialSettings(settings, w, whose);
  const { newIndex, master, alias, hasCarrier, isProtocolDown } = settings;
  if (newIndex !== undefined) {
    const place = `newIndex of ${whose}`;
    if (settings.namespaceFd === undefined)
      throw new InvalidValueError(place, newIndex, "a move to another namespace with it");
    w.i32(attr.IFLA_NEW_IFINDEX, wholeNumber(place, newIndex, 1, MAX_INDEX));
  }
  if (master !== undefined) w.u32(attr.IFLA_MASTER, wholeNumber(`master of ${whose}`, master, 0, MAX_INDEX));
  if (alias !== undefined) w.bytes(attr.IFLA_IFALIAS, encodeAlias(alias, `alias of ${whose}`));
  if (hasCarrier !== undefined) w.u8(attr.IFLA_CARRIER, hasCarrier ? 1 : 0);
  if (isProtocolDown !== undefined) w.u8(attr.IFLA_PROTO_DOWN, isProtocolDown ? 1 : 0);
  writeIpSettings(settings, w, whose);
}

/** Without a closing zero byte, because only so an empty text can be told from one (do_setlink). */
function encodeAlias(alias: string, place: string): Uint8Array {
  const bytes = Buffer.from(alias);
  if (bytes.length <= LONGEST_ALIAS && !bytes.includes(0)) return bytes;
  throw new InvalidValueError(place, alias, `a text of up to ${LONGEST_ALIAS} bytes, without zero bytes`);
}
