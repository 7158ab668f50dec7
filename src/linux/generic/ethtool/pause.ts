import { readGeneric } from "../family.ts";
import { isTold, type Told, told } from "../told.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";

/** Message and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_PAUSE_GET = 21;
const ETHTOOL_A_PAUSE_AUTONEG = 2;
const ETHTOOL_A_PAUSE_RX = 3;
const ETHTOOL_A_PAUSE_TX = 4;

/** Whether a link halts its peer by pause frames when it cannot keep up, and lets itself be halted. */
export type Pause = Told<{ isNegotiating: boolean; isReceiving: boolean; isTransmitting: boolean }>;

/** Asks whether a link pauses. Throws NetlinkError when the kernel refuses. */
export async function getPause(client: EthtoolClient, link: LinkReference): Promise<Pause> {
  const operation = "read the pause settings";
  return await client.read(
    { link, message: ETHTOOL_MSG_PAUSE_GET, operation, subject: "pause settings" },
    decodePause,
  );
}

/** Reads the payload of an ETHTOOL_MSG_PAUSE_GET_REPLY. */
export function decodePause(payload: Uint8Array): Pause {
  const attributes = readGeneric(payload);
  return told({
    isNegotiating: isTold(attributes.u8(ETHTOOL_A_PAUSE_AUTONEG)),
    isReceiving: isTold(attributes.u8(ETHTOOL_A_PAUSE_RX)),
    isTransmitting: isTold(attributes.u8(ETHTOOL_A_PAUSE_TX)),
  });
}
