import assert from "node:assert/strict";
import test, { after } from "node:test";
import { probeCapabilities } from "../../src/linux/capabilities.ts";
import { ENOENT, EOPNOTSUPP } from "../../src/linux/errno.ts";
import { Kernel } from "../../src/linux/kernel.ts";
import type { Namespace } from "../../src/linux/namespace.ts";
import { isErrno } from "../../src/linux/netlink/error.ts";
import type { TcAction } from "../../src/linux/route/tc/action.ts";
import type { FilterSpec } from "../../src/linux/route/tc/filter.ts";
import type { QdiscSpec } from "../../src/linux/route/tc/qdisc.ts";
import { bytesPerTick } from "../../src/linux/route/tc/ratespec.ts";
import { tcHandle } from "../../src/linux/route/tc/tcmsg.ts";
import { makeWorld, PEER_ADDRESS, type World } from "../kernel/tc/world.ts";
import { runIn } from "../kernel/world.ts";

const kernel = new Kernel();
after(() => kernel.stop());

/** Everything runs about ten times slower here. */
const SLOWLY = { timeout: 60_000 };
/** Bytes on the link of one packet that is sent here. */
const PACKET = 1042;

/** What `tc -j -d -s` shows of the objects on a link: one list for each command. */
async function show(pod: Namespace, ...what: string[]): Promise<Shown[]> {
  const all: Shown[] = JSON.parse(await runIn(pod, "tc", "-j", "-d", "-s", ...what));
  // Filters are listed behind the list they stand in, which has no options.
  return all.filter(({ options }) => options !== undefined);
}

interface Shown {
  readonly kind: string;
  readonly handle?: string;
  readonly chain?: number;
  readonly packets?: number;
  readonly options: Readonly<Record<string, unknown>> & { readonly actions?: readonly ShownAction[] };
}

type ShownAction = Readonly<Record<string, unknown>> & { readonly stats: { readonly packets: number } };

test("the lab's kernel has everything that is probed for", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  await using scratch = await world.kernel.makeNamespace();
  const { missing, ...found } = await probeCapabilities(scratch);
  assert.deepEqual(missing, []);
  assert.deepEqual([...found.filters].sort(), ["bpf", "flower", "matchall", "u32"]);
});

type Options<Spec> = Spec extends unknown ? Omit<Spec, "link" | "parent" | "handle"> : never;

/** A qdisc, what tc shows of it, and what it is changed to. */
interface QdiscCase {
  readonly made: Options<QdiscSpec>;
  readonly shown: object;
  readonly changed: Options<QdiscSpec>;
}

const fq: Options<Extract<QdiscSpec, { kind: "fq" }>> = {
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
  priorityBands: [2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1],
  bandWeights: [300_000, 200_000, 100_000],
};

const fqCodel: Options<Extract<QdiscSpec, { kind: "fq_codel" }>> = {
  kind: "fq_codel",
  limit: 1000,
  memoryLimit: 4_194_304,
  // Whole units of 1.024 us.
  target: 5120,
  interval: 102_400,
  ecn: true,
  flows: 256,
  quantum: 3000,
  ceThreshold: 1024,
  dropBatch: 32,
};

const qdiscCases: readonly QdiscCase[] = [
  {
    made: fq,
    shown: {
      limit: 5000,
      flow_limit: 50,
      buckets: 512,
      orphan_mask: 255,
      quantum: 4000,
      initial_quantum: 20_000,
      maxrate: 1e9,
      low_rate_threshold: 100_000,
      refill_delay: 32_000,
      ce_threshold: 5000,
      timer_slack: 20_000,
      horizon: 2_000_000,
      horizon_cap: null,
    },
    changed: { ...fq, isPacing: false, maxRate: "none", ceThreshold: "none", beyondHorizon: "drop" },
  },
  {
    made: fqCodel,
    shown: {
      limit: 1000,
      flows: 256,
      quantum: 3000,
      target: 5120,
      interval: 102_400,
      ce_threshold: 1024,
      memory_limit: 4_194_304,
      ecn: true,
      drop_batch: 32,
    },
    changed: { ...fqCodel, limit: 2000, target: 10_240, ecn: false },
  },
  {
    made: { kind: "tbf", rate: 80e6, burst: 100_000, limit: 200_000, peak: { rate: 160e6, burst: 1920 } },
    // As JSON tc shows neither the peak rate nor the buckets' sizes.
    shown: { rate: 10_000_000 },
    changed: { kind: "tbf", rate: 8e6, burst: 10_000, limit: 20_000 },
  },
  { made: { kind: "pfifo", limit: 100 }, shown: { limit: 100 }, changed: { kind: "pfifo", limit: 200 } },
  {
    made: { kind: "bfifo", limit: 65_536 },
    shown: { limit: 65_536 },
    changed: { kind: "bfifo", limit: 131_072 },
  },
];

