import { ENOENT, EOPNOTSUPP } from "./errno.ts";
import type { Namespace } from "./namespace.ts";
import { isErrno } from "./netlink/error.ts";
import type { NewLink } from "./route/links.ts";
import type { TcAction } from "./route/tc/action.ts";
import type { FilterSpec } from "./route/tc/filter.ts";
import type { QdiscSpec } from "./route/tc/qdisc.ts";
import { INGRESS_HANDLE, tcHandle } from "./route/tc/tcmsg.ts";
import { U32_FIRST_HANDLE } from "./route/tc/u32.ts";

/** What this kernel can shape with, found by asking it. */
export interface TcCapabilities {
  /** Kinds of qdisc, in the kernel's spelling: `htb`, `fq_codel`. */
  readonly qdiscs: ReadonlySet<string>;
  /** Kinds of filter: `u32`, `matchall`. */
  readonly filters: ReadonlySet<string>;
  /** Kinds of action: `mirred`, `police`. */
  readonly actions: ReadonlySet<string>;
  /** Kinds of link: `ifb`. */
  readonly linkKinds: ReadonlySet<string>;
  /** What is not there and what follows, one sentence each: `this kernel has no qdisc fq_codel: ...`. */
  readonly missing: readonly string[];
}

const RATE = 8_000_000;

/**
 * A program of the older kind, which the filter `bpf` takes without anything being loaded: TCA_BPF_OPS_LEN of one
 * instruction, TCA_BPF_OPS with "return 0".
 */
const CLASSIC_BPF = "06000400" + "01000000" + "0c000500" + "0600000000000000";

type Found = Omit<TcCapabilities, "missing">;

/** What follows when a kind is not there, and where another takes its place, when that is not there either. */
const consequences = new Map<string, string | ((found: Found) => string)>([
  ["link ifb", "packets that arrive cannot be queued, only policed"],
  [
    "qdisc htb",
    ({ qdiscs }) =>
      qdiscs.has("tbf")
        ? "packets that leave are shaped by tbf"
        : "packets that leave are not limited at all, because tbf is missing too",
  ],
  [
    "qdisc tbf",
    ({ qdiscs }) =>
      qdiscs.has("htb")
        ? "packets that arrive are shaped by htb"
        : "packets that arrive cannot be queued, only policed, because htb is missing too",
  ],
  ["qdisc fq", "packets are not paced by the times that sockets and BPF programs put on them"],
  ["qdisc fq_codel", "the flows of a pod share one bfifo queue"],
  ["qdisc bfifo", "htb has no queue to fall back to where fq_codel is missing too"],
  [
    "qdisc ingress",
    ({ qdiscs }) =>
      qdiscs.has("clsact")
        ? "clsact takes its place"
        : "packets that arrive are not limited at all, because clsact is missing too",
  ],
  [
    "qdisc clsact",
    ({ qdiscs }) =>
      qdiscs.has("ingress")
        ? "filters hang at ingress only"
        : "no filter sees what a link sends or receives, because ingress is missing too",
  ],
  ["filter flower", "packets are not sorted by VLAN, address or port, and a card cannot be asked to do it"],
  ["filter bpf", "a socket that may set its priority can choose its class of htb"],
  ["action mirred", "packets that arrive cannot be queued, only policed"],
  ["action police", "packets that arrive are not limited where they cannot be queued"],
  ["action skbedit", "filters cannot set the priority or the mark of a packet"],
  ["action gact", "filters cannot drop packets or hand them to another chain"],
]);

/**
 * Asks the kernel which kinds it has by making one of each in `scratch`, an empty namespace that the caller
 * throws away afterwards. Other refusals than "unknown kind" are thrown as NetlinkError: without
 * CAP_NET_ADMIN nothing can be found out.
 */
