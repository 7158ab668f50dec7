import { InvalidValueError } from "../../../model/errors.ts";
import { EINVAL, EOPNOTSUPP } from "../../errno.ts";
import type { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { nameOf, numberOf } from "../../route/names.ts";
import { wholeNumber } from "../../whole-number.ts";
import { nestsOf, readGeneric } from "../family.ts";
import type { DevlinkClient } from "./client.ts";
import { handleOf } from "./handle.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_PARAM_GET = 38;
const DEVLINK_CMD_PARAM_SET = 39;
const DEVLINK_ATTR_PARAM = 80;
const DEVLINK_ATTR_PARAM_NAME = 81;
const DEVLINK_ATTR_PARAM_GENERIC = 82;
const DEVLINK_ATTR_PARAM_TYPE = 83;
const DEVLINK_ATTR_PARAM_VALUES_LIST = 84;
const DEVLINK_ATTR_PARAM_VALUE = 85;
const DEVLINK_ATTR_PARAM_VALUE_DATA = 86;
const DEVLINK_ATTR_PARAM_VALUE_CMODE = 87;

/** Numbers of the types (include/net/netlink.h, NLA_U8 and so on; later enum devlink_var_attr_type). */
const TYPES = { u8: 1, u16: 2, u32: 3, u64: 4, string: 5, bool: 6 } as const;

const MAX_UINT64 = 2n ** 64n - 1n;

/** enum devlink_param_cmode. */
const MODES = { runtime: 0, driverinit: 1, permanent: 2 } as const;

export type ParameterType = keyof typeof TYPES;

/** When a value holds: at once, from the next reload on (`driverinit`), or from the next reset on, for good. */
export type ParameterMode = keyof typeof MODES;

/** A bigint only where a number does not hold it. */
export type ParameterValue = boolean | number | bigint | string;

/** A parameter of a device's driver. */
export interface DevlinkParameter {
  readonly device: string;
  readonly name: string;
  /** Means the same for every driver (Documentation/networking/devlink/devlink-params.rst). */
  readonly isGeneric: boolean;
  readonly type: ParameterType;
  /** Its value for each of its modes. */
  readonly values: Readonly<Partial<Record<ParameterMode, ParameterValue>>>;
}

/** A value to be set. */
export interface ParameterSetting {
  readonly name: string;
  readonly value: ParameterValue;
  readonly mode: ParameterMode;
  /** The parameter's type, which the kernel wants to be told; it is asked for where it is not known. */
  readonly type?: ParameterType;
}

const REASONS = {
  [EINVAL]: "there is no parameter of that name, or it does not take the value",
  [EOPNOTSUPP]: "the parameter cannot be set in this mode",
};

/** The parameters of one network namespace's devices. All calls throw NetlinkError when the kernel refuses. */
export class DevlinkParameters {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** Every parameter, or those of one device. */
  async list(device?: string): Promise<DevlinkParameter[]> {
    const operation = device === undefined ? "list devlink parameters" : `list the parameters of ${device}`;
    return await this.#client.list({ command: DEVLINK_CMD_PARAM_GET, operation, device }, decodeParameter);
  }

  /** One parameter; EINVAL where there is none. */
  async get(device: string, name: string): Promise<DevlinkParameter> {
    return await this.#client.read(
      {
        device,
        command: DEVLINK_CMD_PARAM_GET,
        operation: `read the parameter ${name} of ${device}`,
        reasons: REASONS,
        write: (attributes) => attributes.string(DEVLINK_ATTR_PARAM_NAME, name),
      },
      decodeParameter,
    );
  }

  /** Sets a parameter. Throws InvalidValueError when the value is not of the parameter's type. */
  async set(device: string, setting: ParameterSetting): Promise<void> {
    const { name, value, mode, type = (await this.get(device, name)).type } = setting;
    await this.#client.change({
      device,
      command: DEVLINK_CMD_PARAM_SET,
      operation: `set the parameter ${name} of ${device} to ${value} (${mode})`,
      reasons: REASONS,
      write: (attributes) => {
        attributes
          .string(DEVLINK_ATTR_PARAM_NAME, name)
          .u8(DEVLINK_ATTR_PARAM_VALUE_CMODE, numberOf("parameter mode", MODES, mode))
          .u8(DEVLINK_ATTR_PARAM_TYPE, TYPES[type]);
        writeValue(type, value, `${device} parameter ${name}`, attributes);
      },
    });
  }
}

