import { LanyardError } from "../../../model/errors.ts";
import { ENODEV, EOPNOTSUPP } from "../../errno.ts";
import type { AttributeWriter } from "../../netlink/attribute.ts";
import type { GenericFamily } from "../family.ts";
import { writeHandle } from "./handle.ts";

/** Index of one of a device's ports (enum devlink_attr, include/uapi/linux/devlink.h). */
export const DEVLINK_ATTR_PORT_INDEX = 3;

/** One devlink request about a device. */
export interface DevlinkRequest {
  /** The device, such as `pci/0000:86:00.0`. */
  readonly device: string;
  /** Index of the device's port that is meant. */
  readonly port?: number | undefined;
  /** The command number (enum devlink_command, include/uapi/linux/devlink.h). */
  readonly command: number;
  /** Words for people, without the namespace: `set the eswitch mode of pci/0000:86:00.0`. */
  readonly operation: string;
  /** Writes what stands behind the device and its port. */
  readonly write?: (attributes: AttributeWriter) => void;
  /** What a refusal means here, by error number. */
  readonly reasons?: Readonly<Record<number, string>>;
}

/** One devlink table. */
export interface DevlinkDump {
  readonly command: number;
  /** Words for people, without the namespace: `list devlink ports`. */
  readonly operation: string;
  /** Only what belongs to this device. */
  readonly device?: string | undefined;
}

/**
 * devlink requests in one network namespace. Everything goes by the lane `slow`, because a driver may take seconds,
 * and changes of one device one after the other.
 */
export class DevlinkClient {
  readonly #family: GenericFamily;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(family: GenericFamily, place: string) {
    this.#family = family;
    this.#place = place;
  }

  /** Asks for one object. Throws NetlinkError when the kernel refuses. */
  async read<T>(request: DevlinkRequest, decode: (payload: Uint8Array) => T | undefined): Promise<T> {
    const [answer] = await this.#send(request, { isRead: true });
    const value = answer === undefined ? undefined : decode(answer);
    if (value === undefined) {
      throw new LanyardError("kernel", `${request.operation} in ${this.#place}: the answer is not readable`);
    }
    return value;
  }

  /**
   * Reads a table. devlink never marks a dump as interrupted (net/devlink/netlink.c): what is made or taken away while
   * it runs may be missing.
   */
  async list<T extends { readonly device: string }>(
    { command, operation, device }: DevlinkDump,
    decode: (payload: Uint8Array) => T | undefined,
  ): Promise<T[]> {
    const { entries } = await this.#family.dump({
      command,
      operation: `${operation} in ${this.#place}`,
      // Kernels before 6.6 do not look at it and give what belongs to other devices as well.
      write: (attributes) => (device === undefined ? undefined : writeHandle(device, attributes)),
    });
    return entries
      .map(decode)
      .filter((found) => found !== undefined)
      .filter((found) => device === undefined || found.device === device);
  }

  /** Changes something, and gives the messages the kernel answers with besides its yes. Throws NetlinkError when it refuses. */
  async change(request: DevlinkRequest): Promise<readonly Uint8Array[]> {
    return await this.#send(request, { key: request.device });
  }

  async #send(
    { device, port, command, operation, write, reasons }: DevlinkRequest,
    schedule: { readonly isRead?: boolean; readonly key?: string },
  ): Promise<readonly Uint8Array[]> {
    return await this.#family.request(
      {
        command,
        operation: `${operation} in ${this.#place}`,
        write: (attributes) => {
          writeHandle(device, attributes);
          if (port !== undefined) attributes.u32(DEVLINK_ATTR_PORT_INDEX, port);
          write?.(attributes);
        },
      },
      {
        ...schedule,
        reasons: {
          [ENODEV]: `no such ${port === undefined ? "devlink device" : "devlink device or port"} there`,
          [EOPNOTSUPP]: "the device's driver does not offer this",
          ...reasons,
        },
      },
    );
  }
}
