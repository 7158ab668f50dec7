import { putUint32 } from "../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import { yesOrNo } from "./fields.ts";
import * as attr from "./link-attributes.ts";

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
export function linkHeader(index: number, flags?: LinkFlags, family = 0): Uint8Array {
  const bytes = new Uint8Array(attr.INTERFACE_HEADER_SIZE);
  bytes[0] = family;
  putUint32(bytes, 4, wholeNumber("index of a link", index, 0, MOST_INDEX));
  if (flags === undefined) return bytes;
  let value = 0;
  let mask = 0;
  for (const [name, bit] of FLAGS) {
    const flag = flags[name];
    if (flag === undefined) continue;
    mask |= bit;
    if (yesOrNo(`${name} of a link`, flag) === 1) value |= bit;
  }
  putUint32(bytes, 8, value);
  putUint32(bytes, 12, mask);
  return bytes;
}