export async function probeCapabilities(scratch: Namespace): Promise<TcCapabilities> {
  const linkKinds = new Set<string>();
  const qdiscs = new Set<string>();
  const filters = new Set<string>();
  const actions = new Set<string>();
  const links: NewLink[] = [
    { name: "probe0", of: { kind: "ifb" } },
    { name: "probe1", of: { kind: "veth", peer: { name: "probe2" } } },
  ];
  for (const link of links) {
    if (await isKnown(() => scratch.links.create(link))) linkKinds.add(link.of.kind);
  }
  const link = await findProbe(scratch, links);

  for (const spec of link === undefined ? [] : qdiscProbes(link)) {
    if (!(await isKnown(() => scratch.qdiscs.replace(spec)))) continue;
    qdiscs.add(spec.kind);
    await scratch.qdiscs.delete(spec);
  }

  const hook = (["ingress", "clsact"] as const).find((kind) => qdiscs.has(kind));
  if (link !== undefined && hook !== undefined) {
    await scratch.qdiscs.add({ link, parent: hook, handle: INGRESS_HANDLE, kind: hook });
    const tryFilter = async (spec: FilterSpec) => {
      if (!(await isKnown(() => scratch.filters.add(spec)))) return false;
      await scratch.filters.delete(spec);
      return true;
    };
    for (const kind of ["u32", "matchall"] as const) {
      if (await tryFilter(filterProbe(link, kind, []))) filters.add(kind);
    }
    const place = { link, parent: "ingress", priority: 1, protocol: "all", handle: 1 } as const;
    if (await tryFilter({ ...place, kind: "flower", match: {}, actions: [] })) filters.add("flower");
    if (await tryFilter({ ...place, kind: "unknown", name: "bpf", raw: CLASSIC_BPF })) filters.add("bpf");
    const filter = (["u32", "matchall"] as const).find((kind) => filters.has(kind));
    for (const action of filter === undefined ? [] : actionProbes(link)) {
      if (await tryFilter(filterProbe(link, filter ?? "u32", [action]))) actions.add(action.kind);
    }
  }
  return {
    qdiscs,
    filters,
    actions,
    linkKinds,
    missing: describeMissing({ qdiscs, filters, actions, linkKinds }),
  };
}

async function findProbe(scratch: Namespace, links: readonly NewLink[]): Promise<number | undefined> {
  for (const { name } of links) {
    const found = await scratch.links.find(name);
    if (found !== undefined) return found.index;
  }
  return undefined;
}

function qdiscProbes(link: number): (QdiscSpec & { readonly handle: number })[] {
  const root = { link, parent: "root", handle: tcHandle(1) } as const;
  return [
    { ...root, kind: "htb", default: 0x10 },
    { ...root, kind: "tbf", rate: RATE, burst: 65536, limit: 65536 },
    { ...root, kind: "bfifo", limit: 65536 },
    { ...root, kind: "fq" },
    {
      ...root,
      kind: "fq_codel",
      limit: 100,
      memoryLimit: 1 << 20,
      target: 5000,
      interval: 100_000,
      ecn: true,
    },
    { link, parent: "ingress", handle: INGRESS_HANDLE, kind: "ingress" },
    { link, parent: "clsact", handle: INGRESS_HANDLE, kind: "clsact" },
  ];
}

function filterProbe(link: number, kind: "u32" | "matchall", actions: readonly TcAction[]): FilterSpec {
  const place = { link, parent: "ingress", priority: 1, protocol: "all" } as const;
  return kind === "u32"
    ? { ...place, handle: U32_FIRST_HANDLE, kind, keys: [], actions }
    : { ...place, handle: 1, kind, actions };
}

function actionProbes(link: number): TcAction[] {
  return [
    { kind: "mirred", mode: "redirect", direction: "egress", link },
    { kind: "police", rate: RATE, burst: 65536, mtu: 65536 },
    { kind: "skbedit", priority: 1 },
    { kind: "gact", verdict: "ok" },
  ];
}

/** False when the kernel has no such kind: ENOENT for tc, EOPNOTSUPP for links and for tc without actions. */
async function isKnown(make: () => Promise<void>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (isErrno(error, ENOENT, EOPNOTSUPP)) return false;
    throw error;
  }
}

/** Sentences on what this kernel lacks. u32 and matchall do the same: only lacking both means something. */
export function describeMissing(found: Found): string[] {
  const sets = { link: found.linkKinds, qdisc: found.qdiscs, filter: found.filters, action: found.actions };
  const lacks = [...consequences].flatMap(([name, consequence]) => {
    const [set, kind] = name.split(" ") as [keyof typeof sets, string];
    if (sets[set].has(kind)) return [];
    return [
      `this kernel has no ${name}: ${typeof consequence === "string" ? consequence : consequence(found)}`,
    ];
  });
  if (found.filters.has("u32") || found.filters.has("matchall")) return lacks;
  return [
    ...lacks,
    "this kernel has neither the filter u32 nor matchall: packets that arrive are not limited at all",
  ];
}
