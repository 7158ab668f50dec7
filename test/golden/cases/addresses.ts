import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from "../../../src/linux/route/address.ts";
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "../../../src/linux/route/neighbour-attributes.ts";
import { RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE } from "../../../src/linux/route/route.ts";
import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** Addresses, routes, neighbours and forwarding entries, beyond what `basics` has. */

/** Two veths: `v0` is link 7, its peer link 8, and both are up. */
const PAIR = "ip link add v0 index 7 type veth peer name v1 index 8";
const UP = ["ip link set v0 up", "ip link set v1 up"];
const IPV4 = ["ip address add 10.0.0.1/24 dev v0", "ip address add 10.1.0.1/24 dev v1"];
const IPV6 = ["ip address add fd00::1/64 dev v0 nodad", "ip address add fd01::1/64 dev v1 nodad"];
/** A bridge, link 9, with the port `v1`, which forwards. */
const BRIDGE = [
  "ip link add br0 index 9 type bridge vlan_filtering 1",
  "ip link set v1 master br0",
  "ip link set br0 up",
  ...UP,
];

/** Of an entry of a bridge. */
const ENTRY_HEADER: GoldenDifference = {
  path: "header@8",
  reason: "iproute2 adds a second state that the bridge does not look at",
};

const addresses: readonly GoldenCase[] = [
  {
    name: "add an IPv4 address with everything",
    ground: [PAIR],
    command:
      "ip address add 10.0.0.1/24 dev v0 label v0:a broadcast 10.0.0.255 scope link noprefixroute valid_lft 600 preferred_lft 300 metric 77",
    message: RTM_NEWADDR,
    request: ({ addresses }) =>
      addresses.add(7, "10.0.0.1/24", {
        label: "v0:a",
        broadcast: "10.0.0.255",
        scope: "link",
        flags: ["noprefixroute"],
        validLifetime: 600,
        preferredLifetime: 300,
        metric: 77,
      }),
  },
  {
    name: "add an IPv4 address with a peer",
    ground: [PAIR],
    command: "ip address add 10.0.0.1 peer 10.0.0.2/32 dev v0",
    message: RTM_NEWADDR,
    request: ({ addresses }) => addresses.add(7, "10.0.0.1/32", { peer: "10.0.0.2" }),
  },
  {
    name: "add an IPv6 address with flags of both lengths",
    ground: [PAIR],
    command: "ip address add fd00::1/64 dev v0 nodad home mngtmpaddr noprefixroute",
    message: RTM_NEWADDR,
    request: ({ addresses }) =>
      addresses.add(7, "fd00::1/64", { flags: ["nodad", "home", "mngtmpaddr", "noprefixroute"] }),
  },
  {
    name: "add an IPv6 address whose duplicates are looked for",
    ground: [PAIR],
    command: "ip address add fd00::1/64 dev v0",
    message: RTM_NEWADDR,
    request: ({ addresses }) => addresses.add(7, "fd00::1/64", { flags: [] }),
  },
  {
    name: "add an IPv6 address that is used while duplicates are looked for",
    ground: [PAIR],
    command: "ip address add fd00::1/64 dev v0 optimistic",
    message: RTM_NEWADDR,
    request: ({ addresses }) => addresses.add(7, "fd00::1/64", { flags: ["optimistic"] }),
  },
  {
    name: "replace an IPv6 address by one that is preferred no more",
    ground: [PAIR, ...IPV6],
    command: "ip address replace fd00::1/64 dev v0 nodad valid_lft forever preferred_lft 0",
    message: RTM_NEWADDR,
    request: ({ addresses }) =>
      addresses.replace(7, "fd00::1/64", { flags: ["nodad"], preferredLifetime: 0 }),
  },
  {
    name: "remove an IPv4 address with its peer",
    ground: [PAIR, "ip address add 10.0.0.1 peer 10.0.0.2/32 dev v0"],
    command: "ip address delete 10.0.0.1 peer 10.0.0.2/32 dev v0",
    message: RTM_DELADDR,
    request: ({ addresses }) => addresses.delete(7, "10.0.0.1/32", { peer: "10.0.0.2" }),
  },
  {
    name: "remove an IPv6 address",
    ground: [PAIR, ...IPV6],
    command: "ip address delete fd00::1/64 dev v0",
    message: RTM_DELADDR,
    request: ({ addresses }) => addresses.delete(7, "fd00::1/64"),
  },
  {
    name: "list the IPv6 addresses of a link",
    ground: [PAIR, ...IPV6],
    command: "ip -6 address show dev v0",
    message: RTM_GETADDR,
    request: ({ addresses }) => addresses.list({ link: 7, family: "ipv6" }),
  },
];

