import fc from "fast-check";
import { formatIp, networkBytes } from "../../../../src/linux/route/ip.ts";
import type { TcAction } from "../../../../src/linux/route/tc/action.ts";
import type { ClassPlace, ClassSpec } from "../../../../src/linux/route/tc/class.ts";
import type { FilterPlace, FilterSpec } from "../../../../src/linux/route/tc/filter.ts";
import type { FlowerMatch, PortMatch, VlanMatch } from "../../../../src/linux/route/tc/flower-match.ts";
import type { QdiscPlace, QdiscSpec } from "../../../../src/linux/route/tc/qdisc.ts";
import { burstToTicks, ticksToBurst } from "../../../../src/linux/route/tc/ratespec.ts";
import { INGRESS_HANDLE } from "../../../../src/linux/route/tc/tcmsg.ts";
import type { Verdict } from "../../../../src/linux/route/tc/verdict.ts";
import { bytes, i32, joined, linkIndex, mac, maybe, record, text, u8, u16, u32 } from "./values.ts";

/**
 * Qdiscs, classes, filters and actions as the kernel can hold them: rates in whole bytes per second, bursts that are
 * whole ticks, and nothing said that goes without saying. Each table has a line for every kind, or it does not compile.
 */

type OfKind<Spec, Kind> = Extract<Spec, { readonly kind: Kind }>;

type Arbitraries<Spec extends { readonly kind: string }> = {
  readonly [Kind in Spec["kind"]]: fc.Arbitrary<OfKind<Spec, Kind>>;
};

/** Bits per second: a few bytes, and up to 800 Gbit/s. */
const rate = fc
  .oneof(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 100_000_000_000 }))
  .map((bytesPerSecond) => bytesPerSecond * 8);

/** A burst that comes back at this rate as it was. */
const burstAt = (bits: number, least = 0) =>
  u32
    .map((size) => ticksToBurst(burstToTicks(size, bits), bits))
    .filter((size) => size >= least && size <= 0xffff_ffff);

/** The handle of a qdisc or class that is no place with a name. */
const handle = fc.integer({ min: 1, max: 0xfffe_ffff });

/** Options of a kind that is not known here: attributes, so that they are whole words. */
const unknownKind = record({
  kind: fc.constant("unknown" as const),
  name: fc.constantFrom("cake", "vxlan", "x", "constructor"),
  raw: bytes().map((all) => Buffer.from(all.subarray(0, all.length & ~3)).toString("hex")),
});

/** One of three bands for each of the 16 priorities. */
const bands = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 16, maxLength: 16 });

const none = fc.constant("none" as const);
const mostButNone = fc.integer({ min: 0, max: 0xffff_fffe });
const yes = fc.constant(true as const);

const qdiscPlace: fc.Arbitrary<QdiscPlace> = record({
  link: linkIndex,
  parent: fc.oneof(fc.constant("root" as const), handle),
  handle,
});

/** A kind's options at a place of their own. */
function at<Place, Options>(place: fc.Arbitrary<Place>, options: fc.Arbitrary<Options>) {
  return fc.tuple(place, options).map(([where, what]) => ({ ...where, ...what }));
}

const kind = <const Kind extends string>(name: Kind) => fc.constant({ kind: name });

export const qdiscs: Arbitraries<QdiscSpec> = {
  htb: at(
    qdiscPlace,
    joined(
      kind("htb"),
      u16.map((minor) => ({ default: minor })),
      maybe("directQueueLength", u32),
      maybe(
        "rateToQuantum",
        fc.integer({ min: 1, max: 0xffff_ffff }).filter((ratio) => ratio !== 10),
      ),
      maybe("isOffloaded", yes),
    ),
  ),
  tbf: at(
    qdiscPlace,
    fc
      .tuple(rate, rate, u32, u32, u32, fc.boolean())
      .map(([one, other, limit, burst, peakBurst, hasPeak]) => ({
        kind: "tbf" as const,
        rate: Math.min(one, other),
        burst: Math.max(1, burst),
        limit,
        ...(hasPeak &&
          one !== other && { peak: { rate: Math.max(one, other), burst: Math.max(1, peakBurst) } }),
      })),
  ),
  fq: at(
    qdiscPlace,
    joined(
      kind("fq"),
      maybe("limit", u32),
      maybe("flowLimit", u32),
      maybe("quantum", u32),
      maybe("initialQuantum", u32),
      maybe("isPacing", fc.boolean()),
      maybe(
        "maxRate",
        fc.oneof(
          none,
          mostButNone.map((size) => Math.max(1, size) * 8),
        ),
      ),
      maybe(
        "buckets",
        fc.integer({ min: 1, max: 18 }).map((log) => 2 ** log),
      ),
      maybe("refillDelay", u32),
      maybe("orphanMask", u32),
      maybe(
        "lowRateThreshold",
        u32.map((size) => size * 8),
      ),
      maybe("ceThreshold", fc.oneof(none, mostButNone)),
      maybe("timerSlack", u32),
      maybe("horizon", u32),
      maybe("beyondHorizon", fc.constantFrom("drop", "cap")),
      maybe("priorityBands", bands),
      maybe(
        "bandWeights",
        fc.array(fc.integer({ min: 16_384, max: 0x7fff_ffff }), { minLength: 3, maxLength: 3 }),
      ),
    ),
  ),
  fq_codel: at(
    qdiscPlace,
    joined(
      kind("fq_codel"),
      record({ limit: u32, memoryLimit: u32, target: u32, interval: u32, ecn: fc.boolean() }),
      maybe("flows", fc.integer({ min: 1, max: 65_536 })),
      maybe("quantum", fc.integer({ min: 256, max: 1 << 20 })),
      maybe("ceThreshold", u32),
      maybe("dropBatch", fc.integer({ min: 1, max: 0xffff_ffff })),
    ),
  ),
  pfifo: at(qdiscPlace, joined(kind("pfifo"), record({ limit: u32 }))),
  bfifo: at(qdiscPlace, joined(kind("bfifo"), record({ limit: u32 }))),
  pfifo_fast: at(qdiscPlace, kind("pfifo_fast")),
  mq: at(qdiscPlace, kind("mq")),
  noqueue: at(qdiscPlace, kind("noqueue")),
  ingress: linkIndex.map((link) => ({ link, parent: "ingress", handle: INGRESS_HANDLE, kind: "ingress" })),
  clsact: linkIndex.map((link) => ({ link, parent: "clsact", handle: INGRESS_HANDLE, kind: "clsact" })),
  unknown: at(qdiscPlace, unknownKind),
};

