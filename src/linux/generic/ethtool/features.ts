import { readGeneric } from "../family.ts";
import { type Bitset, namesOf, readBitset, setNamesOf, writeBits } from "./bitset.ts";
import type { EthtoolClient, LinkReference } from "./client.ts";

/** Messages and attributes (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_MSG_FEATURES_GET = 11;
const ETHTOOL_MSG_FEATURES_SET = 12;
const ETHTOOL_A_FEATURES_HW = 2;
const ETHTOOL_A_FEATURES_WANTED = 3;
const ETHTOOL_A_FEATURES_ACTIVE = 4;
const ETHTOOL_A_FEATURES_NOCHANGE = 5;

/** The offloads of a link, by the kernel's names (net/ethtool/common.c, netdev_features_strings). */
export interface Features {
  /** Every feature this kernel knows. */
  readonly known: readonly string[];
  /** Those the link's driver lets be switched. */
  readonly hardware: readonly string[];
  /** Those that were asked for. */
  readonly wanted: readonly string[];
  /** Those that are on. */
  readonly active: readonly string[];
  /** Those that can never be switched, whatever the driver says. */
  readonly fixed: readonly string[];
}

/** What came of switching features. */
export interface FeatureChange {
  /** Those that did not become what was asked, because the driver or another feature is against it. */
  readonly refused: readonly string[];
  /** Those that were switched: what they are now. */
  readonly changed: Readonly<Record<string, boolean>>;
}

/** The features of links. All calls throw NetlinkError when the kernel refuses. */
export class FeatureSettings {
  readonly #client: EthtoolClient;

  constructor(client: EthtoolClient) {
    this.#client = client;
  }

  async get(link: LinkReference): Promise<Features> {
    const operation = "read the features";
    return await this.#client.read(
      { link, message: ETHTOOL_MSG_FEATURES_GET, operation, subject: "features" },
      decodeFeatures,
    );
  }

  /**
   * Switches features by their names: `{"rx-gro": false}`. Others may follow, such as TSO when checksums go. A feature
   * that was refused is no error; a name the kernel does not know is one, and then nothing was switched.
   */
  async set(link: LinkReference, features: Readonly<Record<string, boolean>>): Promise<FeatureChange> {
    const answer = await this.#client.change({
      link,
      message: ETHTOOL_MSG_FEATURES_SET,
      operation: "switch features",
      subject: "features that can be switched",
      write: (attributes) => writeBits(ETHTOOL_A_FEATURES_WANTED, features, attributes),
    });
    return answer === undefined ? { refused: [], changed: {} } : decodeFeatureChange(answer);
  }
}

/** Reads the payload of an ETHTOOL_MSG_FEATURES_GET_REPLY. */
export function decodeFeatures(payload: Uint8Array): Features {
  const bitset = bitsetsIn(payload);
  return {
    known: namesOf(bitset(ETHTOOL_A_FEATURES_HW)),
    hardware: setNamesOf(bitset(ETHTOOL_A_FEATURES_HW)),
    wanted: setNamesOf(bitset(ETHTOOL_A_FEATURES_WANTED)),
    active: setNamesOf(bitset(ETHTOOL_A_FEATURES_ACTIVE)),
    fixed: setNamesOf(bitset(ETHTOOL_A_FEATURES_NOCHANGE)),
  };
}

/**
 * Reads the payload of an ETHTOOL_MSG_FEATURES_SET_REPLY: what is not as it was wanted, and what is not as it was
 * before.
 */
export function decodeFeatureChange(payload: Uint8Array): FeatureChange {
  const bitset = bitsetsIn(payload);
  const changed = bitset(ETHTOOL_A_FEATURES_ACTIVE);
  return {
    refused: namesOf(bitset(ETHTOOL_A_FEATURES_WANTED)),
    changed: Object.fromEntries(changed.map(({ name, isSet }) => [name, isSet])),
  };
}

function bitsetsIn(payload: Uint8Array): (type: number) => Bitset {
  const attributes = readGeneric(payload);
  return (type) => readBitset(attributes.bytes(type) ?? new Uint8Array());
}