for (const { made, shown, changed } of qdiscCases) {
  test(
    `a qdisc ${made.kind} is made, shown by tc as it is read here, and changed in place`,
    SLOWLY,
    async () => {
      await using world = await makeWorld(kernel);
      const { pod, links } = world;
      const place = { link: links.pod, parent: "root", handle: tcHandle(1) } as const;
      await pod.qdiscs.add({ ...place, ...made } as QdiscSpec);
      world.send(pod, PEER_ADDRESS, 3);
      const before = await onlyQdisc(world);
      assert.deepEqual(before.spec, { ...place, ...made });
      const [line] = await show(pod, "qdisc", "show", "dev", "net1");
      assert.partialDeepStrictEqual(line, { kind: made.kind, handle: "1:", options: shown });
      // Neighbour discovery may send something between the two.
      assert.ok(before.statistics.packets >= 3 && before.statistics.packets <= (line?.packets ?? 0));

      await pod.qdiscs.change({ ...place, ...changed } as QdiscSpec);
      const after = await onlyQdisc(world);
      assert.deepEqual(after.spec, { ...place, ...changed });
      // Counters that go on are the proof that it is still the same one.
      assert.ok(after.statistics.packets >= before.statistics.packets);
    },
  );
}

async function onlyQdisc({ pod, links }: World) {
  const [qdisc, ...others] = await pod.qdiscs.list(links.pod);
  assert.ok(qdisc !== undefined && others.length === 0);
  return qdisc;
}

test("fq and fq_codel tell of their flows", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  const place = { link: links.pod, parent: "root" } as const;
  await pod.qdiscs.replace({ ...place, handle: tcHandle(1), kind: "fq", horizon: 1000 });
  world.send(pod, PEER_ADDRESS, 3);
  const { application: ofFq } = await onlyQdisc(world);
  assert.ok(ofFq?.kind === "fq");
  // A packet that finds the queue empty takes the short way, past the flows.
  assert.ok((ofFq.fastPathPackets ?? 0) + ofFq.flows >= 1);
  assert.equal(ofFq.bands?.length, 3);
  const [shownFq] = await show(pod, "qdisc", "show", "dev", "net1");
  assert.partialDeepStrictEqual(shownFq, { flows: ofFq.flows, inactive: ofFq.inactiveFlows });

  // In a class of htb a packet never takes the short way.
  await pod.qdiscs.replace({ ...place, handle: tcHandle(2), kind: "htb", default: 0x10 });
  const leaf = tcHandle(2, 0x10);
  const limits = { rate: 1e9, ceil: 1e9, burst: 125_000, cburst: 125_000, prio: 0, quantum: 60_000 };
  await pod.classes.add({ link: links.pod, parent: "root", handle: leaf, kind: "htb", ...limits });
  await pod.qdiscs.replace({ link: links.pod, parent: leaf, handle: tcHandle(3), ...fqCodel });
  world.send(pod, PEER_ADDRESS, 3);
  const ofCodel = (await pod.qdiscs.list(links.pod)).find(
    ({ spec }) => spec.kind === "fq_codel",
  )?.application;
  assert.ok(ofCodel?.kind === "fq_codel");
  assert.ok(ofCodel.largestPacket >= PACKET && ofCodel.newFlows >= 1, JSON.stringify(ofCodel));
  const shownCodel = (await show(pod, "qdisc", "show", "dev", "net1")).find(
    ({ kind }) => kind === "fq_codel",
  );
  assert.partialDeepStrictEqual(shownCodel, {
    maxpacket: ofCodel.largestPacket,
    drop_overlimit: ofCodel.limitDrops,
    ecn_mark: ofCodel.ecnMarks,
    new_flow_count: ofCodel.newFlows,
  });
});

