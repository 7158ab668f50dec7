import { readGeneric } from "../family.ts";
import { type Told, told } from "../told.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";
import { writeCounts } from "./counts.ts";

/** Messages and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_RINGS_GET = 15;
const ETHTOOL_MSG_RINGS_SET = 16;
const ETHTOOL_A_RINGS_RX_MAX = 2;
const ETHTOOL_A_RINGS_RX_MINI_MAX = 3;
const ETHTOOL_A_RINGS_RX_JUMBO_MAX = 4;
const ETHTOOL_A_RINGS_TX_MAX = 5;
const ETHTOOL_A_RINGS_RX = 6;
const ETHTOOL_A_RINGS_RX_MINI = 7;
const ETHTOOL_A_RINGS_RX_JUMBO = 8;
const ETHTOOL_A_RINGS_TX = 9;

/** Sizes of a link's rings, in packets each holds at most. */
export type RingSizes = Told<{
  receive: number;
  receiveMini: number;
  receiveJumbo: number;
  transmit: number;
}>;

/** The rings of a link; what its driver does not have is left out. */
export interface Rings extends RingSizes {
  readonly most: RingSizes;
}

/** The rings of links. All calls throw NetlinkError when the kernel refuses. */
export class RingSettings {
  readonly #client: EthtoolClient;

  constructor(client: EthtoolClient) {
    this.#client = client;
  }

  /** How large a link's rings are, and may be. */
  async get(link: LinkReference): Promise<Rings> {
    const operation = "read the ring sizes";
    return await this.#client.read(
      { link, message: ETHTOOL_MSG_RINGS_GET, operation, subject: "ring sizes" },
      decodeRings,
    );
  }

  /**
   * Sets how large a link's rings are; what is left out stays. A driver may round up, and stop its traffic for a
   * moment.
   */
  async set(link: LinkReference, sizes: RingSizes): Promise<void> {
    await this.#client.change({
      link,
      message: ETHTOOL_MSG_RINGS_SET,
      operation: "set the ring sizes",
      subject: "ring sizes that can be set",
      write: (attributes) =>
        writeCounts(attributes, [
          [ETHTOOL_A_RINGS_RX, "receive ring", sizes.receive],
          [ETHTOOL_A_RINGS_RX_MINI, "receive ring for small packets", sizes.receiveMini],
          [ETHTOOL_A_RINGS_RX_JUMBO, "receive ring for large packets", sizes.receiveJumbo],
          [ETHTOOL_A_RINGS_TX, "transmit ring", sizes.transmit],
        ]),
    });
  }
}

/** Reads the payload of an ETHTOOL_MSG_RINGS_GET_REPLY. */
export function decodeRings(payload: Uint8Array): Rings {
  const attributes = readGeneric(payload);
  return {
    ...told({
      receive: attributes.u32(ETHTOOL_A_RINGS_RX),
      receiveMini: attributes.u32(ETHTOOL_A_RINGS_RX_MINI),
      receiveJumbo: attributes.u32(ETHTOOL_A_RINGS_RX_JUMBO),
      transmit: attributes.u32(ETHTOOL_A_RINGS_TX),
    }),
    most: told({
      receive: attributes.u32(ETHTOOL_A_RINGS_RX_MAX),
      receiveMini: attributes.u32(ETHTOOL_A_RINGS_RX_MINI_MAX),
      receiveJumbo: attributes.u32(ETHTOOL_A_RINGS_RX_JUMBO_MAX),
      transmit: attributes.u32(ETHTOOL_A_RINGS_TX_MAX),
    }),
  };
}
