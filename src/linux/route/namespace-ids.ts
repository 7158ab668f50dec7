import { LanyardError } from "../../model/errors.ts";
import { EEXIST } from "../errno.ts";
import { AttributeReader } from "../netlink/attribute.ts";
import { encodeMessage, NLM_F_ACK } from "../netlink/message.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";

/** include/uapi/linux/rtnetlink.h, net_namespace.h. */
const RTM_NEWNSID = 88;
export const RTM_DELNSID = 89;
const RTM_GETNSID = 90;
/** struct rtgenmsg is one byte, padded to four. */
const HEADER_SIZE = 4;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
const NOT_ASSIGNED = -1;

/** Ids by which one network namespace knows others: announcements of a namespace without an id are not heard. */
export class NamespaceIds {
  readonly #client: NetlinkClient;

  constructor(client: NetlinkClient) {
    this.#client = client;
  }

  /**
   * The id of the namespace behind an open descriptor, given now where it has none. Throws LanyardError when it has none
   * even then: by -1 the hub would take it for its own namespace.
   */
  async ensure(namespaceFd: number): Promise<number> {
    const known = await this.find(namespaceFd);
    if (known !== undefined) return known;
    await this.#client.send(this.prepareEnsure(namespaceFd));
    const given = await this.find(namespaceFd);
    if (given !== undefined) return given;
    throw new LanyardError("internal", "the kernel gave a network namespace no id");
  }

  /** Gives the namespace an id, to be sent with other requests; fine when it has one already. */
  prepareEnsure(namespaceFd: number): Prepared<void> {
    const message = encodeMessage(RTM_NEWNSID, NLM_F_ACK, new Uint8Array(HEADER_SIZE), (w) =>
      w.i32(NETNSA_NSID, NOT_ASSIGNED).u32(NETNSA_FD, namespaceFd),
    );
    const operation = "give the network namespace an id";
    return this.#client.prepare(operation, message, { tolerates: [EEXIST] }, () => {});
  }

  /** The id of the namespace behind an open descriptor; undefined where it has none. */
  async find(namespaceFd: number): Promise<number | undefined> {
    return await this.#client.send(this.prepareFind(namespaceFd));
  }

  /** `find`, to be sent with other requests. */
  prepareFind(namespaceFd: number): Prepared<number | undefined> {
    const message = encodeMessage(RTM_GETNSID, 0, new Uint8Array(HEADER_SIZE), (w) =>
      w.u32(NETNSA_FD, namespaceFd),
    );
    const operation = "read the network namespace's id";
    return this.#client.prepare(operation, message, { lane: "read" }, ([answer]) =>
      answer === undefined ? undefined : readNamespaceId(answer.payload),
    );
  }
}

/** The id in an RTM_NEWNSID; undefined where none is assigned. */
export function readNamespaceId(payload: Uint8Array): number | undefined {
  const id = new AttributeReader(payload.subarray(HEADER_SIZE)).i32(NETNSA_NSID);
  return id === undefined || id === NOT_ASSIGNED ? undefined : id;
}