test("what fq is told to hold back waits, and what lies behind its horizon is dropped", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  const place = { link: links.pod, parent: "root", handle: tcHandle(1) } as const;
  // 800 bits per second: the second packet of a flow would have its turn ten seconds later.
  await pod.qdiscs.add({ ...place, kind: "fq", maxRate: 800, horizon: 1_000_000, beyondHorizon: "drop" });
  world.send(pod, PEER_ADDRESS, 4);
  const { statistics, application } = await onlyQdisc(world);
  assert.ok(application?.kind === "fq");
  assert.ok(statistics.queueLength > 0 && application.throttledFlows === 1);
});

test(
  "an htb qdisc that shall be done by a card is refused by a link without one, in the kernel's words",
  SLOWLY,
  async () => {
    await using world = await makeWorld(kernel);
    const { pod, links } = world;
    const place = { link: links.pod, parent: "root", handle: tcHandle(1) } as const;
    await assert.rejects(
      pod.qdiscs.add({ ...place, kind: "htb", default: 0, isOffloaded: true }),
      (error: Error) => isErrno(error, EOPNOTSUPP) && /hw-tc-offload/.test(error.message),
    );
  },
);

test(
  "mq has a class for each queue, whose leaf can be another; a filter chooses the queue",
  SLOWLY,
  async () => {
    await using world = await makeWorld(kernel);
    const { pod, peer } = world;
    const netns = `/proc/${process.pid}/fd/${peer.fd}`;
    await runIn(
      pod,
      "ip",
      "link",
      "add",
      "many0",
      "numtxqueues",
      "4",
      "type",
      "veth",
      "peer",
      "name",
      "many1",
      "netns",
      netns,
    );
    await runIn(pod, "ip", "address", "add", "10.78.0.1/24", "dev", "many0");
    await runIn(pod, "ip", "link", "set", "many0", "up");
    const link = (await pod.links.get("many0")).index;
    await peer.links.set((await peer.links.get("many1")).index, { isUp: true });
    await pod.neighbours.add({ link, address: "10.78.0.2", mac: "02:00:00:00:00:02" });

    await pod.qdiscs.replace({ link, parent: "root", handle: tcHandle(1), kind: "mq" });
    const leaf: QdiscSpec = { link, parent: tcHandle(1, 3), handle: tcHandle(0x13), kind: "fq", limit: 700 };
    await pod.qdiscs.replace(leaf);
    const classes = await pod.classes.list(link);
    assert.deepEqual(
      classes.map(({ spec, leaf }) => [spec.kind, spec.parent, spec.handle, leaf]),
      [1, 2, 3, 4].map((queue) => ["mq", "root", tcHandle(1, queue), queue === 3 ? leaf.handle : undefined]),
    );

    await pod.qdiscs.add({ link, parent: "clsact", kind: "clsact" });
    const toQueue = (queueMapping: number): FilterSpec => ({
      link,
      parent: "egress",
      priority: 1,
      protocol: "all",
      handle: 1,
      kind: "matchall",
      actions: [{ kind: "skbedit", queueMapping }],
    });
    await pod.filters.add(toQueue(2));
    world.send(pod, "10.78.0.2", 5);
    const qdiscs = await pod.qdiscs.list(link);
    const found = qdiscs.find(({ spec }) => spec.handle === leaf.handle);
    assert.partialDeepStrictEqual(found?.spec, leaf);
    const root = qdiscs.find(({ spec }) => spec.kind === "mq");
    assert.deepEqual([root?.statistics.packets, found?.statistics.packets], [5, 5]);
  },
);

