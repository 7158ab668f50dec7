import {
  RTM_DELQDISC,
  RTM_DELTCLASS,
  RTM_DELTFILTER,
  RTM_NEWQDISC,
  RTM_NEWTCLASS,
  RTM_NEWTFILTER,
  tcHandle,
} from "../../../src/linux/route/tc/tcmsg.ts";
import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** The kinds that the first attachments are made of. */

/** include/uapi/linux/rtnetlink.h. */
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;

/** Two veths: `v0` is link 7, its peer link 8. */
const PAIR = "ip link add v0 index 7 type veth peer name v1 index 8";
const UP = "ip link set v0 up";
const HTB = "tc qdisc add dev v0 root handle 1: htb default 10";

const RATE_TABLES =
  "the kernel calculates transmission times itself where the link layer is named (tc_ratespec)";

const links: readonly GoldenCase[] = [
  {
    name: "add a veth pair",
    command: "ip link add v0 mtu 1400 index 7 type veth peer name v1 mtu 1400",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "v0",
        index: 7,
        mtu: 1400,
        of: { kind: "veth", peer: { name: "v1", mtu: 1400 } },
      }),
  },
  {
    name: "add a veth pair with its ends in other namespaces",
    command: "ip link add v0 index 7 netns /proc/self/ns/net type veth peer name v1 netns /proc/self/ns/net",
    message: RTM_NEWLINK,
    request: (here) => {
      const of = { kind: "veth", peer: { name: "v1", namespaceFd: here.fd } } as const;
      return here.links.create({ name: "v0", index: 7, namespaceFd: here.fd, of });
    },
  },
  {
    name: "add a macvlan",
    ground: [PAIR],
    command: "ip link add link v0 name m0 index 9 address 02:00:00:00:00:09 type macvlan mode bridge",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "m0",
        index: 9,
        parent: 7,
        mac: "02:00:00:00:00:09",
        of: { kind: "macvlan", mode: "bridge" },
      }),
  },
  {
    name: "add a bridge",
    command:
      "ip link add br0 index 7 type bridge forward_delay 400 ageing_time 30000 stp_state 0 vlan_filtering 1",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "br0",
        index: 7,
        of: {
          kind: "bridge",
          forwardDelay: 4000,
          ageingTime: 300_000,
          hasSpanningTree: false,
          isVlanFiltering: true,
        },
      }),
  },
  {
    name: "add an ifb",
    command: "ip link add i0 index 7 txqueuelen 1000 type ifb",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({ name: "i0", index: 7, transmitQueueLength: 1000, of: { kind: "ifb" } }),
  },
  {
    name: "bring a link up with another MTU and MAC address",
    ground: [PAIR],
    command: "ip link set v0 up mtu 1400 address 02:00:00:00:00:07",
    message: RTM_NEWLINK,
    request: ({ links }) => links.set(7, { isUp: true, mtu: 1400, mac: "02:00:00:00:00:07" }),
  },
  {
    name: "put a link into a bridge",
    ground: [PAIR, "ip link add br0 index 9 type bridge"],
    command: "ip link set v0 master br0",
    message: RTM_NEWLINK,
    request: ({ links }) => links.set(7, { master: 9 }),
  },
  {
    name: "take a link out of its bridge",
    ground: [PAIR, "ip link add br0 index 9 type bridge", "ip link set v0 master br0"],
    command: "ip link set v0 nomaster",
    message: RTM_NEWLINK,
    request: ({ links }) => links.set(7, { master: 0 }),
  },
  {
    name: "move a link to another namespace under another name",
    ground: [PAIR],
    command: "ip link set v0 netns /proc/self/ns/net name net1",
    message: RTM_NEWLINK,
    request: (here) => here.links.set(7, { namespaceFd: here.fd, name: "net1" }),
  },
  {
    name: "delete a link",
    ground: [PAIR],
    command: "ip link delete v0",
    message: RTM_DELLINK,
    request: ({ links }) => links.delete(7),
  },
];

