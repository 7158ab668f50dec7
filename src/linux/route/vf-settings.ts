import { InvalidValueError } from "../../model/errors.ts";
import type { AttributeWriter } from "../netlink/attribute.ts";
import { MAX_UINT32, wholeNumber } from "../whole-number.ts";
import { yesOrNo } from "./fields.ts";
import { parseMac } from "./ip.ts";
import { numberOfWord } from "./names.ts";
import * as attr from "./vf-attributes.ts";
import { encodeVlanProtocol, type VlanProtocol } from "./vlan-protocol.ts";

export type VfLinkState = keyof typeof attr.LINK_STATES;

/** The VLAN a card puts a VF into: it tags what the VF sends and takes the tag off what the VF receives. */
export interface VfVlan {
  /** 0 to 4095; 0 takes the VF out of its VLAN. */
  readonly id: number;
  /** Priority in the tag, 0 to 7; 0 when absent. */
  readonly qos?: number | undefined;
  /** Kind of the tag; 802.1Q when absent. */
  readonly protocol?: VlanProtocol | undefined;
}

/**
 * Limits of what a VF sends, in bits per second; there are none for what it receives. The kernel counts whole Mbit/s:
 * another number is refused here, so that whoever sets it rounds it knowingly.
 */
export interface VfRate {
  /** Rate it is guaranteed; 0 is none. Left as it is when absent. */
  readonly min?: number | undefined;
  /** Rate it cannot exceed; 0 is no limit. Always named, because the kernel can keep only the other one. */
  readonly max: number;
}

/** What can be set for a VF by its PF. What is absent stays as it is. */
export interface VfSettings {
  /**
   * MAC address the VF gets when its driver starts next: a VF that has a driver keeps the one it has until the driver
   * is bound again. All zero takes it back, as drivers understand it.
   */
  readonly mac?: string | undefined;
  readonly vlan?: VfVlan | undefined;
  readonly rate?: VfRate | undefined;
  /** What the VF sends under another MAC address or VLAN than its own is dropped. */
  readonly isSpoofChecked?: boolean | undefined;
  /** The VF may change its own MAC address and listen to everything. */
  readonly isTrusted?: boolean | undefined;
  /** `auto` follows the card's own link; the others hold it up or down whatever that does. */
  readonly linkState?: VfLinkState | undefined;
  /** The VF may read the key and the table by which received packets are spread over queues. */
  readonly canQueryRss?: boolean | undefined;
  /** InfiniBand alone: eight bytes in hexadecimal with colons. */
  readonly nodeGuid?: string | undefined;
  /** InfiniBand alone: eight bytes in hexadecimal with colons. */
  readonly portGuid?: string | undefined;
}

/** How one setting is named and written. */
interface Setting<Value> {
  /** As in `set the VLAN of VF 3`. */
  readonly name: string;
  /** Throws InvalidValueError; `place` names the setting and whose it is. */
  readonly write: (nest: AttributeWriter, vf: number, value: Value, place: string) => void;
}

const SETTINGS: { readonly [Key in keyof VfSettings]-?: Setting<NonNullable<VfSettings[Key]>> } = {
  mac: { name: "MAC address", write: writeMac },
  vlan: { name: "VLAN", write: writeVlan },
  rate: { name: "rate", write: writeRate },
  isSpoofChecked: { name: "spoof check", write: switchOf(attr.IFLA_VF_SPOOFCHK) },
  isTrusted: { name: "trust", write: switchOf(attr.IFLA_VF_TRUST) },
  linkState: { name: "link state", write: writeLinkState },
  canQueryRss: { name: "RSS query", write: switchOf(attr.IFLA_VF_RSS_QUERY_EN) },
  nodeGuid: { name: "node GUID", write: guidOf(attr.IFLA_VF_IB_NODE_GUID) },
  portGuid: { name: "port GUID", write: guidOf(attr.IFLA_VF_IB_PORT_GUID) },
};

const LIST = new Intl.ListFormat("en");

/**
 * Writes the content of IFLA_VF_INFO, and gives the names of the settings for messages: `VLAN and trust`. `whose` names
 * the VF. Throws InvalidValueError.
 */
export function writeVfSettings(
  nest: AttributeWriter,
  vf: number,
  settings: VfSettings,
  whose: string,
): string {
  const names = (Object.keys(SETTINGS) as (keyof VfSettings)[])
    .filter((key) => settings[key] !== undefined)
    .map((key) => {
      const { name, write } = SETTINGS[key] as Setting<unknown>;
      write(nest, vf, settings[key], `${name} of ${whose}`);
      return name;
    });
  if (names.length === 0)
    throw new InvalidValueError(`settings of ${whose}`, settings, "at least one setting");
  return LIST.format(names);
}

