import fc from "fast-check";
import type { BondPort } from "../../../../src/linux/route/bond-ports.ts";
import type { BridgePortSettings } from "../../../../src/linux/route/bridge-ports.ts";
import { formatIp } from "../../../../src/linux/route/ip.ts";
import type { BondMode } from "../../../../src/linux/route/kinds/bond.ts";
import type { LinkKindSpec } from "../../../../src/linux/route/kinds/kinds.ts";
import type { MacvlanFlag } from "../../../../src/linux/route/kinds/macvlan.ts";
import type { LinkSettings, QueueSettings } from "../../../../src/linux/route/link-settings.ts";
import { joined, linkIndex, mac, maybe, record, some, u8, u16, u32 } from "./values.ts";

/**
 * Links of every kind that can be made, as the kernel can hold them. A kind without its line does not compile; one that
 * the kernel says nothing about by itself is still written with these values.
 */

type OfKind<Kind> = Extract<LinkKindSpec, { readonly kind: Kind }>;

const kind = <const Kind extends string>(name: Kind) => fc.constant({ kind: name });

/** Most numbers of a bond are ints of the kernel that are not negative. */
const int = fc.integer({ min: 0, max: 0x7fff_ffff });

/** 0 takes the choice back. */
const indexOrNone = fc.oneof(fc.constant(0), linkIndex);

const ipList = (size: number) =>
  fc.array(fc.uint8Array({ minLength: size, maxLength: size }).map(formatIp), { maxLength: 16 });

/** Milliseconds that are whole hundredths of a second. */
const hundredths = fc.integer({ min: 0, max: 0xffff_ffff }).map((ticks) => ticks * 10);

const vlanProtocol = fc.constantFrom("802.1Q", "802.1ad");

/** Priority of a VLAN tag. */
const pcp = fc.integer({ min: 0, max: 7 });

const qosMap = (from: fc.Arbitrary<number>, to: fc.Arbitrary<number>) =>
  fc.array(record({ from, to }), { minLength: 1, maxLength: 8 });

/** One flag that is told tells of all. */
const vlanFlags = record({
  reordersHeader: fc.boolean(),
  gvrp: fc.boolean(),
  looseBinding: fc.boolean(),
  mvrp: fc.boolean(),
  bridgeBinding: fc.boolean(),
});

export const linkName = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);

export const linkKinds: { readonly [Kind in LinkKindSpec["kind"]]: fc.Arbitrary<OfKind<Kind>> } = {
  bond: joined(
    kind("bond"),
    record({
      mode: fc.constantFrom<BondMode>(
        "balance-rr",
        "active-backup",
        "balance-xor",
        "broadcast",
        "802.3ad",
        "balance-tlb",
        "balance-alb",
      ),
    }),
    maybe("activeLink", indexOrNone),
    maybe("miimon", int),
    maybe("upDelay", int),
    maybe("downDelay", int),
    maybe("arpInterval", int),
    maybe("arpTargets", ipList(4)),
    maybe("neighbourTargets", ipList(16)),
    maybe(
      "arpValidation",
      fc.constantFrom("none", "active", "backup", "all", "filter", "filter_active", "filter_backup"),
    ),
    maybe("arpNeeds", fc.constantFrom("any", "all")),
    maybe("mostMissedAnswers", fc.integer({ min: 1, max: 255 })),
    maybe("primary", indexOrNone),
    maybe("primaryReselection", fc.constantFrom("always", "better", "failure")),
    maybe("failOverMac", fc.constantFrom("none", "active", "follow")),
    maybe(
      "hashPolicy",
      fc.constantFrom("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"),
    ),
    maybe("igmpReports", u8),
    maybe("peerNotices", u8),
    maybe("peerNoticeDelay", u32),
    maybe("isTakingAll", fc.boolean()),
    maybe("minLinks", int),
    maybe("learningInterval", fc.integer({ min: 1, max: 0x7fff_ffff })),
    maybe("packetsPerLink", u16),
    maybe("lacpRate", fc.constantFrom("slow", "fast")),
    maybe("isLacpActive", fc.boolean()),
    maybe("aggregation", fc.constantFrom("stable", "bandwidth", "count")),
    maybe("systemPriority", fc.integer({ min: 1, max: 65_535 })),
    maybe("systemMac", mac),
    maybe("userPortKey", fc.integer({ min: 0, max: 1023 })),
    maybe("isRebalancing", fc.boolean()),
  ),
  bridge: joined(
    kind("bridge"),
    maybe("isVlanFiltering", fc.boolean()),
    maybe("vlanProtocol", vlanProtocol),
    maybe("defaultPvid", fc.integer({ min: 0, max: 4094 })),
    maybe("hasVlanStatistics", fc.boolean()),
    maybe("hasPortVlanStatistics", fc.boolean()),
    maybe("hasSpanningTree", fc.boolean()),
    maybe("priority", u16),
    maybe("forwardDelay", hundredths),
    maybe("helloTime", hundredths),
    maybe("maxAge", hundredths),
    maybe("ageingTime", hundredths),
    maybe("groupForwardMask", u16),
    maybe("groupMac", mac),
    maybe("hasMulticastSnooping", fc.boolean()),
    maybe("isMulticastQuerier", fc.boolean()),
    maybe("multicastRouter", fc.constantFrom("never", "automatic", "always")),
    maybe("mostMulticastGroups", u32),
    maybe("hasMulticastStatistics", fc.boolean()),
    maybe("isCallingIptables", fc.boolean()),
    maybe("isCallingIp6tables", fc.boolean()),
    maybe("isCallingArptables", fc.boolean()),
  ),
  dummy: kind("dummy"),
  ifb: kind("ifb"),
  ipvlan: joined(
    kind("ipvlan"),
    record({ mode: fc.constantFrom("l2", "l3", "l3s") }),
    maybe("isolation", fc.constantFrom("bridge", "private", "vepa")),
  ),
  macvlan: joined(
    kind("macvlan"),
    record({ mode: fc.constantFrom("private", "vepa", "bridge", "passthru", "source") }),
    maybe("flags", fc.subarray<MacvlanFlag>(["nopromisc", "nodst"])),
    maybe("sources", fc.array(mac, { maxLength: 8 })),
    maybe("broadcastQueueLength", u32),
  ),
  veth: joined(
    kind("veth"),
    record({
      peer: joined(
        maybe("name", linkName),
        maybe("index", linkIndex),
        maybe("mtu", fc.integer({ min: 68, max: 65_535 })),
        maybe("mac", mac),
        maybe("isUp", fc.boolean()),
        maybe("transmitQueues", u32),
        maybe("gsoMaxSize", u32),
        maybe("namespaceFd", fc.integer({ min: 0, max: 0x7fff_ffff })),
      ),
    }),
  ),
  vlan: joined(
    kind("vlan"),
    record({ id: fc.integer({ min: 0, max: 4094 }) }),
    maybe("protocol", vlanProtocol),
    maybe("egressQos", qosMap(u32, pcp)),
    maybe("ingressQos", qosMap(pcp, u32)),
    fc.oneof(fc.constant({}), vlanFlags),
  ),
  vrf: joined(kind("vrf"), record({ table: fc.integer({ min: 1, max: 0xffff_ffff }) })),
};

