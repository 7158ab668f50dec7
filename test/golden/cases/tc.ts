import type { Namespace } from "../../../src/linux/namespace.ts";
import type { TcAction } from "../../../src/linux/route/tc/action.ts";
import type { FlowerMatch } from "../../../src/linux/route/tc/flower-match.ts";
import {
  RTM_DELTFILTER,
  RTM_GETQDISC,
  RTM_GETTCLASS,
  RTM_GETTFILTER,
  RTM_NEWQDISC,
  RTM_NEWTCLASS,
  RTM_NEWTFILTER,
  tcHandle,
} from "../../../src/linux/route/tc/tcmsg.ts";
import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** Traffic control beyond what `basics` has. */

/** Two veths: `v0` is link 7, its peer link 8. */
const PAIR = "ip link add v0 index 7 type veth peer name v1 index 8";
const QUEUES = "ip link add v0 index 7 numtxqueues 4 type veth peer name v1 index 8";
const HTB = "tc qdisc add dev v0 root handle 1: htb default 10";
const CLSACT = "tc qdisc add dev v0 clsact";

const ROOT = { link: 7, parent: "root", handle: tcHandle(1) } as const;

const RATE_TABLES =
  "the kernel calculates transmission times itself where the link layer is named (tc_ratespec)";

const qdiscs: readonly GoldenCase[] = [
  {
    name: "add an fq qdisc with everything",
    ground: [PAIR],
    command:
      "tc qdisc add dev v0 root handle 1: fq limit 5000 flow_limit 50 quantum 4000 initial_quantum 20000 maxrate 8gbit buckets 512 pacing refill_delay 32ms orphan_mask 255 low_rate_threshold 800kbit ce_threshold 5ms timer_slack 20us horizon 2s horizon_cap",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        ...ROOT,
        kind: "fq",
        limit: 5000,
        flowLimit: 50,
        quantum: 4000,
        initialQuantum: 20_000,
        isPacing: true,
        maxRate: 8e9,
        buckets: 512,
        refillDelay: 32_000,
        orphanMask: 255,
        lowRateThreshold: 800_000,
        ceThreshold: 5000,
        timerSlack: 20_000,
        horizon: 2_000_000,
        beyondHorizon: "cap",
      }),
  },
  {
    name: "change an fq qdisc to one that does not pace",
    ground: [PAIR, "tc qdisc add dev v0 root handle 1: fq"],
    command: "tc qdisc change dev v0 root handle 1: fq nopacing horizon_drop",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) => qdiscs.change({ ...ROOT, kind: "fq", isPacing: false, beyondHorizon: "drop" }),
  },
  {
    name: "add an fq_codel qdisc with everything",
    ground: [PAIR],
    command:
      "tc qdisc add dev v0 root handle 1: fq_codel limit 1000 flows 256 quantum 3000 target 5ms interval 100ms ce_threshold 1ms memory_limit 4194304 drop_batch 32 noecn",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        ...ROOT,
        kind: "fq_codel",
        limit: 1000,
        flows: 256,
        quantum: 3000,
        target: 5000,
        interval: 100_000,
        ceThreshold: 1000,
        memoryLimit: 4_194_304,
        dropBatch: 32,
        ecn: false,
      }),
  },
  {
    name: "add an htb qdisc that derives quanta from rates",
    ground: [PAIR],
    command: "tc qdisc add dev v0 root handle 1: htb default 10 r2q 20",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) => qdiscs.add({ ...ROOT, kind: "htb", default: 0x10, rateToQuantum: 20 }),
  },
  {
    name: "add an htb qdisc that a card shall do",
    ground: [PAIR],
    command: "tc qdisc add dev v0 root handle 1: htb default 10 offload",
    message: RTM_NEWQDISC,
    isRefused: true,
    request: ({ qdiscs }) => qdiscs.add({ ...ROOT, kind: "htb", default: 0x10, isOffloaded: true }),
  },
  {
    name: "add a tbf with a peak rate",
    ground: [PAIR],
    command:
      "tc qdisc add dev v0 root handle 1: tbf rate 8mbit burst 10000 limit 20000 peakrate 16mbit mtu 1600",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        ...ROOT,
        kind: "tbf",
        rate: 8e6,
        burst: 10_000,
        limit: 20_000,
        peak: { rate: 16e6, burst: 1600 },
      }),
    differences: [
      { path: "2.2", reason: RATE_TABLES },
      { path: "2.3", reason: RATE_TABLES },
    ],
  },
  {
    name: "put mq at the root",
    ground: [QUEUES],
    command: "tc qdisc replace dev v0 root handle 1: mq",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) => qdiscs.replace({ ...ROOT, kind: "mq" }),
  },
  {
    name: "put an fq into a queue of mq",
    ground: [QUEUES, "tc qdisc add dev v0 root handle 1: mq"],
    command: "tc qdisc replace dev v0 parent 1:2 handle 12: fq limit 700",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.replace({ link: 7, parent: tcHandle(1, 2), handle: tcHandle(0x12), kind: "fq", limit: 700 }),
  },
  ...(["noqueue", "pfifo_fast"] as const).map(
    (kind): GoldenCase => ({
      name: `put ${kind} at the root`,
      ground: [PAIR, HTB],
      command: `tc qdisc replace dev v0 root ${kind}`,
      message: RTM_NEWQDISC,
      request: ({ qdiscs }) => qdiscs.replace({ link: 7, parent: "root", kind }),
    }),
  ),
];

