import type { NameOrNumber } from "../../route/names.ts";
import { readGeneric } from "../family.ts";
import { isTold, nameTold, told } from "../told.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";

/** Message and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_LINKSTATE_GET = 6;
const ETHTOOL_A_LINKSTATE_LINK = 2;
const ETHTOOL_A_LINKSTATE_SQI = 3;
const ETHTOOL_A_LINKSTATE_SQI_MAX = 4;
const ETHTOOL_A_LINKSTATE_EXT_STATE = 5;
const ETHTOOL_A_LINKSTATE_EXT_SUBSTATE = 6;
/** Since Linux 6.1. */
const ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT = 7;

/** enum ethtool_link_ext_state (include/uapi/linux/ethtool.h). */
const REASONS = {
  "no autonegotiation": 0,
  "link training failed": 1,
  "logical mismatch": 2,
  "bad signal": 3,
  "no cable": 4,
  "cable issue": 5,
  "EEPROM issue": 6,
  "calibration failed": 7,
  "power budget exceeded": 8,
  overheat: 9,
  "module issue": 10,
} as const;

/** Whether a link has a carrier, and what its driver tells of it; what it does not tell is left out. */
export interface LinkState {
  readonly hasCarrier?: boolean;
  /** Why there is no carrier. */
  readonly reason?: NameOrNumber<keyof typeof REASONS>;
  /** The reason closer (enums ethtool_link_ext_substate_*, include/uapi/linux/ethtool.h). */
  readonly subReason?: number;
  /** Quality of the signal on the cable, from 0 to `mostSignalQuality`. */
  readonly signalQuality?: number;
  readonly mostSignalQuality?: number;
  /** How often the carrier was lost since the driver was bound. */
  readonly losses?: number;
}

/** Asks for a link's state. Throws NetlinkError when the kernel refuses. */
export async function getLinkState(client: EthtoolClient, link: LinkReference): Promise<LinkState> {
  const operation = "read the link state";
  return await client.read(
    { link, message: ETHTOOL_MSG_LINKSTATE_GET, operation, subject: "link state" },
    decodeLinkState,
  );
}

/** Reads the payload of an ETHTOOL_MSG_LINKSTATE_GET_REPLY. */
export function decodeLinkState(payload: Uint8Array): LinkState {
  const attributes = readGeneric(payload);
  return told({
    hasCarrier: isTold(attributes.u8(ETHTOOL_A_LINKSTATE_LINK)),
    reason: nameTold(REASONS, attributes.u8(ETHTOOL_A_LINKSTATE_EXT_STATE)),
    subReason: attributes.u8(ETHTOOL_A_LINKSTATE_EXT_SUBSTATE),
    signalQuality: attributes.u32(ETHTOOL_A_LINKSTATE_SQI),
    mostSignalQuality: attributes.u32(ETHTOOL_A_LINKSTATE_SQI_MAX),
    losses: attributes.u32(ETHTOOL_A_LINKSTATE_EXT_DOWN_CNT),
  });
}
