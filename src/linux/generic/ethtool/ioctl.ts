import type { LinkIoctls } from "../../worker/ioctls.ts";
import { describeOperation, type LinkReference, refusalReasons } from "./client.ts";

/** Hands a structure to a link's driver (include/uapi/linux/sockios.h). */
const SIOCETHTOOL = 0x8946;

/** What is asked of a link's driver in one trip. */
export interface EthtoolIoctl {
  readonly link: LinkReference;
  /** Words for people, without link and namespace: `read the driver`. */
  readonly operation: string;
  /** What the driver does not offer when it refuses with EOPNOTSUPP. */
  readonly subject: string;
  /** The structures, each beginning with its command. */
  readonly structures: readonly Uint8Array[];
  /** Bytes the kernel may write behind each structure. */
  readonly spare?: number;
}

/** The requests of ethtool that netlink does not have, in one network namespace. */
export class EthtoolIoctls {
  readonly #ioctls: LinkIoctls;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(ioctls: LinkIoctls, place: string) {
    this.#ioctls = ioctls;
    this.#place = place;
  }

  /** Hands the structures to the driver and gives them as they are afterwards. Throws NetlinkError. */
  async ask({
    link,
    operation,
    subject,
    structures,
    spare = 0,
  }: EthtoolIoctl): Promise<readonly Uint8Array[]> {
    return await this.#ioctls.call(
      describeOperation(operation, link, this.#place),
      structures.map((structure) => ({ code: SIOCETHTOOL, link, structure, spare })),
      refusalReasons(subject),
    );
  }
}

/** A structure of this size that begins with these numbers of 32 bits. */
export function makeStructure(size: number, ...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, position) => {
    view.setUint32(position * 4, number, true);
  });
  return bytes;
}
