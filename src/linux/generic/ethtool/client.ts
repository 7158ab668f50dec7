import { InvalidValueError, LanyardError } from "../../../model/errors.ts";
import { ENODEV, EOPNOTSUPP } from "../../errno.ts";
import type { AttributeWriter } from "../../netlink/attribute.ts";
import type { GenericFamily } from "../family.ts";

/** Inside every request's header (include/uapi/linux/ethtool_netlink.h). */
const ETHTOOL_A_HEADER_DEV_INDEX = 1;
const ETHTOOL_A_HEADER_DEV_NAME = 2;
/** The header is the first attribute of every command; statistics alone have theirs behind padding. */
const ETHTOOL_A_HEADER = 1;

/** A link as it is named in a request: its index, or its name or one of its other names. */
export type LinkReference = number | string;

/** One ethtool request about a link. */
export interface EthtoolRequest {
  readonly link: LinkReference;
  /** The message's number (ETHTOOL_MSG_*, include/uapi/linux/ethtool_netlink.h). */
  readonly message: number;
  /** Words for people, without link and namespace: `set the channels`. */
  readonly operation: string;
  /** What the driver does not offer when it refuses with EOPNOTSUPP: `channels`. */
  readonly subject: string;
  /** Attribute type of the header where it is another one than everywhere. */
  readonly header?: number;
  readonly write?: (attributes: AttributeWriter) => void;
}

/**
 * ethtool requests in one network namespace. Each holds the kernel's RTNL lock and asks the driver, so that all go by
 * the lane `slow`, and changes of one link one after the other.
 */
export class EthtoolClient {
  readonly #family: GenericFamily;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(family: GenericFamily, place: string) {
    this.#family = family;
    this.#place = place;
  }

  /** Asks for something. Throws NetlinkError when the kernel refuses. */
  async read<T>(request: EthtoolRequest, decode: (payload: Uint8Array) => T | undefined): Promise<T> {
    const [answer] = await this.#send(request, { isRead: true });
    const value = answer === undefined ? undefined : decode(answer);
    if (value === undefined) {
      throw new LanyardError("kernel", `${this.#describe(request)}: the answer is not readable`);
    }
    return value;
  }

  /** Changes something, and gives the message the kernel answers with besides its yes. Throws NetlinkError. */
  async change(request: EthtoolRequest): Promise<Uint8Array | undefined> {
    const [answer] = await this.#send(request, { key: String(request.link) });
    return answer;
  }

  async #send(
    request: EthtoolRequest,
    schedule: { readonly isRead?: boolean; readonly key?: string },
  ): Promise<readonly Uint8Array[]> {
    const { link, message, header = ETHTOOL_A_HEADER, subject, write } = request;
    return await this.#family.request(
      {
        command: message,
        operation: this.#describe(request),
        write: (attributes) => {
          attributes.nest(header, (nest) => writeLink(link, nest));
          write?.(attributes);
        },
      },
      { ...schedule, reasons: refusalReasons(subject) },
    );
  }

  #describe({ operation, link }: EthtoolRequest): string {
    return describeOperation(operation, link, this.#place);
  }
}

/** The words of a request for people: `set the channels of link 7 in blue`. */
export function describeOperation(operation: string, link: LinkReference, place: string): string {
  return `${operation} of link ${link} in ${place}`;
}

/** What refusals mean for which the kernel has no words. */
export function refusalReasons(subject: string): Readonly<Record<number, string>> {
  return {
    [ENODEV]: "no such link there",
    [EOPNOTSUPP]: `the link's driver offers no ${subject}`,
  };
}

function writeLink(link: LinkReference, nest: AttributeWriter): void {
  if (typeof link === "string" && link !== "") {
    nest.string(ETHTOOL_A_HEADER_DEV_NAME, link);
  } else if (typeof link === "number" && Number.isInteger(link) && link > 0) {
    nest.u32(ETHTOOL_A_HEADER_DEV_INDEX, link);
  } else {
    throw new InvalidValueError("link", link, "its index or its name");
  }
}