test("noqueue and pfifo_fast are put in the place of what was there", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  const place = { link: links.pod, parent: "root" } as const;
  await pod.qdiscs.replace({ ...place, handle: tcHandle(1), kind: "pfifo_fast" });
  assert.deepEqual((await onlyQdisc(world)).spec, {
    ...place,
    handle: tcHandle(1),
    kind: "pfifo_fast",
    priorityBands: [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
  });
  await pod.qdiscs.replace({ ...place, kind: "noqueue" });
  assert.equal((await onlyQdisc(world)).spec.kind, "noqueue");
  assert.deepEqual(
    (await show(pod, "qdisc", "show", "dev", "net1")).map(({ kind }) => kind),
    ["noqueue"],
  );
});

for (const rate of [40e9, 100e9]) {
  test(`rates of ${rate / 1e9} Gbit/s come back exactly from htb, tbf and police`, SLOWLY, async () => {
    await using world = await makeWorld(kernel);
    const { pod, links } = world;
    const link = links.pod;
    const burst = rate / 800;
    const isNear = (found: number) => Math.abs(found - burst) <= bytesPerTick(rate);
    await pod.qdiscs.add({ link, parent: "root", handle: tcHandle(1), kind: "htb", default: 0 });
    const limits = { rate, ceil: rate + 8, burst, cburst: burst, prio: 0, quantum: 60_000 };
    await pod.classes.add({ link, parent: "root", handle: tcHandle(1, 0x10), kind: "htb", ...limits });
    const [htb] = (await pod.classes.list(link)).map(({ spec }) => spec);
    assert.ok(htb?.kind === "htb" && isNear(htb.burst) && isNear(htb.cburst));
    assert.deepEqual([htb.rate, htb.ceil], [rate, rate + 8]);

    const tbf = { link: links.ifb, parent: "root", handle: tcHandle(1), kind: "tbf", rate, burst } as const;
    await pod.qdiscs.replace({ ...tbf, limit: 1e6, peak: { rate: rate + 8, burst: 65_536 } });
    const found = (await pod.qdiscs.list(links.ifb))[0]?.spec;
    assert.ok(found?.kind === "tbf" && isNear(found.burst));
    assert.deepEqual([found.rate, found.peak?.rate], [rate, rate + 8]);
    const [shown] = await show(pod, "qdisc", "show", "dev", "ifb1");
    assert.equal(shown?.options.rate, rate / 8);

    await pod.qdiscs.add({ link, parent: "clsact", kind: "clsact" });
    await pod.filters.add(everything(link, [{ kind: "police", rate, burst, mtu: 65_536 }]));
    const [policed] = (await pod.filters.list(link, "egress")).map(({ spec }) => spec);
    assert.ok(policed?.kind === "matchall" && policed.actions[0]?.kind === "police");
    const [action] = policed.actions;
    assert.ok("rate" in action && action.rate === rate && isNear(action.burst));
    // As JSON tc does not show it.
    const shownFilter = await runIn(pod, "tc", "-d", "filter", "show", "dev", "net1", "egress");
    assert.match(shownFilter, new RegExp(`police 0x\\w+ rate ${rate / 1e9}Gbit burst `));
  });
}

/** A filter that matches everything a link sends. */
function everything(link: number, actions: readonly TcAction[]): FilterSpec {
  return { link, parent: "egress", priority: 1, protocol: "all", handle: 1, kind: "matchall", actions };
}

/** Clsact on the pod's link. */
async function makeHook({ pod, links }: World): Promise<number> {
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  return links.pod;
}

async function statisticsAt({ pod, links }: World) {
  return (await pod.filters.list(links.pod, "egress")).map(({ actionStatistics }) =>
    actionStatistics.map(({ packets, drops }) => [packets, drops]),
  );
}

