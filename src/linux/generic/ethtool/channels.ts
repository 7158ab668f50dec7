import { readGeneric } from "../family.ts";
import { type Told, told } from "../told.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";
import { writeCounts } from "./counts.ts";

/** Messages and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_CHANNELS_GET = 17;
const ETHTOOL_MSG_CHANNELS_SET = 18;
const ETHTOOL_A_CHANNELS_RX_MAX = 2;
const ETHTOOL_A_CHANNELS_TX_MAX = 3;
const ETHTOOL_A_CHANNELS_OTHER_MAX = 4;
const ETHTOOL_A_CHANNELS_COMBINED_MAX = 5;
const ETHTOOL_A_CHANNELS_RX_COUNT = 6;
const ETHTOOL_A_CHANNELS_TX_COUNT = 7;
const ETHTOOL_A_CHANNELS_OTHER_COUNT = 8;
const ETHTOOL_A_CHANNELS_COMBINED_COUNT = 9;

/** Numbers of channels, each an interrupt with its queues, by what they are for. */
export type ChannelCounts = Told<{ receive: number; transmit: number; other: number; combined: number }>;

/** The channels of a link; what its driver does not have is left out. */
export interface Channels extends ChannelCounts {
  readonly most: ChannelCounts;
}

/** The channels of links. All calls throw NetlinkError when the kernel refuses. */
export class ChannelSettings {
  readonly #client: EthtoolClient;

  constructor(client: EthtoolClient) {
    this.#client = client;
  }

  /** How many channels a link has, and may have. */
  async get(link: LinkReference): Promise<Channels> {
    const operation = "read the channels";
    return await this.#client.read(
      { link, message: ETHTOOL_MSG_CHANNELS_GET, operation, subject: "channels" },
      decodeChannels,
    );
  }

  /** Sets how many channels a link has; what is left out stays. The driver may stop its traffic for that. */
  async set(link: LinkReference, counts: ChannelCounts): Promise<void> {
    await this.#client.change({
      link,
      message: ETHTOOL_MSG_CHANNELS_SET,
      operation: "set the channels",
      subject: "channels that can be set",
      write: (attributes) =>
        writeCounts(attributes, [
          [ETHTOOL_A_CHANNELS_RX_COUNT, "receive channels", counts.receive],
          [ETHTOOL_A_CHANNELS_TX_COUNT, "transmit channels", counts.transmit],
          [ETHTOOL_A_CHANNELS_OTHER_COUNT, "other channels", counts.other],
          [ETHTOOL_A_CHANNELS_COMBINED_COUNT, "combined channels", counts.combined],
        ]),
    });
  }
}

/** Reads the payload of an ETHTOOL_MSG_CHANNELS_GET_REPLY. */
export function decodeChannels(payload: Uint8Array): Channels {
  const attributes = readGeneric(payload);
  return {
    ...told({
      receive: attributes.u32(ETHTOOL_A_CHANNELS_RX_COUNT),
      transmit: attributes.u32(ETHTOOL_A_CHANNELS_TX_COUNT),
      other: attributes.u32(ETHTOOL_A_CHANNELS_OTHER_COUNT),
      combined: attributes.u32(ETHTOOL_A_CHANNELS_COMBINED_COUNT),
    }),
    most: told({
      receive: attributes.u32(ETHTOOL_A_CHANNELS_RX_MAX),
      transmit: attributes.u32(ETHTOOL_A_CHANNELS_TX_MAX),
      other: attributes.u32(ETHTOOL_A_CHANNELS_OTHER_MAX),
      combined: attributes.u32(ETHTOOL_A_CHANNELS_COMBINED_MAX),
    }),
  };
}