const classes: readonly GoldenCase[] = [
  {
    name: "put an htb class of 100 Gbit/s under another",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:1 htb rate 8mbit"],
    command:
      "tc class replace dev v0 parent 1:1 classid 1:10 htb rate 100gbit ceil 100gbit burst 12500000 cburst 12500000 prio 7 quantum 60000",
    message: RTM_NEWTCLASS,
    request: ({ classes }) =>
      classes.replace({
        link: 7,
        parent: tcHandle(1, 1),
        handle: tcHandle(1, 0x10),
        kind: "htb",
        rate: 100e9,
        ceil: 100e9,
        burst: 12_500_000,
        cburst: 12_500_000,
        prio: 7,
        quantum: 60_000,
      }),
    differences: [
      { path: "2.3", reason: RATE_TABLES },
      { path: "2.4", reason: RATE_TABLES },
    ],
  },
];

/** A filter by headers at egress, its command's words and our own. */
function flowerCase(
  name: string,
  protocol: string,
  number: "all" | number,
  words: string,
  match: FlowerMatch,
): GoldenCase {
  return {
    name: `match ${name} by flower`,
    ground: [PAIR, CLSACT],
    command: `tc filter add dev v0 egress protocol ${protocol} prio 2 handle 3 flower ${words} action ok`,
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: number,
        handle: 3,
        kind: "flower",
        match,
        actions: [{ kind: "gact", verdict: "ok" }],
      }),
  };
}