test("every action is made, shown by tc, and counts for itself", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod } = world;
  const link = await makeHook(world);
  const actions: readonly TcAction[] = [
    { kind: "police", packetRate: 1_000_000, packetBurst: 100, conform: "pipe" },
    { kind: "skbedit", priority: tcHandle(1, 0x10), mark: 5, markMask: 0xff, packetType: "host" },
    { kind: "mirred", mode: "mirror", direction: "egress", link: world.links.ifb },
    { kind: "gact", verdict: "ok" },
  ];
  await pod.filters.add(everything(link, actions));
  world.send(pod, PEER_ADDRESS, 4);
  const [found] = await pod.filters.list(link, "egress");
  assert.deepEqual(found?.spec, everything(link, actions));
  assert.equal(found.isInHardware, false);
  assert.deepEqual(
    found.actionStatistics.map(({ packets }) => packets),
    [4, 4, 4, 4],
  );
  assert.equal(found.statistics, found.actionStatistics[0]);

  const [shown] = await show(pod, "filter", "show", "dev", "net1", "egress");
  assert.partialDeepStrictEqual(
    shown?.options.actions?.map(({ stats: _, ...action }) => action),
    [
      { kind: "police", pkts_rate: 1_000_000, pkts_burst: 100, control_action: { type: "pipe" } },
      {
        kind: "skbedit",
        priority: "1:10",
        mark: 5,
        mask: "ff",
        ptype: "host",
        control_action: { type: "pipe" },
      },
      { kind: "mirred", mirred_action: "mirror", direction: "egress", to_dev: "ifb1" },
      { kind: "gact", control_action: { type: "pass" } },
    ],
  );
  assert.equal(shown?.options.actions?.[3]?.stats.packets, 4);
});

for (const verdict of ["ok", "drop", "pipe", "reclassify", "trap", "stolen", "continue"] as const) {
  test(`gact decides: ${verdict}`, SLOWLY, async () => {
    await using world = await makeWorld(kernel);
    const { pod } = world;
    const link = await makeHook(world);
    const wanted = everything(link, [{ kind: "gact", verdict }]);
    await pod.filters.add(wanted);
    assert.deepEqual((await pod.filters.list(link, "egress"))[0]?.spec, wanted);
    const [shown] = await show(pod, "filter", "show", "dev", "net1", "egress");
    const names: Record<string, string> = { ok: "pass" };
    assert.deepEqual(shown?.options.actions?.[0]?.control_action, { type: names[verdict] ?? verdict });
  });
}

test("a policer drops what comes too fast, by bytes and by packets", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod } = world;
  const link = await makeHook(world);
  const onlyUdp = {
    link,
    parent: "egress",
    priority: 1,
    protocol: 0x0800,
    handle: 1,
    kind: "flower",
  } as const;
  const match = { ipProtocol: 17 };
  const police = (action: TcAction): FilterSpec => ({ ...onlyUdp, match, actions: [action] });
  const byBytes = police({ kind: "police", rate: 800, burst: 3 * PACKET, mtu: 65_536 });
  await pod.filters.add(byBytes);
  world.send(pod, PEER_ADDRESS, 10);
  assert.deepEqual(await statisticsAt(world), [[[10, 7]]]);
  // Of packets none may pass at the start: the kernel begins with an empty bucket.
  await pod.filters.change(police({ kind: "police", packetRate: 1, packetBurst: 1 }));
  world.send(pod, PEER_ADDRESS, 10);
  const [[[packets, drops = 0] = []] = []] = await statisticsAt(world);
  assert.ok(packets === 10 && drops >= 9, `${drops} of ${packets} packets were dropped`);
});

test("the priority that skbedit sets sorts packets into a class of htb", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod } = world;
  const link = await makeHook(world);
  const gold = tcHandle(1, 0x10);
  await pod.qdiscs.add({ link, parent: "root", handle: tcHandle(1), kind: "htb", default: 0x20 });
  const rates = { rate: 1e9, ceil: 1e9, burst: 125_000, cburst: 125_000, prio: 0, quantum: 60_000 };
  for (const handle of [gold, tcHandle(1, 0x20)])
    await pod.classes.add({ link, parent: "root", handle, kind: "htb", ...rates });
  await pod.filters.add({
    link,
    parent: "egress",
    priority: 1,
    protocol: 0x0800,
    kind: "flower",
    match: { ipProtocol: 17, destinationPort: { from: 4000, to: 4010 } },
    actions: [{ kind: "skbedit", priority: gold }],
  });
  world.send(pod, PEER_ADDRESS, 5, { port: 4005 });
  world.send(pod, PEER_ADDRESS, 3, { port: 4011 });
  const packets = (await pod.classes.list(link)).find(({ spec }) => spec.handle === gold)?.statistics.packets;
  assert.equal(packets, 5);
});

