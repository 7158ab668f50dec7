import assert from "node:assert/strict";
import test, { after } from "node:test";
import { EOPNOTSUPP } from "../../src/linux/errno.ts";
import type { Namespace } from "../../src/linux/namespace.ts";
import { isErrno } from "../../src/linux/netlink/error.ts";
import type { BridgePortSettings } from "../../src/linux/route/bridge-ports.ts";
import type { LinkKindChange, LinkKindSpec } from "../../src/linux/route/kinds/kinds.ts";
import { runIn, World } from "../kernel/world.ts";

/** Bridges that filter VLANs, their ports, and what is changed on links that stand, read back by us and by iproute2. */

const PATIENCE = { timeout: 60_000 };

/** One for all tests: its threads take seconds to start in the guest. */
const world = new World();
after(() => world[Symbol.asyncDispose]());

/**
 * A namespace with a bridge that filters VLANs and the port `net1`, whose other end is `peer1`; all are up, and the port
 * forwards: the bridge hears of its carrier a little later than it comes.
 */
async function makeBridge(): Promise<{ pod: Namespace; bridge: number; port: number }> {
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "br0", of: { kind: "bridge", isVlanFiltering: true }, isUp: true });
  const bridge = (await pod.links.get("br0")).index;
  await pod.links.create({ name: "net1", of: { kind: "veth", peer: { name: "peer1" } }, master: bridge });
  const [port, peer] = [(await pod.links.get("net1")).index, (await pod.links.get("peer1")).index];
  for (const index of [port, peer]) await pod.links.set(index, { isUp: true });
  while ((await pod.links.get(port)).portData?.state !== "forwarding");
  return { pod, bridge, port };
}

test("a bridge's port does what it is told, as iproute2 shows it", PATIENCE, async () => {
  const { pod, port } = await makeBridge();
  const settings: BridgePortSettings = {
    // The bridge itself has a port forward again that is told to block (br_make_forwarding, net/bridge/br_stp.c).
    state: "learning",
    priority: 7,
    cost: 100,
    isHairpin: true,
    isGuarded: true,
    isRootBlocked: true,
    isFastLeaving: true,
    isLearning: false,
    isFloodingUnicast: false,
    isFloodingMulticast: false,
    isFloodingBroadcast: false,
    isMulticastUnicast: true,
    multicastRouter: "always",
    isProxyArp: true,
    isSuppressingNeighbours: true,
    isIsolated: true,
    isLocked: true,
    isVlanTunnel: true,
    groupForwardMask: 8,
  };
  await pod.bridgePorts.set(port, settings);
  assert.partialDeepStrictEqual((await pod.links.get(port)).portData, settings);
  const [shown] = JSON.parse(await runIn(pod, "bridge", "-d", "-j", "link", "show", "dev", "net1"));
  assert.partialDeepStrictEqual(shown, {
    state: "learning",
    priority: 7,
    cost: 100,
    hairpin: true,
    guard: true,
    root_block: true,
    fastleave: true,
    learning: false,
    flood: false,
    mcast_flood: false,
    mcast_to_unicast: true,
    neigh_suppress: true,
    vlan_tunnel: true,
    isolated: true,
    locked: true,
  });
  await pod.bridgePorts.set(port, { isLearning: true, isLocked: false });
  assert.partialDeepStrictEqual((await pod.links.get(port)).portData, {
    ...settings,
    isLearning: true,
    isLocked: false,
  });
  const { index } = await pod.links.get("peer1");
  await assert.rejects(
    pod.bridgePorts.set(index, { isLearning: true }),
    (error: Error) => isErrno(error, EOPNOTSUPP) && /the link belongs to no bridge/.test(error.message),
  );
});