const addresses: readonly GoldenCase[] = [
  {
    name: "add an IPv4 address",
    ground: [PAIR],
    command: "ip address add 10.0.0.1/24 dev v0",
    message: RTM_NEWADDR,
    request: ({ addresses }) => addresses.add(7, "10.0.0.1/24"),
  },
  {
    name: "remove an IPv4 address",
    ground: [PAIR, "ip address add 10.0.0.1/24 dev v0"],
    command: "ip address delete 10.0.0.1/24 dev v0",
    message: RTM_DELADDR,
    request: ({ addresses }) => addresses.delete(7, "10.0.0.1/24"),
  },
  {
    name: "add a route by a gateway",
    ground: [PAIR, "ip address add 10.0.0.1/24 dev v0", UP],
    command: "ip route add 10.9.0.0/16 via 10.0.0.9 dev v0 metric 5 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({ destination: "10.9.0.0/16", gateway: "10.0.0.9", link: 7, priority: 5 }),
  },
  {
    name: "add a route to what is on the link",
    ground: [PAIR, UP],
    command: "ip route add 10.9.0.0/16 dev v0 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.add({ destination: "10.9.0.0/16", link: 7 }),
  },
];

const qdiscs: readonly GoldenCase[] = [
  {
    name: "add an htb qdisc",
    ground: [PAIR],
    command: "tc qdisc add dev v0 root handle 1: htb default 10 direct_qlen 500",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        link: 7,
        parent: "root",
        handle: tcHandle(1),
        kind: "htb",
        default: 0x10,
        directQueueLength: 500,
      }),
  },
  {
    name: "put a tbf in the place of another qdisc",
    ground: [PAIR],
    command: "tc qdisc replace dev v0 root handle 1: tbf rate 8mbit burst 10000 limit 20000",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.replace({
        link: 7,
        parent: "root",
        handle: tcHandle(1),
        kind: "tbf",
        rate: 8e6,
        burst: 10_000,
        limit: 20_000,
      }),
    differences: [{ path: "2.2", reason: RATE_TABLES }],
  },
  {
    name: "add a tbf of a rate that 32 bits do not hold",
    ground: [PAIR],
    command: "tc qdisc add dev v0 root handle 1: tbf rate 40gbit burst 5000000 limit 9000000",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        link: 7,
        parent: "root",
        handle: tcHandle(1),
        kind: "tbf",
        rate: 40e9,
        burst: 5_000_000,
        limit: 9_000_000,
      }),
    differences: [
      { path: "2.2", reason: RATE_TABLES },
      {
        path: "2.1@28",
        reason:
          "iproute2 calculates the time of a burst with the rate that 32 bits hold; the kernel takes TCA_TBF_BURST",
      },
    ],
  },
  ...(["bfifo", "pfifo"] as const).map(
    (kind): GoldenCase => ({
      name: `add a ${kind} under a class`,
      ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
      command: `tc qdisc add dev v0 parent 1:10 handle 10: ${kind} limit 131072`,
      message: RTM_NEWQDISC,
      request: ({ qdiscs }) =>
        qdiscs.add({ link: 7, parent: tcHandle(1, 0x10), handle: tcHandle(0x10), kind, limit: 131_072 }),
    }),
  ),
  {
    name: "add an fq_codel qdisc",
    ground: [PAIR],
    command:
      "tc qdisc add dev v0 root handle 1: fq_codel limit 1000 target 5ms interval 100ms memory_limit 4194304 ecn",
    message: RTM_NEWQDISC,
    request: ({ qdiscs }) =>
      qdiscs.add({
        link: 7,
        parent: "root",
        handle: tcHandle(1),
        kind: "fq_codel",
        limit: 1000,
        target: 5000,
        interval: 100_000,
        memoryLimit: 4_194_304,
        ecn: true,
      }),
  },
  ...(["ingress", "clsact"] as const).map(
    (kind): GoldenCase => ({
      name: `add the ${kind} qdisc`,
      ground: [PAIR],
      command: `tc qdisc add dev v0 ${kind}`,
      message: RTM_NEWQDISC,
      request: ({ qdiscs }) => qdiscs.add({ link: 7, parent: kind, kind }),
    }),
  ),
  {
    name: "delete the root qdisc",
    ground: [PAIR, HTB],
    command: "tc qdisc delete dev v0 root",
    message: RTM_DELQDISC,
    request: ({ qdiscs }) => qdiscs.delete({ link: 7, parent: "root" }),
  },
];

const TABLES_OF_CLASS: readonly GoldenDifference[] = [
  { path: "2.3", reason: RATE_TABLES },
  { path: "2.4", reason: RATE_TABLES },
];