/** A class's parent with a minor number: without one it is the qdisc itself, which reads as `root`. */
const classPlace: fc.Arbitrary<ClassPlace> = record({
  link: linkIndex,
  parent: fc.oneof(
    fc.constant("root" as const),
    handle.filter((parent) => (parent & 0xffff) !== 0),
  ),
  handle,
});

export const classes: Arbitraries<ClassSpec> = {
  htb: at(
    classPlace,
    fc.tuple(rate, rate).chain(([bits, ceil]) =>
      record({
        kind: fc.constant("htb" as const),
        rate: fc.constant(bits),
        ceil: fc.constant(ceil),
        burst: burstAt(bits),
        cburst: burstAt(ceil),
        prio: fc.integer({ min: 0, max: 7 }),
        quantum: u32,
      }),
    ),
  ),
  mq: at(classPlace, kind("mq")),
  unknown: at(classPlace, unknownKind),
};

const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constantFrom<Verdict>("continue", "ok", "reclassify", "drop", "pipe", "stolen", "trap"),
  record({ chain: fc.integer({ min: 0, max: 0x0fff_ffff }) }),
);

const otherThan = (usual: Verdict) => verdict.filter((one) => one !== usual);

const policeVerdicts = joined(
  kind("police"),
  maybe("exceed", otherThan("drop")),
  maybe("conform", otherThan("ok")),
);

export const actions: Arbitraries<TcAction> = {
  mirred: record({
    kind: fc.constant("mirred" as const),
    mode: fc.constantFrom("redirect", "mirror"),
    direction: fc.constantFrom("egress", "ingress"),
    link: linkIndex,
  }),
  police: fc.oneof(
    at(
      policeVerdicts,
      rate.chain((bits) =>
        record({
          rate: fc.constant(bits),
          burst: burstAt(bits, 1),
          mtu: fc.integer({ min: 1, max: 0xffff_ffff }),
        }),
      ),
    ),
    // A packet takes two ticks or more: faster than that, the kernel's ticks no longer tell packets apart.
    at(
      policeVerdicts,
      record({
        packetRate: fc.integer({ min: 1, max: 7_000_000 }),
        packetBurst: fc.integer({ min: 1, max: 0xffff_ffff }),
      }),
    ),
  ),
  skbedit: fc.oneof(
    ...[true, false].map((hasMark) =>
      joined(
        kind("skbedit"),
        maybe("priority", u32),
        hasMark ? joined(record({ mark: u32 }), maybe("markMask", u32)) : fc.constant({}),
        maybe("queueMapping", u16),
        maybe("packetType", fc.constantFrom("host", "broadcast", "multicast", "otherhost")),
        maybe("inheritsDsField", yes),
        maybe("verdict", otherThan("pipe")),
      ),
    ),
  ),
  gact: record({ kind: fc.constant("gact" as const), verdict }),
  unknown: unknownKind,
};

const someActions = fc.array(fc.oneof(...Object.values(actions)) as fc.Arbitrary<TcAction>, { maxLength: 4 });