/** What a link is told besides its kind, and tells in the same attributes. */
export const linkSettings = some<
  Omit<LinkSettings, "namespaceFd" | "newIndex" | "hasCarrier" | "ipv4" | "ipv6">
>({
  name: linkName,
  mtu: u32,
  mac,
  group: u32,
  transmitQueueLength: u32,
  gsoMaxSize: u32,
  gsoIpv4MaxSize: u32,
  gsoMaxSegments: u32,
  groMaxSize: u32,
  groIpv4MaxSize: u32,
  isUp: fc.boolean(),
  isPromiscuous: fc.boolean(),
  isAllMulticast: fc.boolean(),
  master: indexOrNone,
  alias: fc
    .string({ unit: "grapheme", maxLength: 20 })
    .filter((text) => Buffer.byteLength(text) <= 255 && !text.includes("\0")),
  isProtocolDown: fc.boolean(),
});

export const queueSettings = some<QueueSettings>({ transmitQueues: u32, receiveQueues: u32 });

/** What a port of a bridge can be told. */
export const bridgePort = some<BridgePortSettings>({
  state: fc.constantFrom("disabled", "listening", "learning", "forwarding", "blocking"),
  priority: fc.integer({ min: 0, max: 63 }),
  cost: fc.integer({ min: 1, max: 65_535 }),
  isHairpin: fc.boolean(),
  isGuarded: fc.boolean(),
  isRootBlocked: fc.boolean(),
  isFastLeaving: fc.boolean(),
  isLearning: fc.boolean(),
  isFloodingUnicast: fc.boolean(),
  isFloodingMulticast: fc.boolean(),
  isFloodingBroadcast: fc.boolean(),
  isMulticastUnicast: fc.boolean(),
  multicastRouter: fc.constantFrom("never", "automatic", "always", "temporary"),
  isProxyArp: fc.boolean(),
  isSuppressingNeighbours: fc.boolean(),
  isIsolated: fc.boolean(),
  isLocked: fc.boolean(),
  isVlanTunnel: fc.boolean(),
  groupForwardMask: u16,
});

/** What the kernel tells of a link in a bond. */
export const bondPort = some<BondPort>({
  state: fc.constantFrom("active", "backup"),
  carrier: fc.constantFrom("up", "fail", "down", "back"),
  failures: u32,
  ownMac: mac,
  queue: u16,
  aggregator: u16,
  priority: int,
});
