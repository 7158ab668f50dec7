import { readGeneric } from "../family.ts";
import { isTold, told } from "../told.ts";
import { readBitset, setNamesOf } from "./bitset.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";

/** Message and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_FEC_GET = 29;
const ETHTOOL_A_FEC_MODES = 2;
const ETHTOOL_A_FEC_AUTO = 3;
const ETHTOOL_A_FEC_ACTIVE = 4;

/** Forward error correction of a link. */
export interface ForwardErrorCorrection {
  /** What it is set to, by the kernel's names: `RS`, `BASER`, `LLRS`, `None`. */
  readonly modes: readonly string[];
  /** The driver chooses among the modes. */
  readonly isAutomatic?: boolean;
  /** Bit number of the link mode of what is in use (enum ethtool_link_mode_bit_indices). */
  readonly activeBit?: number;
}

/** Asks for a link's forward error correction. Throws NetlinkError when the kernel refuses. */
export async function getForwardErrorCorrection(
  client: EthtoolClient,
  link: LinkReference,
): Promise<ForwardErrorCorrection> {
  const operation = "read the forward error correction";
  return await client.read(
    { link, message: ETHTOOL_MSG_FEC_GET, operation, subject: "forward error correction" },
    decodeForwardErrorCorrection,
  );
}

/** Reads the payload of an ETHTOOL_MSG_FEC_GET_REPLY. */
export function decodeForwardErrorCorrection(payload: Uint8Array): ForwardErrorCorrection {
  const attributes = readGeneric(payload);
  return {
    modes: setNamesOf(readBitset(attributes.bytes(ETHTOOL_A_FEC_MODES) ?? new Uint8Array())),
    ...told({
      isAutomatic: isTold(attributes.u8(ETHTOOL_A_FEC_AUTO)),
      activeBit: attributes.u32(ETHTOOL_A_FEC_ACTIVE),
    }),
  };
}