const routes: readonly GoldenCase[] = [
  {
    name: "add a route with everything",
    ground: [PAIR, ...UP, ...IPV4],
    command:
      "ip route add 10.9.0.0/16 via 192.0.2.1 dev v0 onlink table 300 proto bird src 10.0.0.1 metric 7 mtu 1400 advmss 1360",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({
        destination: "10.9.0.0/16",
        gateway: "192.0.2.1",
        link: 7,
        isOnLink: true,
        table: 300,
        protocol: "bird",
        source: "10.0.0.1",
        priority: 7,
        mtu: 1400,
        advmss: 1360,
      }),
  },
  {
    name: "prepend a route to one to the same network",
    ground: [PAIR, ...UP, ...IPV4, "ip route add 10.9.0.0/16 via 10.1.0.9"],
    command: "ip route prepend 10.9.0.0/16 via 10.0.0.9 dev v0 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.prepend({ destination: "10.9.0.0/16", gateway: "10.0.0.9", link: 7 }),
  },
  {
    name: "append a route to one to the same network",
    ground: [PAIR, ...UP, ...IPV4, "ip route add 10.9.0.0/16 via 10.1.0.9"],
    command: "ip route append 10.9.0.0/16 via 10.0.0.9 dev v0 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.append({ destination: "10.9.0.0/16", gateway: "10.0.0.9", link: 7 }),
  },
  {
    name: "add the default route of IPv6 with a preference",
    ground: [PAIR, ...UP, ...IPV6],
    command: "ip -6 route add default via fd00::9 dev v0 proto static pref high",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({ destination: "::/0", gateway: "fd00::9", link: 7, preference: "high" }),
    differences: [{ path: "1", reason: "the default route has no destination, and needs none of zeros" }],
  },
  {
    name: "add an IPv6 route for packets from a network",
    ground: [PAIR, ...UP, ...IPV6],
    command: "ip -6 route add fd09::/48 from fd00::/64 dev v0 proto static table 300",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({ destination: "fd09::/48", sourcePrefix: "fd00::/64", link: 7, table: 300 }),
  },
  {
    name: "add an IPv4 route by an IPv6 gateway",
    ground: [PAIR, ...UP, ...IPV6],
    command: "ip route add 10.9.0.0/16 via inet6 fd00::9 dev v0 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.add({ destination: "10.9.0.0/16", gateway: "fd00::9", link: 7 }),
  },
  {
    name: "add a route over two links",
    ground: [PAIR, ...UP, ...IPV4],
    command:
      "ip route add 10.9.0.0/16 proto static nexthop via 10.0.0.9 dev v0 weight 3 nexthop via 192.0.2.1 dev v1 onlink",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({
        destination: "10.9.0.0/16",
        nextHops: [
          { gateway: "10.0.0.9", link: 7, weight: 3 },
          { gateway: "192.0.2.1", link: 8, isOnLink: true },
        ],
      }),
  },
  {
    name: "add an IPv6 route over two links",
    ground: [PAIR, ...UP, ...IPV6],
    command:
      "ip -6 route add fd09::/48 proto static nexthop via fd00::9 dev v0 nexthop via fd01::9 dev v1 weight 2",
    message: RTM_NEWROUTE,
    request: ({ routes }) =>
      routes.add({
        destination: "fd09::/48",
        nextHops: [
          { gateway: "fd00::9", link: 7 },
          { gateway: "fd01::9", link: 8, weight: 2 },
        ],
      }),
  },
  {
    name: "add a blackhole",
    command: "ip route add blackhole 10.9.0.0/16 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.add({ destination: "10.9.0.0/16", type: "blackhole" }),
  },
  {
    name: "add an unreachable network of IPv6",
    command: "ip -6 route add unreachable fd09::/48 proto static metric 9",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.add({ destination: "fd09::/48", type: "unreachable", priority: 9 }),
  },
  {
    name: "add an address that packets are taken in for",
    ground: [PAIR, ...UP],
    command: "ip route add local 10.9.0.1 dev v0 proto static table local",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.add({ destination: "10.9.0.1/32", type: "local", link: 7, table: 255 }),
  },
  {
    name: "replace a route",
    ground: [PAIR, ...UP, ...IPV4, "ip route add 10.9.0.0/16 via 10.0.0.9 dev v0 proto static"],
    command: "ip route replace 10.9.0.0/16 via 10.1.0.9 dev v1 proto static",
    message: RTM_NEWROUTE,
    request: ({ routes }) => routes.replace({ destination: "10.9.0.0/16", gateway: "10.1.0.9", link: 8 }),
  },
  {
    name: "remove a route",
    ground: [PAIR, ...UP, ...IPV4, "ip route add 10.9.0.0/16 via 10.0.0.9 dev v0 proto static"],
    command: "ip route delete unicast 10.9.0.0/16 via 10.0.0.9 dev v0 proto static scope global",
    message: RTM_DELROUTE,
    request: ({ routes }) => routes.delete({ destination: "10.9.0.0/16", gateway: "10.0.0.9", link: 7 }),
  },
  {
    name: "look up the way to an IPv4 address",
    ground: [PAIR, ...UP, ...IPV4],
    command: "ip route get 10.0.0.7 from 10.0.0.1 oif v0",
    message: RTM_GETROUTE,
    request: ({ routes }) => routes.get("10.0.0.7", { source: "10.0.0.1", link: 7 }),
  },
  {
    name: "look up the way to an IPv6 address",
    ground: [PAIR, ...UP, ...IPV6],
    command: "ip -6 route get fd00::7",
    message: RTM_GETROUTE,
    request: ({ routes }) => routes.get("fd00::7"),
  },
  {
    name: "list the routes of a table, link and protocol",
    ground: [PAIR, ...UP, ...IPV4, "ip route add 10.9.0.0/16 dev v0 table 300"],
    command: "ip route show table 300 dev v0 proto static",
    message: RTM_GETROUTE,
    request: ({ routes }) => routes.list({ family: "ipv4", table: 300, link: 7, protocol: "static" }),
  },
];