test("filters go to another chain, and are listed and deleted in it", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod } = world;
  const link = await makeHook(world);
  const place = { link, parent: "egress", protocol: 0x0800, handle: 1, kind: "flower" } as const;
  const first: FilterSpec = {
    ...place,
    priority: 1,
    match: { ipProtocol: 17 },
    actions: [{ kind: "gact", verdict: { chain: 7 } }],
  };
  const second: FilterSpec = {
    ...place,
    priority: 2,
    chain: 7,
    match: { ipProtocol: 17, destinationPort: 4000 },
    actions: [{ kind: "gact", verdict: "drop" }],
  };
  await pod.filters.add(first);
  await pod.filters.add(second);
  world.send(pod, PEER_ADDRESS, 2, { port: 4000 });
  world.send(pod, PEER_ADDRESS, 3, { port: 4001 });
  const found = await pod.filters.list(link, "egress");
  assert.deepEqual(
    found.map(({ spec }) => spec),
    [first, second],
  );
  assert.deepEqual(
    found.map(({ statistics: { packets, drops } }) => [packets, drops]),
    [
      [5, 0],
      [2, 2],
    ],
  );
  const shown = await show(pod, "filter", "show", "dev", "net1", "egress");
  assert.deepEqual(
    shown.map(({ chain }) => chain),
    [0, 7],
  );
  // In chain 0 there is no such filter.
  const { chain: _, ...elsewhere } = second;
  await assert.rejects(pod.filters.delete(elsewhere), (error) => isErrno(error, ENOENT));
  await pod.filters.delete(second);
  assert.deepEqual(
    (await pod.filters.list(link, "egress")).map(({ spec }) => spec),
    [first],
  );
});

/** Filters by headers, and what tc shows of their keys. */
const flowerCases: readonly {
  readonly what: string;
  readonly protocol: "all" | number;
  readonly match: Extract<FilterSpec, { kind: "flower" }>["match"];
  readonly shown: object;
}[] = [
  {
    what: "MAC addresses",
    protocol: "all",
    match: { destinationMac: "02:00:00:00:00:01", sourceMac: "01:00:5e:00:00:00/ff:ff:ff:00:00:00" },
    shown: { dst_mac: "02:00:00:00:00:01", src_mac: "01:00:5e:00:00:00/24" },
  },
  {
    what: "IPv4 addresses, a port and DSCP",
    protocol: 0x0800,
    match: { ipProtocol: 17, source: "10.1.0.0/16", destination: "10.2.0.3", destinationPort: 53, dscp: 46 },
    shown: {
      ip_proto: "udp",
      src_ip: "10.1.0.0/16",
      dst_ip: "10.2.0.3",
      dst_port: 53,
      ip_tos: 0xb8,
      ip_tos_mask: "fc",
    },
  },
  {
    what: "IPv6 addresses and ranges of ports",
    protocol: 0x86dd,
    match: {
      ipProtocol: 132,
      source: "fd00::/64",
      destination: "fd00:1::2",
      sourcePort: { from: 1000, to: 2000 },
      destinationPort: { from: 3000, to: 3001 },
    },
    shown: {
      ip_proto: "sctp",
      src_ip: "fd00::/64",
      dst_ip: "fd00:1::2",
      src_port: { start: 1000, end: 2000 },
      dst_port: { start: 3000, end: 3001 },
    },
  },
  {
    what: "TCP's ports and flags",
    protocol: 0x0800,
    match: { ipProtocol: 6, sourcePort: 80, destinationPort: 443, tcpFlags: { value: 0x02, mask: 0x12 } },
    shown: { src_port: 80, dst_port: 443, tcp_flags: "0x2/12" },
  },
  {
    what: "a VLAN tag",
    protocol: 0x8100,
    match: { vlan: { id: 7, priority: 3, etherType: 0x0800 }, ipProtocol: 17, destinationPort: 4000 },
    shown: { vlan_id: 7, vlan_prio: 3, vlan_ethtype: "ip", dst_port: 4000 },
  },
  {
    what: "a VLAN tag within another",
    protocol: 0x88a8,
    match: {
      vlan: { id: 7, etherType: 0x8100 },
      innerVlan: { id: 8, priority: 1, etherType: 0x86dd },
      destination: "fd00::1",
    },
    shown: { vlan_id: 7, cvlan_id: 8, cvlan_prio: 1, cvlan_ethtype: "ipv6" },
  },
];

