import { yesOrNo } from "./fields.ts";
import * as attr from "./link-attributes.ts";
import { MOST_INDEX, wholeNumber } from "./tc/whole-number.ts";

/** What the flags of a link's header say (IFF_*, include/uapi/linux/if.h), as far as they can be set. */
export interface LinkFlags {
  readonly isUp?: boolean;
  /** Takes every packet, whomever it is for. */
  readonly isPromiscuous?: boolean;
  /** Takes every multicast packet. */
  readonly isAllMulticast?: boolean;
}

const FLAGS: readonly (readonly [keyof LinkFlags, number])[] = [
  ["isUp", attr.IFF_UP],
  ["isPromiscuous", attr.IFF_PROMISC],
  ["isAllMulticast", attr.IFF_ALLMULTI],
];

/** A struct ifinfomsg; flags that are absent stay as they are. Throws InvalidValueError. */
export function linkHeader(index: number, flags: LinkFlags = {}, family = 0): Uint8Array {
  const bytes = new Uint8Array(attr.INTERFACE_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setInt32(4, wholeNumber("index of a link", index, 0, MOST_INDEX), true);
  let value = 0;
  let mask = 0;
  for (const [name, bit] of FLAGS) {
    const flag = flags[name];
    if (flag === undefined) continue;
    mask |= bit;
    if (yesOrNo(`${name} of a link`, flag) === 1) value |= bit;
  }
  view.setUint32(8, value, true);
  view.setUint32(12, mask, true);
  return bytes;
}