const neighbours: readonly GoldenCase[] = [
  {
    name: "add a neighbour",
    ground: [PAIR, ...UP],
    command: "ip neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0",
    message: RTM_NEWNEIGH,
    request: ({ neighbours }) => neighbours.add({ link: 7, address: "10.0.0.9", mac: "02:00:00:00:00:09" }),
  },
  {
    name: "replace a neighbour of IPv6 that is a router",
    ground: [PAIR, ...UP],
    command:
      "ip neighbour replace fd00::9 lladdr 02:00:00:00:00:09 dev v0 nud stale router extern_learn protocol bgp",
    message: RTM_NEWNEIGH,
    request: ({ neighbours }) =>
      neighbours.replace({
        link: 7,
        address: "fd00::9",
        mac: "02:00:00:00:00:09",
        state: "stale",
        isRouter: true,
        isExternallyLearned: true,
        protocol: "bgp",
      }),
  },
  {
    name: "add an address that is answered for",
    ground: [PAIR, ...UP],
    command: "ip neighbour add proxy 10.0.0.9 dev v0",
    message: RTM_NEWNEIGH,
    request: ({ neighbours }) => neighbours.add({ link: 7, address: "10.0.0.9", isProxy: true }),
  },
  {
    name: "remove a neighbour",
    ground: [PAIR, ...UP, "ip neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0"],
    command: "ip neighbour delete 10.0.0.9 dev v0",
    message: RTM_DELNEIGH,
    request: ({ neighbours }) => neighbours.delete({ link: 7, address: "10.0.0.9" }),
    differences: [{ path: "header@8", reason: "the kernel does not look at the state of what is removed" }],
  },
  {
    name: "get a neighbour",
    ground: [PAIR, ...UP, "ip neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0"],
    command: "ip neighbour get 10.0.0.9 dev v0",
    message: RTM_GETNEIGH,
    request: ({ neighbours }) => neighbours.find({ link: 7, address: "10.0.0.9" }),
  },
  {
    name: "list the neighbours of a link",
    ground: [PAIR, ...UP],
    command: "ip -4 neighbour show dev v0",
    message: RTM_GETNEIGH,
    request: ({ neighbours }) => neighbours.list({ link: 7, family: "ipv4" }),
  },
];