for (const { what, protocol, match, shown } of flowerCases) {
  test(`flower matches ${what}; tc shows the same, and it is changed in place`, SLOWLY, async () => {
    await using world = await makeWorld(kernel);
    const { pod } = world;
    const link = await makeHook(world);
    const wanted: FilterSpec = {
      link,
      parent: "egress",
      priority: 1,
      protocol,
      handle: 1,
      kind: "flower",
      match,
      classId: tcHandle(1, 0x10),
      runsIn: "software",
      actions: [{ kind: "gact", verdict: "pipe" }],
    };
    await pod.filters.add(wanted);
    const [found, ...others] = await pod.filters.list(link, "egress");
    assert.deepEqual(others, []);
    assert.deepEqual(found?.spec, wanted);
    const [line] = await show(pod, "filter", "show", "dev", "net1", "egress");
    assert.partialDeepStrictEqual(line?.options.keys, shown);
    assert.partialDeepStrictEqual(line?.options, { skip_hw: true, not_in_hw: true });
    const changed: FilterSpec = { ...wanted, actions: [] };
    await pod.filters.change(changed);
    assert.deepEqual((await pod.filters.list(link, "egress"))[0]?.spec, changed);
  });
}

test("flower matches only its own VLAN, addresses and ports", SLOWLY, async () => {
  await using world = await makeWorld(kernel);
  const { pod, peer } = world;
  const link = await makeHook(world);
  for (const [namespace, parent, host] of [
    [pod, "net1", 1],
    [peer, "peer1", 2],
  ] as const) {
    for (const id of [7, 8]) {
      const name = `vlan${id}`;
      await runIn(
        namespace,
        "ip",
        "link",
        "add",
        "link",
        parent,
        "name",
        name,
        "up",
        "type",
        "vlan",
        "id",
        `${id}`,
      );
      await namespace.addresses.add((await namespace.links.get(name)).index, `10.${id}.0.${host}/24`);
    }
  }
  const { mac = "" } = await peer.links.get("peer1");
  for (const id of [7, 8]) {
    const link = (await pod.links.get(`vlan${id}`)).index;
    await pod.neighbours.add({ link, address: `10.${id}.0.2`, mac });
  }
  const drop: readonly TcAction[] = [{ kind: "gact", verdict: "drop" }];
  const tagged = {
    link,
    parent: "egress",
    protocol: 0x8100,
    handle: 1,
    kind: "flower",
    actions: drop,
  } as const;
  const behind = { id: 7, etherType: 0x0800 };
  await pod.filters.add({
    ...tagged,
    priority: 1,
    match: { vlan: behind, ipProtocol: 17, destinationPort: 4000 },
  });
  await pod.filters.add({
    ...tagged,
    priority: 2,
    match: { vlan: behind, destination: "10.7.0.2", dscp: 0, ipProtocol: 17 },
  });
  const plain = { ...tagged, protocol: 0x0800 } as const;
  await pod.filters.add({
    ...plain,
    priority: 3,
    match: { destination: `${PEER_ADDRESS}/32`, ipProtocol: 17 },
  });

  world.send(pod, "10.7.0.2", 1, { port: 4000 });
  world.send(pod, "10.7.0.2", 2, { port: 4001 });
  world.send(pod, "10.8.0.2", 4, { port: 4000 });
  world.send(pod, PEER_ADDRESS, 8, { port: 4000 });
  assert.deepEqual(await statisticsAt(world), [[[1, 1]], [[2, 2]], [[8, 8]]]);
});
