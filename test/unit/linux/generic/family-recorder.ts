import { encodeMessage } from "../../../../src/linux/netlink/message.ts";
import type { NetlinkClient } from "../../../../src/linux/worker/netlink-client.ts";
import { makeRecorder, type Recorded, type Sent } from "../route/recorder.ts";

/** Number of the family that tells of the others, the only one that is fixed (include/uapi/linux/genetlink.h). */
export const GENL_ID_CTRL = 16;
/** The number every other family is given here. */
export const FAMILY_ID = 0x24;

/** A datagram of messages with these payloads. */
export function datagramOf(...payloads: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(payloads.map((payload) => encodeMessage(FAMILY_ID, 0, payload))));
}

/** What the kernel answers to the question for a family's number. */
export function familyAnswer(id: number): Uint8Array {
  // CTRL_CMD_NEWFAMILY, version 2, then CTRL_ATTR_FAMILY_ID.
  return encodeMessage(GENL_ID_CTRL, 0, Uint8Array.of(1, 2, 0, 0), (attributes) => attributes.u16(1, id));
}

/** The message's number: that of the family it is for. */
export function familyOf({ request }: Sent): number {
  return new DataView(request.buffer, request.byteOffset).getUint16(4, true);
}

/**
 * A client of generic netlink whose requests are kept instead of sent. Questions for a family's number are answered and
 * not kept; `answer` is for all others.
 */
export function makeFamilyRecorder(answer: (request: Uint8Array) => Recorded = () => datagramOf()): {
  readonly client: NetlinkClient;
  /** What was sent to the family. */
  requests(): readonly Sent[];
} {
  const { client, sent } = makeRecorder((request) => {
    const isLookup = new DataView(request.buffer, request.byteOffset).getUint16(4, true) === GENL_ID_CTRL;
    return isLookup ? familyAnswer(FAMILY_ID) : answer(request);
  });
  return { client, requests: () => sent.filter((one) => familyOf(one) !== GENL_ID_CTRL) };
}