test("a port and the bridge itself take part in the VLANs they are given", PATIENCE, async () => {
  const { pod, bridge, port } = await makeBridge();
  const plain = { isPvid: false, isUntagged: false };
  await pod.bridgeVlans.add(port, { id: 7, isPvid: true, isUntagged: true });
  await pod.bridgeVlans.add(port, { id: 10, last: 20 });
  await pod.bridgeVlans.add(bridge, { id: 7 }, "bridge");
  const vlansOf = async (link: number) =>
    (await pod.bridgeVlans.list()).ports.find((one) => one.link === link)?.vlans;
  // Links that join get VLAN 1; the PVID of the port has gone to VLAN 7.
  const first = { id: 1, isPvid: false, isUntagged: true };
  const row = { id: 10, last: 20, ...plain };
  assert.deepEqual(await vlansOf(port), [first, { id: 7, isPvid: true, isUntagged: true }, row]);
  assert.deepEqual(await vlansOf(bridge), [
    { id: 1, isPvid: true, isUntagged: true },
    { id: 7, ...plain },
  ]);
  const [shown] = JSON.parse(
    await runIn(pod, "bridge", "-j", "-compressvlans", "vlan", "show", "dev", "net1"),
  );
  assert.deepEqual(shown.vlans, [
    { vlan: 1, flags: ["Egress Untagged"] },
    { vlan: 7, flags: ["PVID", "Egress Untagged"] },
    { vlan: 10, vlanEnd: 20, flags: [] },
  ]);
  await pod.bridgeVlans.delete(port, { id: 1, last: 9 });
  await pod.bridgeVlans.delete(port, { id: 12 });
  assert.deepEqual(await vlansOf(port), [
    { id: 10, last: 11, ...plain },
    { id: 13, last: 20, ...plain },
  ]);
  await pod.bridgeVlans.delete(bridge, { id: 7 }, "bridge");
  assert.deepEqual(await vlansOf(bridge), [{ id: 1, isPvid: true, isUntagged: true }]);
  const { index } = await pod.links.get("peer1");
  await assert.rejects(pod.bridgeVlans.add(index, { id: 7 }), /the link belongs to no bridge/);
});

test("a forwarding entry of one VLAN is that VLAN's alone", PATIENCE, async () => {
  const { pod, port } = await makeBridge();
  await pod.bridgeVlans.add(port, { id: 7 });
  const entry = { link: port, mac: "02:00:00:00:00:09", owner: "master", vlan: 7 } as const;
  await pod.fdb.add({ ...entry, state: "static", isSticky: true });
  assert.partialDeepStrictEqual(await pod.fdb.find(entry), { vlan: 7, state: "static", isSticky: true });
  assert.equal(await pod.fdb.find({ ...entry, vlan: 1 }), undefined);
  await pod.fdb.delete(entry);
  assert.equal(await pod.fdb.find(entry), undefined);
});