const flower: readonly GoldenCase[] = [
  flowerCase(
    "MAC addresses",
    "all",
    "all",
    "dst_mac 02:00:00:00:00:01 src_mac 01:00:5e:00:00:00/ff:ff:ff:00:00:00",
    { destinationMac: "02:00:00:00:00:01", sourceMac: "01:00:5e:00:00:00/ff:ff:ff:00:00:00" },
  ),
  flowerCase(
    "IPv4 addresses, ports and DSCP",
    "ip",
    0x0800,
    "ip_proto udp src_ip 10.1.0.0/16 dst_ip 10.2.0.3 src_port 1024 dst_port 53 ip_tos 0xb8/0xfc",
    {
      ipProtocol: 17,
      source: "10.1.0.0/16",
      destination: "10.2.0.3",
      sourcePort: 1024,
      destinationPort: 53,
      dscp: 46,
    },
  ),
  flowerCase(
    "IPv6 addresses and ranges of ports",
    "ipv6",
    0x86dd,
    "ip_proto sctp src_ip fd00::/64 dst_ip fd00:1::2 src_port 1000-2000 dst_port 3000-3001",
    {
      ipProtocol: 132,
      source: "fd00::/64",
      destination: "fd00:1::2",
      sourcePort: { from: 1000, to: 2000 },
      destinationPort: { from: 3000, to: 3001 },
    },
  ),
  flowerCase("a port of SCTP", "ip", 0x0800, "ip_proto sctp dst_port 3868", {
    ipProtocol: 132,
    destinationPort: 3868,
  }),
  flowerCase(
    "TCP's ports and flags",
    "ip",
    0x0800,
    "ip_proto tcp src_port 80 dst_port 443 tcp_flags 0x02/0x12",
    { ipProtocol: 6, sourcePort: 80, destinationPort: 443, tcpFlags: { value: 0x02, mask: 0x12 } },
  ),
  flowerCase(
    "a VLAN tag",
    "802.1q",
    0x8100,
    "vlan_id 7 vlan_prio 3 vlan_ethtype ip ip_proto udp dst_port 4000",
    {
      vlan: { id: 7, priority: 3, etherType: 0x0800 },
      ipProtocol: 17,
      destinationPort: 4000,
    },
  ),
  flowerCase(
    "a VLAN tag within another",
    "802.1ad",
    0x88a8,
    "vlan_id 7 vlan_ethtype 802.1q cvlan_id 8 cvlan_prio 1 cvlan_ethtype ipv6 dst_ip fd00::1",
    {
      vlan: { id: 7, etherType: 0x8100 },
      innerVlan: { id: 8, priority: 1, etherType: 0x86dd },
      destination: "fd00::1",
    },
  ),
  {
    name: "match everything in software by flower, in another chain and into a class",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command:
      "tc filter replace dev v0 parent 1: protocol all prio 2 chain 5 handle 3 flower skip_hw classid 1:10",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.replace({
        link: 7,
        parent: tcHandle(1),
        priority: 2,
        protocol: "all",
        chain: 5,
        handle: 3,
        kind: "flower",
        match: {},
        runsIn: "software",
        classId: tcHandle(1, 0x10),
        actions: [],
      }),
  },
];

const matchall: readonly GoldenCase[] = [
  {
    name: "match everything in software by matchall, in another chain",
    ground: [PAIR, CLSACT],
    command: "tc filter add dev v0 egress protocol all prio 2 chain 5 handle 3 matchall skip_hw action drop",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: "all",
        chain: 5,
        handle: 3,
        kind: "matchall",
        runsIn: "software",
        actions: [{ kind: "gact", verdict: "drop" }],
      }),
  },
  {
    name: "delete a filter in another chain",
    ground: [
      PAIR,
      CLSACT,
      "tc filter add dev v0 egress protocol all prio 2 chain 5 handle 3 matchall action drop",
    ],
    command: "tc filter delete dev v0 egress protocol all prio 2 chain 5 handle 3 matchall",
    message: RTM_DELTFILTER,
    request: ({ filters }) =>
      filters.delete({ link: 7, parent: "egress", priority: 2, protocol: "all", chain: 5, handle: 3 }),
    differences: [
      {
        path: "1",
        reason: "the kernel finds a filter by its place, and only checks a kind it is told (tc_del_tfilter)",
      },
    ],
  },
];

const bpf: readonly GoldenCase[] = [
  {
    name: "let a BPF program decide",
    needs: "program",
    ground: [PAIR, CLSACT],
    command:
      "tc filter add dev v0 egress protocol all prio 2 handle 3 bpf da object-pinned /sys/fs/bpf/golden",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: "all",
        handle: 3,
        kind: "bpf",
        program: { fd: 9 },
        name: "golden:[*fsobj]",
        isDirectAction: true,
        actions: [],
      }),
  },
  {
    name: "let a BPF program match in software, into a class and for an action",
    needs: "program",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command:
      "tc filter add dev v0 parent 1: protocol ip prio 2 handle 3 bpf object-pinned /sys/fs/bpf/golden skip_hw classid 1:10 action drop",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: tcHandle(1),
        priority: 2,
        protocol: 0x0800,
        handle: 3,
        kind: "bpf",
        program: { fd: 9 },
        name: "golden:[*fsobj]",
        runsIn: "software",
        classId: tcHandle(1, 0x10),
        actions: [{ kind: "gact", verdict: "drop" }],
      }),
  },
];

