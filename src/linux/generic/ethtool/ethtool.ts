import type { LinkIoctls } from "../../worker/ioctls.ts";
import type { NetlinkClient } from "../../worker/netlink-client.ts";
import { GenericFamily } from "../family.ts";
import { ChannelSettings } from "./channels.ts";
import { EthtoolClient, type LinkReference } from "./client.ts";
import { type DriverInfo, getDriverInfo } from "./driver-info.ts";
import { getDriverStatistics } from "./driver-statistics.ts";
import { FeatureSettings } from "./features.ts";
import { type ForwardErrorCorrection, getForwardErrorCorrection } from "./fec.ts";
import { EthtoolIoctls } from "./ioctl.ts";
import { LinkModeControl } from "./link-modes.ts";
import { getLinkState, type LinkState } from "./link-state.ts";
import { getPause, type Pause } from "./pause.ts";
import { RingSettings } from "./rings.ts";
import { getStandardStatistics, type StatisticsGroup } from "./statistics.ts";

/** The family's name and version (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_GENL_NAME = "ethtool";
const ETHTOOL_GENL_VERSION = 1;

/**
 * What the drivers of one network namespace's links can be asked and told. A link goes by its index or its name. All
 * calls throw NetlinkError when the kernel refuses: EOPNOTSUPP where the driver does not offer what is asked.
 */
export class Ethtool {
  readonly channels: ChannelSettings;
  readonly rings: RingSettings;
  readonly features: FeatureSettings;
  readonly linkModes: LinkModeControl;
  readonly #client: EthtoolClient;
  readonly #ioctls: EthtoolIoctls;

  /** `client` speaks NETLINK_GENERIC; `place` names the namespace in errors. */
  constructor(client: NetlinkClient, ioctls: LinkIoctls, place: string) {
    const family = new GenericFamily(client, ETHTOOL_GENL_NAME, ETHTOOL_GENL_VERSION);
    this.#client = new EthtoolClient(family, place);
    this.#ioctls = new EthtoolIoctls(ioctls, place);
    this.channels = new ChannelSettings(this.#client);
    this.rings = new RingSettings(this.#client);
    this.features = new FeatureSettings(this.#client);
    this.linkModes = new LinkModeControl(this.#client);
  }

  /** Whether a link has a carrier and, where its driver tells, why not. */
  async linkState(link: LinkReference): Promise<LinkState> {
    return await getLinkState(this.#client, link);
  }

  /** The driver's name and version, its firmware, and where the device is. */
  async driver(link: LinkReference): Promise<DriverInfo> {
    return await getDriverInfo(this.#ioctls, link);
  }

  /** The driver's own counters, by its own names; empty where it has none. */
  async driverStatistics(link: LinkReference): Promise<Readonly<Record<string, number>>> {
    return await getDriverStatistics(this.#ioctls, link);
  }

  /** Counters that mean the same on every card, in groups; those that the driver does not keep are left out. */
  async standardStatistics(link: LinkReference): Promise<readonly StatisticsGroup[]> {
    return await getStandardStatistics(this.#client, link);
  }

  /** Whether a link halts its peer, and lets itself be halted. */
  async pause(link: LinkReference): Promise<Pause> {
    return await getPause(this.#client, link);
  }

  /** How a link corrects errors of the line. */
  async forwardErrorCorrection(link: LinkReference): Promise<ForwardErrorCorrection> {
    return await getForwardErrorCorrection(this.#client, link);
  }
}