function writeMac(nest: AttributeWriter, vf: number, mac: string, place: string): void {
  const bytes = parseMac(mac, place);
  const [first = 0] = bytes;
  if ((first & 1) !== 0)
    throw new InvalidValueError(place, mac, "the address of one receiver, not of a group");
  const padded = new Uint8Array(attr.MAX_ADDR_LEN);
  padded.set(bytes);
  nest.bytes(
    attr.IFLA_VF_MAC,
    structure(vf, 4 + attr.MAX_ADDR_LEN, (view) => writeAt(view, 4, padded)),
  );
}

/**
 * 802.1Q goes by IFLA_VF_VLAN and 802.1ad by IFLA_VF_VLAN_LIST, as iproute2 does it: both end in the same call of the
 * driver (ndo_set_vf_vlan), but only the first is known to every kernel, and the second was once refused for a
 * structure two bytes shorter than its padding.
 */
function writeVlan(nest: AttributeWriter, vf: number, vlan: VfVlan, place: string): void {
  const id = wholeNumber(place, vlan.id, 0, 4095);
  const qos = wholeNumber(`QoS of the ${place}`, vlan.qos ?? 0, 0, 7);
  const { protocol = "802.1Q" } = vlan;
  const type = encodeVlanProtocol(protocol, `protocol of the ${place}`);
  if (protocol === "802.1Q") {
    nest.bytes(attr.IFLA_VF_VLAN, words(vf, id, qos));
    return;
  }
  const info = structure(vf, 16, (view) => {
    view.setUint32(4, id, true);
    view.setUint32(8, qos, true);
    view.setUint16(12, type, false);
  });
  nest.nest(attr.IFLA_VF_VLAN_LIST, (list) => list.bytes(attr.IFLA_VF_VLAN_INFO, info));
}

/** IFLA_VF_TX_RATE sets the limit and has the kernel keep the guarantee (do_setvfinfo, net/core/rtnetlink.c). */
function writeRate(nest: AttributeWriter, vf: number, { min, max }: VfRate, place: string): void {
  const limit = inUnits(`highest ${place}`, max);
  if (min === undefined) {
    nest.bytes(attr.IFLA_VF_TX_RATE, words(vf, limit));
    return;
  }
  const guarantee = inUnits(`lowest ${place}`, min);
  if (limit !== 0 && guarantee > limit) {
    throw new InvalidValueError(`lowest ${place}`, min, `at most the highest one, which is ${max}`);
  }
  nest.bytes(attr.IFLA_VF_RATE, words(vf, guarantee, limit));
}

function inUnits(place: string, rate: number): number {
  const units = rate / attr.RATE_UNIT;
  if (Number.isInteger(units) && units >= 0 && units <= MAX_UINT32) return units;
  const expected = "bits per second that are whole Mbit/s (multiples of 1000000), or 0 for none";
  throw new InvalidValueError(place, rate, expected);
}

function writeLinkState(nest: AttributeWriter, vf: number, state: VfLinkState, place: string): void {
  nest.bytes(attr.IFLA_VF_LINK_STATE, words(vf, numberOfWord(place, attr.LINK_STATES, state)));
}

function switchOf(type: number): Setting<boolean>["write"] {
  return (nest, vf, isOn, place) => nest.bytes(type, words(vf, yesOrNo(place, isOn)));
}

/** The GUID is a number whose highest byte people write first. */
function guidOf(type: number): Setting<string>["write"] {
  return (nest, vf, guid, place) => {
    if (!/^([0-9a-f]{2}:){7}[0-9a-f]{2}$/i.test(guid)) {
      throw new InvalidValueError(place, guid, "eight bytes in hexadecimal, such as 00:11:22:33:44:55:66:77");
    }
    const value = BigInt(`0x${guid.replaceAll(":", "")}`);
    // struct ifla_vf_guid holds the 64 bits at an offset that is a multiple of eight.
    nest.bytes(
      type,
      structure(vf, 16, (view) => view.setBigUint64(8, value, true)),
    );
  };
}

/** A structure of 32-bit numbers, the first of which says whose it is. */
function words(vf: number, ...values: readonly number[]): Uint8Array {
  return structure(vf, 4 + 4 * values.length, (view) => {
    for (const [position, value] of values.entries()) view.setUint32(4 + 4 * position, value, true);
  });
}

function structure(vf: number, size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, vf, true);
  fill(view);
  return bytes;
}

function writeAt(view: DataView, at: number, bytes: Uint8Array): void {
  new Uint8Array(view.buffer).set(bytes, at);
}
