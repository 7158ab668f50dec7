import { InvalidValueError } from "../../model/errors.ts";
import type { AttributeWriter } from "../netlink/attribute.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import { yesOrNo } from "./fields.ts";
import { parseMac } from "./ip.ts";
import { type Ipv4Settings, type Ipv6Settings, writeIpSettings } from "./ip-settings.ts";
import * as attr from "./link-attributes.ts";
import type { LinkFlags } from "./link-header.ts";

/** What a link can be given when it is made (rtnl_create_link, net/core/rtnetlink.c), and afterwards. */
export interface InitialSettings extends LinkFlags {
  /** Up to 15 bytes, without blanks, `/` and `:`. */
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

/** IFNAMSIZ less the closing zero byte (include/uapi/linux/if.h). */
export const LONGEST_NAME = 15;
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
  if (settings.name !== undefined) w.string(attr.IFLA_IFNAME, checkName(settings.name, `name of ${whose}`));
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
    w.i32(attr.IFLA_NEW_IFINDEX, wholeNumber(place, newIndex, 1, MOST_INDEX));
  }
  if (master !== undefined) writeIndex(attr.IFLA_MASTER, master, `master of ${whose}`, w);
  if (alias !== undefined) w.bytes(attr.IFLA_IFALIAS, encodeAlias(alias, `alias of ${whose}`));
  if (hasCarrier !== undefined) w.u8(attr.IFLA_CARRIER, yesOrNo(`hasCarrier of ${whose}`, hasCarrier));
  if (isProtocolDown !== undefined)
    w.u8(attr.IFLA_PROTO_DOWN, yesOrNo(`isProtocolDown of ${whose}`, isProtocolDown));
  writeIpSettings(settings, w, whose);
}

/** Writes the index of another link, or 0 for none. Throws InvalidValueError. */
export function writeIndex(type: number, index: number, place: string, w: AttributeWriter): void {
  w.u32(type, wholeNumber(place, index, 0, MOST_INDEX));
}

/** As the kernel has it (dev_valid_name, net/core/dev.c), to which the byte 0xa0 is a blank, as in Latin-1. */
function checkName(name: string, place: string): string {
  const bytes = Buffer.from(name);
  const isShort = bytes.length > 0 && bytes.length <= LONGEST_NAME;
  if (isShort && name !== "." && name !== ".." && !/[\s/:\0]/.test(bytes.toString("latin1"))) return name;
  throw new InvalidValueError(place, name, `1 to ${LONGEST_NAME} bytes, without blanks, / and :`);
}

/** Without a closing zero byte, because only so an empty text can be told from one (do_setlink). */
function encodeAlias(alias: string, place: string): Uint8Array {
  const bytes = Buffer.from(alias);
  if (bytes.length <= LONGEST_ALIAS && !bytes.includes(0)) return bytes;
  throw new InvalidValueError(place, alias, `a text of up to ${LONGEST_ALIAS} bytes, without zero bytes`);
}
