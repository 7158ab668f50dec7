import { EINVAL, EOPNOTSUPP } from "../../errno.ts";
import type { NameOrNumber } from "../../route/names.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readGeneric } from "../family.ts";
import { isTold, nameTold, told } from "../told.ts";
import { DEVLINK_ATTR_PORT_INDEX, type DevlinkClient, type DevlinkRequest } from "./client.ts";
import { handleOf } from "./handle.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_HEALTH_REPORTER_GET = 52;
const DEVLINK_CMD_HEALTH_REPORTER_SET = 53;
const DEVLINK_CMD_HEALTH_REPORTER_RECOVER = 54;
const DEVLINK_CMD_HEALTH_REPORTER_TEST = 73;
const DEVLINK_ATTR_HEALTH_REPORTER = 114;
const DEVLINK_ATTR_HEALTH_REPORTER_NAME = 115;
const DEVLINK_ATTR_HEALTH_REPORTER_STATE = 116;
const DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT = 117;
const DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT = 118;
const DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD = 120;
const DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER = 121;
const DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS_NS = 137;
const DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP = 141;

/** enum devlink_health_reporter_state (include/net/devlink.h). */
const STATES = { healthy: 0, error: 1 } as const;

const NANOSECONDS_PER_MS = 1_000_000n;

const REASONS = {
  [EINVAL]: "there is no reporter of that name",
  [EOPNOTSUPP]: "the reporter's driver does not offer this",
};

/** Which reporter is meant: a part of a device or of one of its ports that watches itself. */
export interface HealthReporterPlace {
  readonly device: string;
  /** Index of the port, for a reporter of a port. */
  readonly port?: number;
  /** The reporter's name, such as `fw_fatal`. */
  readonly name: string;
}

/** How a reporter acts on an error; what its driver does not offer is left out. */
export interface HealthReporterSettings {
  /** Milliseconds after a recovery in which another error is not recovered from by itself. */
  readonly gracePeriod?: number;
  /** Errors are recovered from without being asked. */
  readonly isAutoRecovering?: boolean;
  /** What is known of an error is kept without being asked. */
  readonly isAutoDumping?: boolean;
}

/** A health reporter as the kernel tells it. */
export interface HealthReporter extends HealthReporterPlace, HealthReporterSettings {
  readonly state: NameOrNumber<keyof typeof STATES>;
  /** Errors since the driver was bound. */
  readonly errors: number;
  /** Recoveries that succeeded. */
  readonly recoveries: number;
  /** When what is known of an error was kept, in milliseconds since 1970; left out where nothing is. */
  readonly dumpedAt?: number;
}

/** The health reporters of one network namespace's devices. All calls throw NetlinkError when the kernel refuses. */
export class HealthReporters {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** Every reporter, or those of one device and its ports. */
  async list(device?: string): Promise<HealthReporter[]> {
    const operation =
      device === undefined ? "list health reporters" : `list the health reporters of ${device}`;
    return await this.#client.list(
      { command: DEVLINK_CMD_HEALTH_REPORTER_GET, operation, device },
      decodeHealthReporter,
    );
  }

  /** One reporter; EINVAL where there is none. */
  async get(reporter: HealthReporterPlace): Promise<HealthReporter> {
    const request = ask(DEVLINK_CMD_HEALTH_REPORTER_GET, "read", reporter);
    return await this.#client.read(request, decodeHealthReporter);
  }

  /** Sets how a reporter acts; the kernel does not undo the first when a later one fails. */
  async set(reporter: HealthReporterPlace, settings: HealthReporterSettings): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_HEALTH_REPORTER_SET, "set", reporter, settings));
  }

  /** Recovers from an error, which takes as long as its driver needs; nothing happens to a healthy one. */
  async recover(reporter: HealthReporterPlace): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, "recover", reporter));
  }

  /** Has the driver play an error, where it can. */
  async test(reporter: HealthReporterPlace): Promise<void> {
    await this.#client.change(ask(DEVLINK_CMD_HEALTH_REPORTER_TEST, "test", reporter));
  }
}

/** Reads the payload of an answer about a health reporter; undefined when it names none. */
export function decodeHealthReporter(payload: Uint8Array): HealthReporter | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  const nest = attributes.nested(DEVLINK_ATTR_HEALTH_REPORTER);
  const name = nest?.string(DEVLINK_ATTR_HEALTH_REPORTER_NAME);
  const state = nameTold(STATES, nest?.u8(DEVLINK_ATTR_HEALTH_REPORTER_STATE));
  if (device === undefined || nest === undefined || name === undefined || state === undefined) {
    return undefined;
  }
  const gracePeriod = nest.u64(DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD);
  const dumpedAt = nest.u64(DEVLINK_ATTR_HEALTH_REPORTER_DUMP_TS_NS);
  return {
    device,
    name,
    state,
    errors: Number(nest.u64(DEVLINK_ATTR_HEALTH_REPORTER_ERR_COUNT) ?? 0),
    recoveries: Number(nest.u64(DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT) ?? 0),
    ...told({
      port: attributes.u32(DEVLINK_ATTR_PORT_INDEX),
      gracePeriod: gracePeriod === undefined ? undefined : Number(gracePeriod),
      isAutoRecovering: isTold(nest.u8(DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER)),
      isAutoDumping: isTold(nest.u8(DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP)),
      dumpedAt: dumpedAt === undefined ? undefined : Number(dumpedAt / NANOSECONDS_PER_MS),
    }),
  };
}

function ask(
  command: number,
  verb: string,
  { device, port, name }: HealthReporterPlace,
  { gracePeriod, isAutoRecovering, isAutoDumping }: HealthReporterSettings = {},
): DevlinkRequest {
  const owner = port === undefined ? device : `port ${port} of ${device}`;
  return {
    device,
    port,
    command,
    operation: `${verb} the health reporter ${name} of ${owner}`,
    reasons: REASONS,
    write: (attributes) => {
      attributes.string(DEVLINK_ATTR_HEALTH_REPORTER_NAME, name);
      if (gracePeriod !== undefined) {
        const milliseconds = wholeNumber("gracePeriod", gracePeriod, 0, Number.MAX_SAFE_INTEGER);
        attributes.u64(DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD, milliseconds);
      }
      if (isAutoRecovering !== undefined) {
        attributes.u8(DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER, isAutoRecovering ? 1 : 0);
      }
      if (isAutoDumping !== undefined) {
        attributes.u8(DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP, isAutoDumping ? 1 : 0);
      }
    },
  };
}
