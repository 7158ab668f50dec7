import { Namespace } from "../../src/linux/namespace.ts";
import type { Job, JobResult } from "../../src/linux/worker/jobs.ts";
import type { JobRunner } from "../../src/linux/worker/pool.ts";
import type { GoldenCase } from "./golden.ts";
import { GENERIC_HEADER_SIZE, MESSAGE_HEADER_SIZE, readTopAttributes, viewOf } from "./message.ts";
import { NETLINK_GENERIC, pickRequest, type SentMessage } from "./request.ts";

/** The family that tells of the others (include/uapi/linux/genetlink.h). */
const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** Stands for every descriptor: what has it in its messages is compared without it. */
const SOME_DESCRIPTOR = 1;
/** The first number this kernel gives to a family. */
const FIRST_FAMILY = 0x20;

/**
 * What the layer sends for a case: its request is made in a namespace behind which there is no kernel. Whatever is
 * asked is granted and answered with nothing, but for the numbers of generic netlink families. What the layer makes of
 * so little an answer does not matter, as long as the request was sent.
 */
export async function recordRequest({ request, message, meant }: GoldenCase): Promise<Uint8Array> {
  const recorder = new Recorder();
  const counts = { requests: 0, errors: 0, interruptedDumps: 0 };
  const namespace = new Namespace("blue", SOME_DESCRIPTOR, true, recorder, counts);
  const failure = await request(namespace).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    return pickRequest(recorder.sent, recorder.families, message, meant?.ours);
  } catch (error) {
    if (failure === undefined) throw error;
    throw new Error(`the layer did not send the request: ${failure}`, { cause: failure });
  }
}

class Recorder implements JobRunner {
  readonly sent: SentMessage[] = [];
  /** Names by the numbers they were given. */
  readonly families = new Map<number, string>();

  async run(tasks: Parameters<JobRunner["run"]>[0]): Promise<readonly JobResult[]> {
    return tasks.map(({ job }) => this.#do(job));
  }

  #do(job: Job): JobResult {
    switch (job.do) {
      case "transact": {
        this.sent.push({ protocol: job.protocol, bytes: job.request.slice() });
        const pieces = job.protocol === NETLINK_GENERIC ? this.#answer(job.request) : [];
        return { did: "transact", answer: { errno: 0, ack: {}, pieces, isInterrupted: false, attempt: 1 } };
      }
      case "writeFile":
        return { did: "writeFile" };
      case "readFile":
        return { did: "readFile", text: "" };
      default:
        throw new Error(`a golden case makes requests, and none to ${job.do}`);
    }
  }

  /** Gives a number to a family whose number is asked for. */
  #answer(request: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const isLookup =
      viewOf(request).getUint16(4, true) === GENL_ID_CTRL &&
      request[MESSAGE_HEADER_SIZE] === CTRL_CMD_GETFAMILY;
    if (!isLookup) return [];
    const attributes = readTopAttributes(request.subarray(MESSAGE_HEADER_SIZE + GENERIC_HEADER_SIZE)) ?? [];
    const name = attributes.find(({ type }) => type === CTRL_ATTR_FAMILY_NAME);
    if (name === undefined) return [];
    const number = FIRST_FAMILY + this.families.size;
    this.families.set(number, Buffer.from(name.payload.subarray(0, -1)).toString());
    // struct nlmsghdr, struct genlmsghdr (CTRL_CMD_NEWFAMILY, version 2), one attribute of two bytes with its padding.
    const message = new Uint8Array(28);
    const view = viewOf(message);
    view.setUint32(0, message.length, true);
    view.setUint16(4, GENL_ID_CTRL, true);
    message.set([1, 2], MESSAGE_HEADER_SIZE);
    view.setUint16(20, 6, true);
    view.setUint16(22, CTRL_ATTR_FAMILY_ID, true);
    view.setUint16(24, number, true);
    return [message];
  }
}
