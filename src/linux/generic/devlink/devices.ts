import { ENODEV } from "../../errno.ts";
import type { AttributeReader } from "../../netlink/attribute.ts";
import { isErrno } from "../../netlink/error.ts";
import type { NameOrNumber } from "../../route/names.ts";
import { nestsOf, readGeneric } from "../family.ts";
import { nameTold } from "../told.ts";
import type { DevlinkClient } from "./client.ts";
import { handleOf } from "./handle.ts";
import { RELOAD_ACTIONS, RELOAD_LIMITS, type Reload, type ReloadAction, reloadDevice } from "./reload.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_GET = 1;
const DEVLINK_CMD_INFO_GET = 51;
const DEVLINK_ATTR_INFO_DRIVER_NAME = 98;
const DEVLINK_ATTR_INFO_SERIAL_NUMBER = 99;
const DEVLINK_ATTR_INFO_VERSION_FIXED = 100;
const DEVLINK_ATTR_INFO_VERSION_RUNNING = 101;
const DEVLINK_ATTR_INFO_VERSION_STORED = 102;
const DEVLINK_ATTR_INFO_VERSION_NAME = 103;
const DEVLINK_ATTR_INFO_VERSION_VALUE = 104;
const DEVLINK_ATTR_RELOAD_FAILED = 136;
const DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER = 146;
const DEVLINK_ATTR_RELOAD_ACTION = 153;
const DEVLINK_ATTR_DEV_STATS = 156;
const DEVLINK_ATTR_RELOAD_STATS = 157;
const DEVLINK_ATTR_RELOAD_STATS_ENTRY = 158;
const DEVLINK_ATTR_RELOAD_STATS_LIMIT = 159;
const DEVLINK_ATTR_RELOAD_STATS_VALUE = 160;
const DEVLINK_ATTR_RELOAD_ACTION_INFO = 162;
const DEVLINK_ATTR_RELOAD_ACTION_STATS = 163;

/** A device that devlink knows. */
export interface DevlinkDevice {
  /** Bus and name, such as `pci/0000:86:00.0`. */
  readonly device: string;
  /** A reload failed half-way: the device is down until another one succeeds. */
  readonly hasReloadFailed: boolean;
  /** How often the device was reloaded since its driver was bound, for each way it can be. */
  readonly reloads: readonly ReloadCount[];
}

/** How often a device was reloaded in one way. */
export interface ReloadCount {
  readonly action: ReloadAction;
  readonly limit: NameOrNumber<keyof typeof RELOAD_LIMITS>;
  readonly count: number;
}

/** What a device's driver tells of it. */
export interface DevlinkInfo {
  readonly device: string;
  readonly driver: string | undefined;
  readonly serialNumber: string | undefined;
  readonly boardSerialNumber: string | undefined;
  /** Versions by name, such as `fw.mgmt`. */
  readonly versions: {
    /** Of what cannot be changed, such as the board. */
    readonly fixed: Readonly<Record<string, string>>;
    readonly running: Readonly<Record<string, string>>;
    /** Of what lies in the device's memory and runs from its next reset on. */
    readonly stored: Readonly<Record<string, string>>;
  };
}

/** The devlink devices of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class DevlinkDevices {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** Every device; those that were reloaded into another namespace are listed there. */
  async list(): Promise<DevlinkDevice[]> {
    return await this.#client.list(
      { command: DEVLINK_CMD_GET, operation: "list devlink devices" },
      decodeDevice,
    );
  }

  /** One device, such as `pci/0000:86:00.0`; ENODEV where there is none. */
  async get(device: string): Promise<DevlinkDevice> {
    const operation = `get the devlink device ${device}`;
    return await this.#client.read({ device, command: DEVLINK_CMD_GET, operation }, decodeDevice);
  }

  /** One device, or undefined where there is none. */
  async find(device: string): Promise<DevlinkDevice | undefined> {
    try {
      return await this.get(device);
    } catch (error) {
      if (isErrno(error, ENODEV)) return undefined;
      throw error;
    }
  }

  /** Driver, serial numbers and versions. */
  async info(device: string): Promise<DevlinkInfo> {
    const operation = `read what the driver tells of ${device}`;
    return await this.#client.read({ device, command: DEVLINK_CMD_INFO_GET, operation }, decodeInfo);
  }

  /**
   * Reloads a device, which takes seconds and its links away for that time. Gives what was done; a driver may
   * have to do more than was asked. After an error the device may be down (see `DevlinkDevice.hasReloadFailed`).
   */
  async reload(device: string, reload: Reload = {}): Promise<readonly ReloadAction[]> {
    return await reloadDevice(this.#client, device, reload);
  }
}

/** Reads the payload of a DEVLINK_CMD_NEW; undefined when it names no device. */
export function decodeDevice(payload: Uint8Array): DevlinkDevice | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  if (device === undefined) return undefined;
  const statistics = attributes.nested(DEVLINK_ATTR_DEV_STATS)?.nested(DEVLINK_ATTR_RELOAD_STATS);
  return {
    device,
    hasReloadFailed: attributes.u8(DEVLINK_ATTR_RELOAD_FAILED) === 1,
    reloads: nestsOf(statistics, DEVLINK_ATTR_RELOAD_ACTION_INFO).flatMap(readReloadCounts),
  };
}

/** Reads what the driver tells of a device; undefined when the payload names none. */
export function decodeInfo(payload: Uint8Array): DevlinkInfo | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  if (device === undefined) return undefined;
  return {
    device,
    driver: attributes.string(DEVLINK_ATTR_INFO_DRIVER_NAME),
    serialNumber: attributes.string(DEVLINK_ATTR_INFO_SERIAL_NUMBER),
    boardSerialNumber: attributes.string(DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER),
    versions: {
      fixed: readVersions(attributes, DEVLINK_ATTR_INFO_VERSION_FIXED),
      running: readVersions(attributes, DEVLINK_ATTR_INFO_VERSION_RUNNING),
      stored: readVersions(attributes, DEVLINK_ATTR_INFO_VERSION_STORED),
    },
  };
}

function readReloadCounts(info: AttributeReader): ReloadCount[] {
  const action = nameTold(RELOAD_ACTIONS, info.u8(DEVLINK_ATTR_RELOAD_ACTION));
  const statistics = info.nested(DEVLINK_ATTR_RELOAD_ACTION_STATS);
  return nestsOf(statistics, DEVLINK_ATTR_RELOAD_STATS_ENTRY).flatMap((entry) => {
    const limit = nameTold(RELOAD_LIMITS, entry.u8(DEVLINK_ATTR_RELOAD_STATS_LIMIT));
    const count = entry.u32(DEVLINK_ATTR_RELOAD_STATS_VALUE);
    return action === undefined || limit === undefined || count === undefined
      ? []
      : [{ action, limit, count }];
  });
}

function readVersions(attributes: AttributeReader, type: number): Record<string, string> {
  return Object.fromEntries(
    nestsOf(attributes, type).flatMap((version) => {
      const name = version.string(DEVLINK_ATTR_INFO_VERSION_NAME);
      const value = version.string(DEVLINK_ATTR_INFO_VERSION_VALUE);
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}
