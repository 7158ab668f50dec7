import { LanyardError } from "../../model/errors.ts";
import { errnoName, errnoText } from "../errno.ts";
import { AttributeReader, align4 } from "./attribute.ts";
import { MESSAGE_HEADER_SIZE, NLM_F_ACK_TLVS, NLM_F_CAPPED } from "./message.ts";

/** Attributes of an extended acknowledgement (enum nlmsgerr_attrs, include/uapi/linux/netlink.h). */
const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

/** What the kernel said besides the error number. */
export interface ExtendedAck {
  /** The kernel's own sentence. */
  readonly message?: string;
  /** Offset in the request, in bytes from its header, of the attribute at fault. */
  readonly offset?: number;
}

/** The kernel refused a request. */
export class NetlinkError extends LanyardError {
  readonly errno: number;
  /** What was asked, in words: `add link net1 (macvlan)`. */
  readonly operation: string;
  readonly kernelMessage: string | undefined;
  readonly offset: number | undefined;

  /** `explanation` is what the error number means for this operation; the kernel's own sentence goes before it. */
  constructor(operation: string, errno: number, ack: ExtendedAck = {}, explanation = errnoText(errno)) {
    const reason = ack.message ?? explanation;
    const place = ack.offset === undefined ? "" : `, at byte ${ack.offset} of the request`;
    super("kernel", `${operation}: ${reason} (${errnoName(errno)}${place})`);
    this.errno = errno;
    this.operation = operation;
    this.kernelMessage = ack.message;
    this.offset = ack.offset;
  }
}

/** True when the kernel refused with one of these error numbers. */
export function isErrno(error: unknown, ...errnos: readonly number[]): error is NetlinkError {
  return error instanceof NetlinkError && errnos.includes(error.errno);
}

/**
 * Reads the payload of NLMSG_ERROR: the error number (0 for an acknowledgement) and the attributes behind the
 * request's echo, which is cut to its header when the socket asked for that (NETLINK_CAP_ACK).
 */
export function readErrorPayload(payload: Uint8Array, flags: number): { errno: number; ack: ExtendedAck } {
  if (payload.length < 4) return { errno: 0, ack: {} };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = 0 - view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0 || payload.length < 4 + MESSAGE_HEADER_SIZE) return { errno, ack: {} };
  const echoed = (flags & NLM_F_CAPPED) === 0 ? view.getUint32(4, true) : MESSAGE_HEADER_SIZE;
  // A length of 2 GB or more would turn negative in the alignment.
  return { errno, ack: readExtendedAck(payload.subarray(4 + align4(Math.min(echoed, payload.length)))) };
}

/** Reads the payload of NLMSG_DONE: an error number, then attributes. */
export function readDonePayload(payload: Uint8Array, flags: number): { errno: number; ack: ExtendedAck } {
  if (payload.length < 4) return { errno: 0, ack: {} };
  const errno = 0 - new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getInt32(0, true);
  return { errno, ack: (flags & NLM_F_ACK_TLVS) === 0 ? {} : readExtendedAck(payload.subarray(4)) };
}

function readExtendedAck(bytes: Uint8Array): ExtendedAck {
  const attributes = new AttributeReader(bytes);
  const message = attributes.string(NLMSGERR_ATTR_MSG);
  const offset = attributes.u32(NLMSGERR_ATTR_OFFS);
  return {
    ...(message === undefined ? {} : { message }),
    ...(offset === undefined ? {} : { offset }),
  };
}
