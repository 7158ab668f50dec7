import { NotFoundError } from "../../model/errors.ts";
import { ENOENT } from "../errno.ts";
import { AttributeReader, type AttributeWriter } from "../netlink/attribute.ts";
import { isErrno } from "../netlink/error.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_DUMP } from "../netlink/message.ts";
import type { DumpResult, NetlinkClient, RequestOptions } from "../worker/netlink-client.ts";

/** The family that tells of the others (include/uapi/linux/genetlink.h); the only one with a fixed number. */
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** struct genlmsghdr: command, version, reserved. */
export const GENERIC_HEADER_SIZE = 4;

/**
 * Stands in a request until its family's number is known: it is encoded before that is looked up, so that what cannot
 * be asked is refused before anything is sent.
 */
const UNKNOWN_ID = 0;

/** What one command of a family asks. */
export interface GenericRequest {
  /** Words for people: `set the eswitch mode of pci/0000:86:00.0 to switchdev`. */
  readonly operation: string;
  /** The family's command number. */
  readonly command: number;
  readonly write?: (attributes: AttributeWriter) => void;
}

/**
 * A generic netlink family in one network namespace. Its number is asked for by name at the first request, and again
 * when the kernel no longer knows it: a module that was loaded anew has another one.
 */
export class GenericFamily {
  readonly name: string;
  readonly #client: NetlinkClient;
  readonly #version: number;
  #id: Promise<number> | undefined;

  /** `client` speaks NETLINK_GENERIC. */
  constructor(client: NetlinkClient, name: string, version: number) {
    this.#client = client;
    this.name = name;
    this.#version = version;
  }

  /**
   * Sends one command and gives the payload of each message it is answered with, for `readGeneric`. Goes by the lane
   * `slow` where the options name none. Throws NotFoundError when the kernel has no such family, NetlinkError when it
   * refuses.
   */
  async request(request: GenericRequest, options: RequestOptions = {}): Promise<readonly Uint8Array[]> {
    const { operation } = request;
    const message = encodeGeneric(UNKNOWN_ID, NLM_F_ACK, this.#version, request);
    return await this.#withId(async (id) => {
      setFamily(message, id);
      const messages = await this.#client.request(operation, message, { lane: "slow", ...options });
      return messages.map(({ payload }) => payload);
    });
  }

  /** Reads a table and gives the payload of each entry; by the lane `slow`, because most of them ask a driver. */
  async dump(request: GenericRequest): Promise<DumpResult<Uint8Array>> {
    const { operation } = request;
    const message = encodeGeneric(UNKNOWN_ID, NLM_F_DUMP, this.#version, request);
    return await this.#withId(async (id) => {
      setFamily(message, id);
      return await this.#client.dump(operation, message, ({ payload }) => payload, "slow");
    });
  }

  async #withId<T>(ask: (id: number) => Promise<T>): Promise<T> {
    const known = this.#id;
    const id = await (known ?? this.#remember());
    try {
      return await ask(id);
    } catch (error) {
      // A number that no longer means a family gives ENOENT (genl_rcv_msg, net/netlink/genetlink.c).
      if (known === undefined || !isErrno(error, ENOENT)) throw error;
      const renewed = await this.#remember();
      if (renewed === id) throw error;
      return await ask(renewed);
    }
  }

  #remember(): Promise<number> {
    const id = this.#resolve();
    this.#id = id;
    id.catch(() => {
      if (this.#id === id) this.#id = undefined;
    });
    return id;
  }

  async #resolve(): Promise<number> {
    const operation = `look up the generic netlink family "${this.name}"`;
    const message = encodeGeneric(GENL_ID_CTRL, 0, 1, {
      operation,
      command: CTRL_CMD_GETFAMILY,
      write: (attributes) => attributes.string(CTRL_ATTR_FAMILY_NAME, this.name),
    });
    // Every generic request holds one lock of the kernel's (cb_lock, net/netlink/genetlink.c), behind which a lookup
    // waits as soon as a family is being registered: it must not hold up what goes by the lane `read`.
    const [answer] = await this.#client.request(operation, message, {
      lane: "slow",
      isRead: true,
      tolerates: [ENOENT],
    });
    const id = answer === undefined ? undefined : readGeneric(answer.payload).u16(CTRL_ATTR_FAMILY_ID);
    if (id === undefined) throw new NotFoundError(`this kernel has no generic netlink family "${this.name}"`);
    return id;
  }
}

/** A generic netlink message; `id` is the family's number. */
function encodeGeneric(
  id: number,
  flags: number,
  version: number,
  { command, write }: GenericRequest,
): Uint8Array {
  return encodeMessage(id, flags, Uint8Array.of(command, version, 0, 0), write);
}

/** Puts the family's number into an encoded request. */
function setFamily(message: Uint8Array, id: number): void {
  new DataView(message.buffer, message.byteOffset).setUint16(4, id, true);
}

/** The attributes of a message's payload, behind its generic header; none when it is too short for one. */
export function readGeneric(payload: Uint8Array): AttributeReader {
  return new AttributeReader(payload.subarray(Math.min(GENERIC_HEADER_SIZE, payload.length)));
}

/** The nests of one type, in their order. */
export function nestsOf(attributes: AttributeReader | undefined, type: number): AttributeReader[] {
  const entries = attributes?.entries() ?? [];
  return entries.filter((one) => one.type === type).map(({ payload }) => new AttributeReader(payload));
}