const entries: readonly GoldenCase[] = [
  {
    name: "add a forwarding entry to a bridge",
    ground: [PAIR, ...BRIDGE],
    command: "bridge fdb add 02:00:00:00:00:09 dev v1 master static vlan 1 sticky",
    message: RTM_NEWNEIGH,
    request: ({ fdb }) =>
      fdb.add({
        link: 8,
        mac: "02:00:00:00:00:09",
        owner: "master",
        vlan: 1,
        state: "static",
        isSticky: true,
      }),
    differences: [ENTRY_HEADER],
  },
  {
    name: "add a forwarding entry that ages",
    ground: [PAIR, ...BRIDGE],
    command: "bridge fdb add 02:00:00:00:00:09 dev v1 master dynamic vlan 1",
    message: RTM_NEWNEIGH,
    request: ({ fdb }) =>
      fdb.add({ link: 8, mac: "02:00:00:00:00:09", owner: "master", vlan: 1, state: "dynamic" }),
  },
  {
    name: "replace a forwarding entry by one somebody else learnt",
    ground: [PAIR, ...BRIDGE],
    command: "bridge fdb replace 02:00:00:00:00:09 dev v1 master extern_learn vlan 1",
    message: RTM_NEWNEIGH,
    request: ({ fdb }) =>
      fdb.replace({
        link: 8,
        mac: "02:00:00:00:00:09",
        owner: "master",
        vlan: 1,
        state: "permanent",
        isExternallyLearned: true,
      }),
    differences: [ENTRY_HEADER],
  },
  {
    name: "add an address to a link's own table",
    ground: [PAIR],
    command: "bridge fdb add 02:00:00:00:00:09 dev v0 self permanent",
    message: RTM_NEWNEIGH,
    request: ({ fdb }) => fdb.add({ link: 7, mac: "02:00:00:00:00:09", owner: "self", state: "permanent" }),
    differences: [ENTRY_HEADER],
  },
  {
    name: "remove an address from a link's own table",
    ground: [PAIR, "bridge fdb add 02:00:00:00:00:09 dev v0 self permanent"],
    command: "bridge fdb delete 02:00:00:00:00:09 dev v0 self",
    message: RTM_DELNEIGH,
    request: ({ fdb }) => fdb.delete({ link: 7, mac: "02:00:00:00:00:09", owner: "self" }),
    differences: [ENTRY_HEADER],
  },
  {
    name: "get a forwarding entry of a bridge",
    ground: [PAIR, ...BRIDGE, "bridge fdb add 02:00:00:00:00:09 dev v1 master static vlan 1"],
    command: "bridge fdb get 02:00:00:00:00:09 dev v1 master vlan 1",
    message: RTM_GETNEIGH,
    request: ({ fdb }) => fdb.find({ link: 8, mac: "02:00:00:00:00:09", owner: "master", vlan: 1 }),
  },
  {
    name: "list the forwarding entries of a bridge's port",
    ground: [PAIR, ...BRIDGE],
    command: "bridge fdb show br br0 brport v1",
    message: RTM_GETNEIGH,
    request: ({ fdb }) => fdb.list({ bridge: 9, link: 8 }),
  },
];

export const cases: readonly GoldenCase[] = [...addresses, ...routes, ...neighbours, ...entries];
