import { numberOfWord } from "./names.ts";

/** Ethernet types of a VLAN tag (include/uapi/linux/if_ether.h). 802.1ad is the outer tag of a provider. */
const PROTOCOLS = { "802.1Q": 0x8100, "802.1ad": 0x88a8 } as const;

export type VlanProtocol = keyof typeof PROTOCOLS;

/** The Ethernet type; `place` says what it is for. Throws InvalidValueError. */
export function encodeVlanProtocol(protocol: VlanProtocol, place = "VLAN protocol"): number {
  return numberOfWord(place, PROTOCOLS, protocol);
}

/** Reads two bytes in network order; undefined for another type, and where there are none. */
export function decodeVlanProtocol(bytes: Uint8Array | undefined): VlanProtocol | undefined {
  if (bytes === undefined || bytes.length < 2) return undefined;
  const number = (bytes[0] as number) * 256 + (bytes[1] as number);
  return (Object.keys(PROTOCOLS) as VlanProtocol[]).find((name) => PROTOCOLS[name] === number);
}
