import { InvalidValueError } from "../../../model/errors.ts";
import { AttributeReader, AttributeWriter } from "../../netlink/attribute.ts";
import { wholeNumber } from "../../whole-number.ts";
import { readActions, type TcAction, writeActions } from "./action.ts";
import { decodeRunsIn, encodeRunsIn, type RunsIn } from "./hardware.ts";
import { type KindCodec, withoutAbsent } from "./kind.ts";

/** Attributes of the filter (include/uapi/linux/pkt_cls.h; net/sched/cls_bpf.c). */
export const TCA_BPF_ACT = 1;
const TCA_BPF_CLASSID = 3;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
export const TCA_BPF_FLAGS_GEN = 9;
const TCA_BPF_TAG = 10;
const TCA_BPF_ID = 11;

const TCA_BPF_FLAG_ACT_DIRECT = 1;

/** A descriptor is an int. */
const MOST_FD = 0x7fffffff;

/** Lets a BPF program look at every packet (`kernel.bpf` loads one). */
export interface BpfFilter<Link = number> {
  readonly kind: "bpf";
  /**
   * The program: an open descriptor of it in a request; in what the kernel reports its number and the first 8 bytes of
   * its instructions' hash, in hexadecimal. `kernel.bpf.openProgram` opens a program by its number.
   */
  readonly program: { readonly fd: number } | { readonly id: number; readonly tag: string };
  /** A name for people; it has no other meaning. */
  readonly name?: string;
  /** What the program returns is the verdict (TC_ACT_OK, ...); else it is a class or says only whether it matches. */
  readonly isDirectAction?: boolean;
  /** Handle of the class that packets go to when the program returns -1. */
  readonly classId?: number;
  readonly runsIn?: RunsIn;
  readonly actions: readonly TcAction<Link>[];
}

export const bpf: KindCodec<BpfFilter> = {
  encode({ program, name, isDirectAction, classId, runsIn, actions }) {
    if (!("fd" in program)) {
      const expected = "an open descriptor: kernel.bpf.openProgram gives one for a program's number";
      throw new InvalidValueError("program of filter bpf", program, expected);
    }
    const attributes = new AttributeWriter();
    if (actions.length > 0) writeActions(attributes, TCA_BPF_ACT, actions);
    if (classId !== undefined) attributes.u32(TCA_BPF_CLASSID, wholeNumber("classId of filter bpf", classId));
    attributes.u32(TCA_BPF_FD, wholeNumber("program.fd of filter bpf", program.fd, 0, MOST_FD));
    if (name !== undefined) attributes.string(TCA_BPF_NAME, name);
    if (isDirectAction === true) attributes.u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    const flags = encodeRunsIn(runsIn);
    if (flags !== undefined) attributes.u32(TCA_BPF_FLAGS_GEN, flags);
    return attributes.finish();
  },
  decode(payload) {
    const attributes = new AttributeReader(payload);
    const id = attributes.u32(TCA_BPF_ID);
    const fd = attributes.u32(TCA_BPF_FD);
    const tag = attributes.bytes(TCA_BPF_TAG);
    // A filter of the older kind of program, whose instructions stand in the message, is not this one.
    const program =
      id !== undefined
        ? { id, tag: Buffer.from(tag ?? []).toString("hex") }
        : fd === undefined
          ? undefined
          : { fd };
    if (program === undefined) return undefined;
    const isDirectAction = ((attributes.u32(TCA_BPF_FLAGS) ?? 0) & TCA_BPF_FLAG_ACT_DIRECT) !== 0;
    return withoutAbsent<BpfFilter>({
      kind: "bpf",
      program,
      name: attributes.string(TCA_BPF_NAME),
      isDirectAction: isDirectAction ? true : undefined,
      classId: attributes.u32(TCA_BPF_CLASSID),
      runsIn: decodeRunsIn(attributes.u32(TCA_BPF_FLAGS_GEN)),
      actions: readActions(attributes.bytes(TCA_BPF_ACT)),
    });
  },
};
