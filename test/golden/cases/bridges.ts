import {
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "../../../src/linux/route/link-attributes.ts";
import type { GoldenCase } from "../golden.ts";

/** Bridges and bonds with everything they take, the ports of bridges and their VLANs. */

/** A bridge, link 9, with the port `v0`, link 7; the port's peer is link 8. */
const BRIDGE = [
  "ip link add br0 index 9 type bridge vlan_filtering 1",
  "ip link add v0 index 7 type veth peer name v1 index 8",
  "ip link set v0 master br0",
];

const bridges: readonly GoldenCase[] = [
  {
    name: "add a bridge with a spanning tree and multicast",
    command:
      "ip link add br0 index 9 type bridge stp_state 1 priority 4096 forward_delay 400 hello_time 300 max_age 900 " +
      "ageing_time 6000 group_fwd_mask 8 group_address 01:80:c2:00:00:04 mcast_snooping 1 mcast_querier 1 " +
      "mcast_router 2 mcast_hash_max 1024 mcast_stats_enabled 1",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "br0",
        index: 9,
        of: {
          kind: "bridge",
          hasSpanningTree: true,
          priority: 4096,
          forwardDelay: 4000,
          helloTime: 3000,
          maxAge: 9000,
          ageingTime: 60_000,
          groupForwardMask: 8,
          groupMac: "01:80:c2:00:00:04",
          hasMulticastSnooping: true,
          isMulticastQuerier: true,
          multicastRouter: "always",
          mostMulticastGroups: 1024,
          hasMulticastStatistics: true,
        },
      }),
  },
  {
    name: "change a bridge that stands",
    ground: ["ip link add br0 index 9 type bridge"],
    command:
      "ip link set br0 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 0 " +
      "vlan_stats_enabled 1 vlan_stats_per_port 1 nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 0",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.change(9, {
        kind: "bridge",
        isVlanFiltering: true,
        vlanProtocol: "802.1ad",
        defaultPvid: 0,
        hasVlanStatistics: true,
        hasPortVlanStatistics: true,
        isCallingIptables: true,
        isCallingIp6tables: true,
        isCallingArptables: false,
      }),
  },
];

const bonds: readonly GoldenCase[] = [
  {
    name: "add a bond that asks by ARP and neighbour solicitation",
    command:
      "ip link add bond9 index 8 type bond mode active-backup arp_interval 200 arp_ip_target 10.0.0.1,10.0.0.2 " +
      "ns_ip6_target fd00::1,fd00::2 arp_validate all arp_all_targets any arp_missed_max 3 " +
      "primary_reselect failure fail_over_mac active resend_igmp 2 num_grat_arp 3 all_slaves_active 1",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "bond9",
        index: 8,
        of: {
          kind: "bond",
          mode: "active-backup",
          arpInterval: 200,
          arpTargets: ["10.0.0.1", "10.0.0.2"],
          neighbourTargets: ["fd00::1", "fd00::2"],
          arpValidation: "all",
          arpNeeds: "any",
          mostMissedAnswers: 3,
          primaryReselection: "failure",
          failOverMac: "active",
          igmpReports: 2,
          peerNotices: 3,
          isTakingAll: true,
        },
      }),
  },
  {
    name: "add a bond that speaks LACP under a name of its own",
    command:
      "ip link add bond9 index 8 type bond mode 802.3ad miimon 100 peer_notify_delay 200 lacp_active off " +
      "ad_select bandwidth ad_actor_sys_prio 7 ad_actor_system 02:00:00:00:00:0b ad_user_port_key 9",
    message: RTM_NEWLINK,
    request: ({ links }) =>
      links.create({
        name: "bond9",
        index: 8,
        of: {
          kind: "bond",
          mode: "802.3ad",
          miimon: 100,
          peerNoticeDelay: 200,
          isLacpActive: false,
          aggregation: "bandwidth",
          systemPriority: 7,
          systemMac: "02:00:00:00:00:0b",
          userPortKey: 9,
        },
      }),
  },
  ...(["balance-rr", "balance-xor", "broadcast"] as const).map(
    (mode): GoldenCase => ({
      name: `add a bond of the mode ${mode}`,
      command: `ip link add bond9 index 8 type bond mode ${mode} lp_interval 5 packets_per_slave 3`,
      message: RTM_NEWLINK,
      request: ({ links }) =>
        links.create({
          name: "bond9",
          index: 8,
          of: { kind: "bond", mode, learningInterval: 5, packetsPerLink: 3 },
        }),
      // The kernel takes a number of packets with balance-rr alone.
      ...(mode === "balance-rr" ? {} : { isRefused: true }),
    }),
  ),
  ...(["balance-tlb", "balance-alb"] as const).map(
    (mode): GoldenCase => ({
      name: `add a bond of the mode ${mode}`,
      command: `ip link add bond9 index 8 type bond mode ${mode} miimon 100 tlb_dynamic_lb 1`,
      message: RTM_NEWLINK,
      request: ({ links }) =>
        links.create({
          name: "bond9",
          index: 8,
          of: { kind: "bond", mode, miimon: 100, isRebalancing: true },
        }),
    }),
  ),
  {
    name: "choose which link of a bond is used",
    ground: [
      "ip link add bond9 index 8 type bond mode active-backup miimon 100",
      "ip link add leg index 7 type dummy",
      "ip link set leg master bond9",
      "ip link set bond9 up",
    ],
    command: "ip link set bond9 type bond active_slave leg primary leg",
    message: RTM_NEWLINK,
    request: ({ links }) => links.change(8, { kind: "bond", activeLink: 7, primary: 7 }),
  },
];