const filterPlace = (protocol: fc.Arbitrary<"all" | number>): fc.Arbitrary<FilterPlace> =>
  joined(
    record({
      link: linkIndex,
      parent: fc.oneof(fc.constantFrom("ingress" as const, "egress" as const), handle),
      priority: fc.integer({ min: 1, max: 0xffff }),
      protocol,
      handle: fc.integer({ min: 1, max: 0xffff_ffff }),
    }),
    maybe("chain", fc.integer({ min: 1, max: 0x0fff_ffff })),
  );

const ETH_P_ALL = 3;
const anyProtocol = fc.oneof(
  fc.constant("all" as const),
  u16.filter((number) => number !== ETH_P_ALL),
);
const anyPlace = filterPlace(anyProtocol);

const common = joined(
  maybe("classId", u32),
  maybe("runsIn", fc.constantFrom("software", "hardware")),
  record({ actions: someActions }),
);

const u32Key = record({ offset: i32, value: u32, mask: fc.integer({ min: 1, max: 0xffff_ffff }) });

const program = fc.integer({ min: 0, max: 0x7fff_ffff }).map((fd) => ({ program: { fd } }));

export const filters: Arbitraries<FilterSpec> = {
  u32: at(
    anyPlace,
    joined(
      kind("u32"),
      record({ keys: fc.array(u32Key, { maxLength: 8 }), actions: someActions }),
      maybe("classId", u32),
    ),
  ),
  matchall: at(anyPlace, joined(kind("matchall"), common)),
  flower: fc
    .constantFrom(0, 1, 2)
    .chain((tags) => flowerMatch(tags))
    .chain(({ protocol, match }) =>
      at(filterPlace(fc.constant(protocol)), joined(kind("flower"), fc.constant({ match }), common)),
    ),
  bpf: at(anyPlace, joined(kind("bpf"), program, maybe("name", text), maybe("isDirectAction", yes), common)),
  unknown: at(anyPlace, unknownKind),
};

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_ARP = 0x0806;
const TAG_PROTOCOLS = [0x8100, 0x88a8] as const;

/** A match that says of every header it looks at that it is there. */
function flowerMatch(tags: number): fc.Arbitrary<{ protocol: "all" | number; match: FlowerMatch }> {
  return fc
    .tuple(
      fc.constantFrom(...TAG_PROTOCOLS),
      fc.constantFrom(...TAG_PROTOCOLS),
      fc.constantFrom(ETH_P_IP, ETH_P_IPV6, ETH_P_ARP),
    )
    .chain(([outer, inner, etherType]) => {
      const protocol = tags === 0 ? etherType : outer;
      const match = joined(
        maybe("destinationMac", maskedMac),
        maybe("sourceMac", maskedMac),
        tags > 0 ? record({ vlan: tag(tags > 1 ? inner : etherType) }) : fc.constant({}),
        tags > 1 ? record({ innerVlan: tag(etherType) }) : fc.constant({}),
        etherType === ETH_P_ARP ? fc.constant({}) : ipKeys(etherType === ETH_P_IP ? 4 : 16),
      );
      return match.map((keys) => ({ protocol, match: keys as FlowerMatch }));
    });
}

const maskedMac = fc
  .tuple(
    mac,
    fc.option(
      mac.filter((mask) => mask !== "ff:ff:ff:ff:ff:ff"),
      { nil: undefined },
    ),
  )
  .map(([value, mask]) => (mask === undefined ? value : `${value}/${mask}`));

const tag = (etherType: number): fc.Arbitrary<VlanMatch> =>
  joined(
    fc.constant({ etherType }),
    maybe("id", fc.integer({ min: 0, max: 4095 })),
    maybe("priority", fc.integer({ min: 0, max: 7 })),
  );

/** A network as it is written: without a length where it is one address. */
const network = (size: number) =>
  fc
    .tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.integer({ min: 0, max: size * 8 }))
    .map(([address, prefixLength]) => {
      const family = size === 4 ? 2 : 10;
      const start = formatIp(networkBytes({ family, bytes: address, prefixLength }));
      return prefixLength === size * 8 ? start : `${start}/${prefixLength}`;
    });

const port: fc.Arbitrary<PortMatch> = fc.oneof(
  fc.integer({ min: 1, max: 0xffff }),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 2, maxLength: 2 })
    .map((ends) => ({ from: Math.min(...ends), to: Math.max(...ends) })),
);

const tcpFlags = record({
  value: fc.integer({ min: 0, max: 0xfff }),
  mask: fc.integer({ min: 1, max: 0xfff }),
});

function ipKeys(size: number) {
  const ports = joined(maybe("sourcePort", port), maybe("destinationPort", port));
  const transport = fc.oneof(
    maybe("ipProtocol", u8),
    joined(fc.constantFrom({ ipProtocol: 17 }, { ipProtocol: 132 }), ports),
    joined(fc.constant({ ipProtocol: 6 }), ports, maybe("tcpFlags", tcpFlags)),
  );
  return joined(
    transport,
    maybe("source", network(size)),
    maybe("destination", network(size)),
    maybe("dscp", fc.integer({ min: 0, max: 63 })),
  );
}