const changes: readonly GoldenCase[] = [
  {
    name: "change a filter in place",
    ground: [
      PAIR,
      CLSACT,
      "tc filter add dev v0 egress protocol ip prio 2 handle 3 flower ip_proto udp action drop",
    ],
    command: "tc filter change dev v0 egress protocol ip prio 2 handle 3 flower ip_proto udp action ok",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.change({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: 0x0800,
        handle: 3,
        kind: "flower",
        match: { ipProtocol: 17 },
        actions: [{ kind: "gact", verdict: "ok" }],
      }),
  },
  {
    name: "sort everything into a class, in hardware alone",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command: "tc filter add dev v0 parent 1: protocol all prio 2 handle 3 matchall skip_sw classid 1:10",
    message: RTM_NEWTFILTER,
    isRefused: true,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: tcHandle(1),
        priority: 2,
        protocol: "all",
        handle: 3,
        kind: "matchall",
        runsIn: "hardware",
        classId: tcHandle(1, 0x10),
        actions: [],
      }),
  },
];

const reads: readonly GoldenCase[] = [
  {
    name: "list the qdiscs of a link",
    ground: [PAIR, HTB],
    command: "tc -s qdisc show dev v0",
    message: RTM_GETQDISC,
    request: ({ qdiscs }) => qdiscs.list(7),
  },
  {
    name: "list the classes of a link",
    ground: [PAIR, HTB],
    command: "tc -s class show dev v0",
    message: RTM_GETTCLASS,
    request: ({ classes }) => classes.list(7),
  },
  {
    name: "list the filters of a link at egress",
    ground: [PAIR, CLSACT],
    command: "tc -s filter show dev v0 egress",
    message: RTM_GETTFILTER,
    request: ({ filters }) => filters.list(7, "egress"),
  },
];

/** One action of a filter that matches everything, its command's words and our own. */
function actionCase(
  name: string,
  words: string,
  actions: readonly TcAction[],
  differences: readonly GoldenDifference[] = [],
): GoldenCase {
  return {
    name,
    ground: [PAIR, CLSACT],
    command: `tc filter add dev v0 egress protocol all prio 2 handle 3 matchall ${words}`,
    message: RTM_NEWTFILTER,
    request: ({ filters }: Namespace) =>
      filters.add({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: "all",
        handle: 3,
        kind: "matchall",
        actions,
      }),
    differences,
  };
}

const actions: readonly GoldenCase[] = [
  actionCase(
    "police by packets, and go on with what conforms",
    "action police pkts_rate 1000 pkts_burst 100 conform-exceed reclassify/pipe",
    [{ kind: "police", packetRate: 1000, packetBurst: 100, exceed: "reclassify", conform: "pipe" }],
  ),
  actionCase(
    "police at a rate that 32 bits do not hold",
    "action police rate 100gbit burst 12500000 mtu 65535 conform-exceed drop",
    [{ kind: "police", rate: 100e9, burst: 12_500_000, mtu: 65_535 }],
    [
      {
        path: "2.2.1.2.2",
        reason: "the kernel asks for a policer's rate table and never reads it (qdisc_get_rtab)",
      },
    ],
  ),
  actionCase(
    "set everything that skbedit sets",
    "action skbedit queue_mapping 3 priority 1:10 mark 0x5/0xff ptype host",
    [
      {
        kind: "skbedit",
        queueMapping: 3,
        priority: tcHandle(1, 0x10),
        mark: 5,
        markMask: 0xff,
        packetType: "host",
      },
    ],
  ),
  actionCase("take the priority from the DS field", "action skbedit inheritdsfield ok", [
    { kind: "skbedit", inheritsDsField: true, verdict: "ok" },
  ]),
  ...(["ok", "drop", "pipe", "reclassify", "trap", "continue"] as const).map((verdict) =>
    actionCase(`decide ${verdict}`, `action ${verdict}`, [{ kind: "gact", verdict }]),
  ),
  actionCase("go to another chain", "action goto chain 5", [{ kind: "gact", verdict: { chain: 5 } }]),
  actionCase(
    "do several things, one after the other",
    "action skbedit mark 1 pipe action mirred egress mirror dev v1 action drop",
    [
      { kind: "skbedit", mark: 1 },
      { kind: "mirred", mode: "mirror", direction: "egress", link: 8 },
      { kind: "gact", verdict: "drop" },
    ],
  ),
];

export const cases: readonly GoldenCase[] = [
  ...qdiscs,
  ...classes,
  ...flower,
  ...matchall,
  ...bpf,
  ...changes,
  ...reads,
  ...actions,
];
