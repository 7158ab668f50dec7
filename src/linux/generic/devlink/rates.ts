import { InvalidValueError } from "../../../model/errors.ts";
import { ENODEV, EOPNOTSUPP } from "../../errno.ts";
import type { AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readGeneric } from "../family.ts";
import { told } from "../told.ts";
import { DEVLINK_ATTR_PORT_INDEX, type DevlinkClient, type DevlinkRequest } from "./client.ts";
import { handleOf } from "./handle.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_RATE_GET = 74;
const DEVLINK_CMD_RATE_SET = 75;
const DEVLINK_CMD_RATE_NEW = 76;
const DEVLINK_CMD_RATE_DEL = 77;
const DEVLINK_ATTR_RATE_TX_SHARE = 166;
const DEVLINK_ATTR_RATE_TX_MAX = 167;
const DEVLINK_ATTR_RATE_NODE_NAME = 168;
const DEVLINK_ATTR_RATE_PARENT_NODE_NAME = 169;
/** Since Linux 6.2. */
const DEVLINK_ATTR_RATE_TX_PRIORITY = 177;
const DEVLINK_ATTR_RATE_TX_WEIGHT = 178;

/** What a rate object belongs to: the function behind a port (a leaf), or a group made by name (a node). */
export type RateSubject = { readonly port: number } | { readonly node: string };

/** What a rate object lets through towards the wire. */
export interface RateLimits {
  /** Bits per second it is sure to get; 0 for none. */
  readonly txShare: number;
  /** Bits per second it gets at most; 0 for no limit. */
  readonly txMax: number;
  /** Among siblings, strictly: the higher first. Kernels before 6.2 leave it out, and ignore it where it is set. */
  readonly txPriority?: number;
  /** Among siblings of one priority, in proportion. Kernels before 6.2 leave it out, and ignore it as well. */
  readonly txWeight?: number;
}

/** A rate object as the kernel tells it. */
export type DevlinkRate = RateSubject &
  RateLimits & {
    readonly device: string;
    /** The node it hangs under, whose limits hold for all its children together. */
    readonly parent?: string;
  };

/** What can be set on a rate object; what is left out stays. `parent: null` takes it out of its node. */
export interface RateSettings extends Partial<RateLimits> {
  readonly parent?: string | null;
}

const REASONS = {
  [ENODEV]: "no such devlink device, port or rate node there",
  [EOPNOTSUPP]: "the device's driver has no such rates, or the port no function behind it",
};

/**
 * Rates of a card's functions and of groups of them, as the card's own scheduler keeps them; there are some only in
 * switchdev mode. All calls throw NetlinkError when the kernel refuses, and InvalidValueError before anything is sent
 * for what cannot be.
 */
export class DevlinkRates {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** Every rate object, or those of one device. */
  async list(device?: string): Promise<DevlinkRate[]> {
    const operation = device === undefined ? "list devlink rates" : `list the rates of ${device}`;
    return await this.#client.list({ command: DEVLINK_CMD_RATE_GET, operation, device }, decodeRate);
  }

  /** One rate object; ENODEV where there is none. */
  async get(device: string, subject: RateSubject): Promise<DevlinkRate> {
    return await this.#client.read(ask(DEVLINK_CMD_RATE_GET, "read", device, subject), decodeRate);
  }

  /** Makes a node; EEXIST when there is one of that name. */
  async addNode(device: string, node: string, settings: RateSettings = {}): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_RATE_NEW, "add", device, { node }, settings));
  }

  /** Sets rates; the kernel does not undo the first when a later one fails. */
  async set(device: string, subject: RateSubject, settings: RateSettings): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_RATE_SET, "set", device, subject, settings));
  }

  /** Takes a node away; EBUSY while something hangs under it. */
  async deleteNode(device: string, node: string): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_RATE_DEL, "delete", device, { node }));
  }
}

/** Reads the payload of a DEVLINK_CMD_RATE_NEW; undefined when it names neither port nor node. */
export function decodeRate(payload: Uint8Array): DevlinkRate | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  const port = attributes.u32(DEVLINK_ATTR_PORT_INDEX);
  const node = attributes.string(DEVLINK_ATTR_RATE_NODE_NAME);
  const subject = port !== undefined ? { port } : node !== undefined ? { node } : undefined;
  if (device === undefined || subject === undefined) return undefined;
  return {
    device,
    ...subject,
    txShare: toBitsPerSecond(attributes.u64(DEVLINK_ATTR_RATE_TX_SHARE)),
    txMax: toBitsPerSecond(attributes.u64(DEVLINK_ATTR_RATE_TX_MAX)),
    ...told({
      txPriority: attributes.u32(DEVLINK_ATTR_RATE_TX_PRIORITY),
      txWeight: attributes.u32(DEVLINK_ATTR_RATE_TX_WEIGHT),
      parent: attributes.string(DEVLINK_ATTR_RATE_PARENT_NODE_NAME),
    }),
  };
}

function ask(
  command: number,
  verb: string,
  device: string,
  subject: RateSubject,
  settings: RateSettings = {},
): DevlinkRequest {
  const isLeaf = "port" in subject;
  return {
    device,
    ...(isLeaf ? { port: subject.port } : {}),
    command,
    operation: `${verb} the rates of ${isLeaf ? `port ${subject.port}` : `node ${subject.node}`} of ${device}`,
    reasons: REASONS,
    write: (attributes) => {
      if (!isLeaf) attributes.string(DEVLINK_ATTR_RATE_NODE_NAME, checkNode(subject.node));
      writeSettings(settings, attributes);
    },
  };
}

function writeSettings(settings: RateSettings, attributes: AttributeWriter): void {
  const { txShare, txMax, txPriority, txWeight, parent } = settings;
  if (txShare !== undefined) attributes.u64(DEVLINK_ATTR_RATE_TX_SHARE, toBytesPerSecond(txShare, "txShare"));
  if (txMax !== undefined) attributes.u64(DEVLINK_ATTR_RATE_TX_MAX, toBytesPerSecond(txMax, "txMax"));
  if (txPriority !== undefined)
    attributes.u32(DEVLINK_ATTR_RATE_TX_PRIORITY, wholeNumber("txPriority", txPriority));
  if (txWeight !== undefined) attributes.u32(DEVLINK_ATTR_RATE_TX_WEIGHT, wholeNumber("txWeight", txWeight));
  // No name stands for no parent (devlink_nl_rate_parent_node_set, net/devlink/rate.c).
  if (parent !== undefined)
    attributes.string(DEVLINK_ATTR_RATE_PARENT_NODE_NAME, parent === null ? "" : checkNode(parent));
}

/** The kernel takes a name of digits alone for a port's index (net/devlink/rate.c). */
function checkNode(name: string): string {
  if (/^[!-.0-~]+$/.test(name) && !/^\d+$/.test(name)) return name;
  throw new InvalidValueError(
    "devlink rate node",
    name,
    "a name without blanks and slashes, not of digits alone",
  );
}

/** Rounded up, so that a limit never becomes none. */
function toBytesPerSecond(rate: number, place: string): number {
  if (Number.isSafeInteger(rate) && rate >= 0) return Math.ceil(rate / 8);
  throw new InvalidValueError(place, rate, "a whole number of bits per second, 0 for none");
}

function toBitsPerSecond(bytes: bigint | undefined): number {
  return bytes === undefined ? 0 : Number(bytes) * 8;
}