/** Reads the payload of a DEVLINK_CMD_PARAM_NEW; undefined when it names no parameter of a type known here. */
export function decodeParameter(payload: Uint8Array): DevlinkParameter | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  const nest = attributes.nested(DEVLINK_ATTR_PARAM);
  const name = nest?.string(DEVLINK_ATTR_PARAM_NAME);
  const type = nameOf(TYPES, nest?.u8(DEVLINK_ATTR_PARAM_TYPE) ?? 0);
  if (device === undefined || nest === undefined || name === undefined || typeof type === "number")
    return undefined;
  const values: Partial<Record<ParameterMode, ParameterValue>> = {};
  for (const entry of nestsOf(nest.nested(DEVLINK_ATTR_PARAM_VALUES_LIST), DEVLINK_ATTR_PARAM_VALUE)) {
    const mode = nameOf(MODES, entry.u8(DEVLINK_ATTR_PARAM_VALUE_CMODE) ?? -1);
    const value = readValue(type, entry);
    if (typeof mode === "string" && value !== undefined) values[mode] = value;
  }
  return { device, name, isGeneric: nest.has(DEVLINK_ATTR_PARAM_GENERIC), type, values };
}

function readValue(type: ParameterType, entry: AttributeReader): ParameterValue | undefined {
  switch (type) {
    case "u8":
      return entry.u8(DEVLINK_ATTR_PARAM_VALUE_DATA);
    case "u16":
      return entry.u16(DEVLINK_ATTR_PARAM_VALUE_DATA);
    case "u32":
      return entry.u32(DEVLINK_ATTR_PARAM_VALUE_DATA);
    case "u64": {
      const value = entry.u64(DEVLINK_ATTR_PARAM_VALUE_DATA);
      return value !== undefined && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    }
    case "string":
      return entry.string(DEVLINK_ATTR_PARAM_VALUE_DATA);
    case "bool":
      return entry.has(DEVLINK_ATTR_PARAM_VALUE_DATA);
  }
}

function writeValue(
  type: ParameterType,
  value: ParameterValue,
  place: string,
  attributes: AttributeWriter,
): void {
  const whole = (most: number) => {
    if (typeof value !== "number")
      throw new InvalidValueError(place, String(value), `a whole number up to ${most}`);
    return wholeNumber(place, value, 0, most);
  };
  switch (type) {
    case "u8":
      attributes.u8(DEVLINK_ATTR_PARAM_VALUE_DATA, whole(0xff));
      return;
    case "u16":
      attributes.u16(DEVLINK_ATTR_PARAM_VALUE_DATA, whole(0xffff));
      return;
    case "u32":
      attributes.u32(DEVLINK_ATTR_PARAM_VALUE_DATA, whole(0xffffffff));
      return;
    case "u64":
      attributes.u64(
        DEVLINK_ATTR_PARAM_VALUE_DATA,
        typeof value === "bigint" && value >= 0n && value <= MAX_UINT64
          ? value
          : whole(Number.MAX_SAFE_INTEGER),
      );
      return;
    case "string":
      if (typeof value !== "string") throw new InvalidValueError(place, String(value), "text");
      attributes.string(DEVLINK_ATTR_PARAM_VALUE_DATA, value);
      return;
    case "bool":
      if (typeof value !== "boolean") throw new InvalidValueError(place, String(value), "true or false");
      // It is there or not (devlink_param_value_get_from_info, net/devlink/param.c).
      if (value) attributes.flag(DEVLINK_ATTR_PARAM_VALUE_DATA);
      return;
  }
}