const classes: readonly GoldenCase[] = [
  {
    name: "add an htb class",
    ground: [PAIR, HTB],
    command:
      "tc class add dev v0 parent 1: classid 1:10 htb rate 50mbit ceil 100mbit burst 62500 cburst 125000 prio 3 quantum 3028",
    message: RTM_NEWTCLASS,
    request: ({ classes }) =>
      classes.add({
        link: 7,
        parent: tcHandle(1),
        handle: tcHandle(1, 0x10),
        kind: "htb",
        rate: 50e6,
        ceil: 100e6,
        burst: 62_500,
        cburst: 125_000,
        prio: 3,
        quantum: 3028,
      }),
    differences: TABLES_OF_CLASS,
  },
  {
    name: "change an htb class to rates that 32 bits do not hold",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command:
      "tc class change dev v0 parent 1: classid 1:10 htb rate 40gbit ceil 80gbit burst 5000000 cburst 10000000 prio 0 quantum 60000",
    message: RTM_NEWTCLASS,
    request: ({ classes }) =>
      classes.change({
        link: 7,
        parent: tcHandle(1),
        handle: tcHandle(1, 0x10),
        kind: "htb",
        rate: 40e9,
        ceil: 80e9,
        burst: 5_000_000,
        cburst: 10_000_000,
        prio: 0,
        quantum: 60_000,
      }),
    differences: TABLES_OF_CLASS,
  },
  {
    name: "delete an htb class",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command: "tc class delete dev v0 parent 1: classid 1:10",
    message: RTM_DELTCLASS,
    request: ({ classes }) => classes.delete({ link: 7, parent: tcHandle(1), handle: tcHandle(1, 0x10) }),
  },
];

const filters: readonly GoldenCase[] = [
  {
    name: "add a u32 filter that sorts into a class",
    ground: [PAIR, HTB, "tc class add dev v0 parent 1: classid 1:10 htb rate 8mbit"],
    command:
      "tc filter add dev v0 parent 1: protocol ip prio 5 u32 match u32 0x0a000001 0xffffffff at 16 match u32 0x00060000 0x00ff0000 at 8 flowid 1:10",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: tcHandle(1),
        priority: 5,
        protocol: 0x0800,
        kind: "u32",
        keys: [
          { offset: 16, value: 0x0a000001, mask: 0xffffffff },
          { offset: 8, value: 0x00060000, mask: 0x00ff0000 },
        ],
        classId: tcHandle(1, 0x10),
        actions: [],
      }),
  },
  {
    name: "redirect everything that arrives by a u32 filter",
    ground: [PAIR, "tc qdisc add dev v0 ingress", "ip link add i0 index 9 type ifb"],
    command:
      "tc filter add dev v0 ingress protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev i0",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "ingress",
        priority: 1,
        protocol: "all",
        kind: "u32",
        keys: [],
        actions: [{ kind: "mirred", mode: "redirect", direction: "egress", link: 9 }],
      }),
  },
  {
    name: "copy what is sent by a matchall filter",
    ground: [PAIR, "tc qdisc add dev v0 clsact"],
    command: "tc filter add dev v0 egress protocol all prio 2 matchall action mirred ingress mirror dev v1",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "egress",
        priority: 2,
        protocol: "all",
        kind: "matchall",
        actions: [{ kind: "mirred", mode: "mirror", direction: "ingress", link: 8 }],
      }),
  },
  {
    name: "police what arrives by a matchall filter",
    ground: [PAIR, "tc qdisc add dev v0 clsact"],
    command:
      "tc filter add dev v0 ingress protocol all prio 2 matchall action police rate 80mbit burst 100000 mtu 65535 conform-exceed drop/ok",
    message: RTM_NEWTFILTER,
    request: ({ filters }) =>
      filters.add({
        link: 7,
        parent: "ingress",
        priority: 2,
        protocol: "all",
        kind: "matchall",
        actions: [{ kind: "police", rate: 80e6, burst: 100_000, mtu: 65_535 }],
      }),
    differences: [
      {
        path: "2.2.1.2.2",
        reason: "the kernel asks for a policer's rate table and never reads it (qdisc_get_rtab)",
      },
    ],
  },
  {
    name: "delete a filter",
    ground: [
      PAIR,
      "tc qdisc add dev v0 clsact",
      "tc filter add dev v0 egress protocol all prio 2 handle 3 matchall action gact drop",
    ],
    command: "tc filter delete dev v0 egress protocol all prio 2 handle 3 matchall",
    message: RTM_DELTFILTER,
    request: ({ filters }) =>
      filters.delete({ link: 7, parent: "egress", priority: 2, protocol: "all", handle: 3 }),
    differences: [
      {
        path: "1",
        reason: "the kernel finds a filter by its place, and only checks a kind it is told (tc_del_tfilter)",
      },
    ],
  },
];

export const cases: readonly GoldenCase[] = [...links, ...addresses, ...qdiscs, ...classes, ...filters];