const ports: readonly GoldenCase[] = [
  {
    name: "set everything of a bridge's port",
    ground: BRIDGE,
    command:
      "bridge link set dev v0 cost 100 priority 7 state blocking guard on hairpin on fastleave on root_block on " +
      "learning off flood off mcast_router 2 mcast_flood off bcast_flood off mcast_to_unicast on neigh_suppress on " +
      "vlan_tunnel on isolated on locked on",
    message: RTM_SETLINK,
    request: ({ bridgePorts }) =>
      bridgePorts.set(7, {
        cost: 100,
        priority: 7,
        state: "blocking",
        isGuarded: true,
        isHairpin: true,
        isFastLeaving: true,
        isRootBlocked: true,
        isLearning: false,
        isFloodingUnicast: false,
        multicastRouter: "always",
        isFloodingMulticast: false,
        isFloodingBroadcast: false,
        isMulticastUnicast: true,
        isSuppressingNeighbours: true,
        isVlanTunnel: true,
        isIsolated: true,
        isLocked: true,
      }),
    // A port whose link is down has no state to be put into.
    isRefused: true,
  },
];

const vlans: readonly GoldenCase[] = [
  {
    name: "let a VLAN through at a bridge's port, untagged both ways",
    ground: BRIDGE,
    command: "bridge vlan add dev v0 vid 7 pvid untagged",
    message: RTM_SETLINK,
    request: ({ bridgeVlans }) => bridgeVlans.add(7, { id: 7, isPvid: true, isUntagged: true }),
  },
  {
    name: "let VLANs in a row through at a bridge's port",
    ground: BRIDGE,
    command: "bridge vlan add dev v0 vid 10-20",
    message: RTM_SETLINK,
    request: ({ bridgeVlans }) => bridgeVlans.add(7, { id: 10, last: 20 }),
  },
  {
    name: "let a bridge itself take part in a VLAN",
    ground: BRIDGE,
    command: "bridge vlan add dev br0 vid 7 self",
    message: RTM_SETLINK,
    request: ({ bridgeVlans }) => bridgeVlans.add(9, { id: 7 }, "bridge"),
  },
  {
    name: "shut a bridge's port to VLANs in a row",
    ground: [...BRIDGE, "bridge vlan add dev v0 vid 10-20"],
    command: "bridge vlan delete dev v0 vid 10-20",
    message: RTM_DELLINK,
    request: ({ bridgeVlans }) => bridgeVlans.delete(7, { id: 10, last: 20 }),
  },
  {
    name: "list the VLANs of bridges",
    ground: BRIDGE,
    command: "bridge -compressvlans vlan show dev v0",
    meant: { theirs: "last" },
    message: RTM_GETLINK,
    request: ({ bridgeVlans }) => bridgeVlans.list(),
  },
];

export const cases: readonly GoldenCase[] = [...bridges, ...bonds, ...ports, ...vlans];
