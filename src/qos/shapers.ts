import type { TcCapabilities } from "../linux/capabilities.ts";
import { tcHandle } from "../linux/route/tc/tcmsg.ts";
import type { Burst } from "../model/quantity.ts";
import { bucketSize, bytesIn, frameSize, type LinkSizes, quantum, queueLimit } from "./sizes.ts";
import type { QosLink, QosObject } from "./tree.ts";

/** What one direction of an attachment is shaped to. Rates in bits per second, as the kernel will hold them. */
export interface Shape {
  /** Link whose sending queue shapes. */
  readonly link: QosLink;
  readonly ceiling: number;
  readonly burst: Burst | undefined;
  /** 0 to 7, the higher first. */
  readonly priority: number;
  /** Bytes of the largest packet that comes. */
  readonly largestPacket: number;
  readonly sizes: LinkSizes;
}

/** A shaper: its objects, parents before children, and its name for people. */
export interface Shaper {
  readonly objects: readonly QosObject[];
  readonly name: string;
}

/**
 * Handles. Each kind has its own, because the kernel puts another kind into a place in one step only under
 * another handle (tc_modify_qdisc, net/sched/sch_api.c).
 */
const HTB = tcHandle(1);
const HTB_CLASS_MINOR = 0x10;
const HTB_CLASS = tcHandle(1, HTB_CLASS_MINOR);
const TBF = tcHandle(2);
const FQ_CODEL_LEAF = tcHandle(0x11);
const BFIFO_LEAF = tcHandle(0x12);

/** FQ-CoDel's defaults (net/sched/sch_fq_codel.c), and what it needs at low rates. */
const FQ_CODEL_PACKETS = 10_240;
const LEAST_TARGET_US = 5_000;
const LEAST_INTERVAL_US = 100_000;
/** A waiting packet takes more memory than its bytes: up to four times for small ones. */
const MEMORY_PER_BYTE = 4;
const LEAST_MEMORY = 1 << 20;

/** HTB with one class, to which everything goes, and an explicit queue; undefined where the kernel has none. */
export function shapeWithHtb(shape: Shape, kernel: TcCapabilities): Shaper | undefined {
  const leaf = planLeaf(shape, kernel);
  if (!kernel.qdiscs.has("htb") || leaf === undefined) return undefined;
  const { link, ceiling, burst, sizes } = shape;
  const bucket = bucketSize(burst, ceiling, sizes);
  return {
    name: `htb + ${leaf.spec.kind}`,
    objects: [
      { object: "qdisc", spec: { link, parent: "root", handle: HTB, kind: "htb", default: HTB_CLASS_MINOR } },
      {
        object: "class",
        spec: {
          link,
          parent: "root",
          handle: HTB_CLASS,
          kind: "htb",
          // A class without a parent has nobody to borrow from: below its ceiling it would never reach it.
          rate: ceiling,
          ceil: ceiling,
          burst: bucket,
          cburst: bucket,
          // HTB serves its prio 0 first.
          prio: 7 - shape.priority,
          quantum: quantum(shape.largestPacket),
        },
      },
      leaf,
    ],
  };
}

/** TBF, which knows one rate and segments what does not fit into its bucket; undefined where there is none. */
export function shapeWithTbf(shape: Shape, kernel: TcCapabilities): Shaper | undefined {
  if (!kernel.qdiscs.has("tbf")) return undefined;
  const { link, ceiling: rate, sizes } = shape;
  const burst = bucketSize(shape.burst, rate, sizes);
  const limit = queueLimit(rate, shape.largestPacket, sizes);
  return {
    name: "tbf",
    objects: [
      { object: "qdisc", spec: { link, parent: "root", handle: TBF, kind: "tbf", rate, burst, limit } },
    ],
  };
}

/** The queue under HTB's class. */
function planLeaf(shape: Shape, kernel: TcCapabilities) {
  const { link, ceiling, sizes } = shape;
  const limit = queueLimit(ceiling, shape.largestPacket, sizes);
  if (kernel.qdiscs.has("fq_codel")) {
    // Below 1.5 frames' time CoDel would drop what cannot be sent any sooner.
    const frameMicroseconds = frameSize(sizes) / bytesIn(0.001, ceiling);
    const target = Math.max(LEAST_TARGET_US, Math.ceil(1.5 * frameMicroseconds));
    const spec = {
      link,
      parent: HTB_CLASS,
      handle: FQ_CODEL_LEAF,
      kind: "fq_codel",
      limit: FQ_CODEL_PACKETS,
      memoryLimit: Math.min(Math.max(MEMORY_PER_BYTE * limit, LEAST_MEMORY), 0xffffffff),
      target,
      interval: Math.max(LEAST_INTERVAL_US, 4 * target),
      ecn: true,
    } as const;
    return { object: "qdisc", spec } as const;
  }
  if (!kernel.qdiscs.has("bfifo")) return undefined;
  const spec = { link, parent: HTB_CLASS, handle: BFIFO_LEAF, kind: "bfifo", limit } as const;
  return { object: "qdisc", spec } as const;
}