/** A link as it is made, and what is changed of it. */
const changes: readonly { readonly made: LinkKindSpec; readonly changed: LinkKindChange }[] = [
  {
    made: { kind: "bridge" },
    changed: {
      kind: "bridge",
      isVlanFiltering: true,
      vlanProtocol: "802.1ad",
      defaultPvid: 0,
      hasVlanStatistics: true,
      hasPortVlanStatistics: true,
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
  },
  {
    made: { kind: "bond", mode: "active-backup", miimon: 100 },
    changed: {
      kind: "bond",
      upDelay: 200,
      downDelay: 300,
      peerNoticeDelay: 400,
      primaryReselection: "failure",
      failOverMac: "active",
      hashPolicy: "vlan+srcmac",
      igmpReports: 2,
      peerNotices: 3,
      isTakingAll: true,
      minLinks: 1,
      learningInterval: 5,
    },
  },
  {
    made: { kind: "bond", mode: "active-backup", arpInterval: 200, arpTargets: ["10.0.0.1"] },
    changed: {
      kind: "bond",
      arpTargets: ["10.0.0.2", "10.0.0.3"],
      neighbourTargets: ["fd00::1", "fd00::2"],
      arpValidation: "filter_backup",
      arpNeeds: "all",
      mostMissedAnswers: 5,
    },
  },
  {
    made: { kind: "bond", mode: "802.3ad", lacpRate: "slow" },
    changed: {
      kind: "bond",
      lacpRate: "fast",
      isLacpActive: false,
      aggregation: "bandwidth",
      systemPriority: 7,
      systemMac: "02:00:00:00:00:0b",
      userPortKey: 9,
    },
  },
  { made: { kind: "bond", mode: "balance-rr" }, changed: { kind: "bond", packetsPerLink: 3 } },
  { made: { kind: "bond", mode: "balance-tlb" }, changed: { kind: "bond", isRebalancing: false } },
  {
    made: { kind: "vlan", id: 7 },
    changed: {
      kind: "vlan",
      reordersHeader: false,
      looseBinding: true,
      gvrp: true,
      mvrp: true,
      egressQos: [{ from: 1, to: 2 }],
      ingressQos: [{ from: 3, to: 4 }],
    },
  },
  { made: { kind: "ipvlan", mode: "l2" }, changed: { kind: "ipvlan", mode: "l3s", isolation: "private" } },
  {
    made: { kind: "macvlan", mode: "source", sources: ["02:00:00:00:00:21"] },
    changed: {
      kind: "macvlan",
      sources: ["02:00:00:00:00:22"],
      flags: ["nodst"],
      broadcastQueueLength: 500,
    },
  },
];

for (const { made, changed } of changes) {
  const what = `${made.kind}${"mode" in made ? ` of the mode ${made.mode}` : ""}`;
  const [, name] = Object.keys(changed);
  test(`what a ${what} has of its own is changed: ${name} and more`, PATIENCE, async () => {
    const { links } = await world.makeNamespace();
    await links.create({ name: "base", of: { kind: "dummy" } });
    const hasParent = ["vlan", "ipvlan", "macvlan"].includes(made.kind);
    const parent = hasParent ? { parent: (await links.get("base")).index } : {};
    await links.create({ name: "made", of: made, ...parent });
    const { index } = await links.get("made");
    await links.change(index, changed);
    const { kind: _, ...wanted } = changed;
    assert.partialDeepStrictEqual((await links.get(index)).kindData, wanted);
  });
}

test("a link that stands is given a text, its carrier, a group and settings of IP", PATIENCE, async () => {
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "net1", of: { kind: "dummy" }, isUp: true });
  const { index } = await pod.links.get("net1");
  const ipv4 = { proxyArp: 1, rpFilter: 2, arpAnnounce: 2, arpIgnore: 1, arpAccept: 1, arpNotify: 1 };
  await pod.links.set(index, {
    alias: "to the lab",
    hasCarrier: false,
    group: 5,
    gsoMaxSize: 40_000,
    gsoMaxSegments: 10,
    groMaxSize: 50_000,
    isPromiscuous: true,
    isAllMulticast: true,
    ipv4,
    ipv6: { addressGeneration: "none" },
  });
  const [shown] = JSON.parse(await runIn(pod, "ip", "-d", "-j", "link", "show", "dev", "net1"));
  assert.partialDeepStrictEqual(shown, {
    ifalias: "to the lab",
    group: "5",
    gso_max_size: 40_000,
    gso_max_segs: 10,
    gro_max_size: 50_000,
    inet6_addr_gen_mode: "none",
  });
  assert.deepEqual(
    ["NO-CARRIER", "PROMISC", "ALLMULTI"].filter((flag) => !shown.flags.includes(flag)),
    [],
  );
  assert.equal((await pod.links.get(index)).hasCarrier, false);
  assert.partialDeepStrictEqual(await pod.links.ipSettings(index), {
    ipv4,
    ipv6: { addressGeneration: "none" },
  });
});

test("a link that moves gets the index it is given there", PATIENCE, async () => {
  const [from, to] = [await world.makeNamespace(), await world.makeNamespace()];
  await from.links.create({ name: "net1", of: { kind: "dummy" } });
  const { index } = await from.links.get("net1");
  await from.links.set(index, { namespaceFd: to.fd, name: "eth0", newIndex: 4711 });
  assert.equal((await to.links.get("eth0")).index, 4711);
});
