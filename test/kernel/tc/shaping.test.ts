import assert from "node:assert/strict";
import test from "node:test";
import type { TcCapabilities } from "../../../src/linux/capabilities.ts";
import { probeCapabilities } from "../../../src/linux/capabilities.ts";
import { bytesPerTick } from "../../../src/linux/route/tc/ratespec.ts";
import type { QosClass } from "../../../src/model/qos-class.ts";
import { planQos, type QosPlan } from "../../../src/qos/plan.ts";
import { placeObject } from "../../../src/qos/tree.ts";
import { runIn } from "../world.ts";
import { makeWorld, measureFlow, PEER_ADDRESS, POD_ADDRESS, reshape, type World } from "./world.ts";

const LINK = { kind: "bridge", mtu: 1500, gsoMaxSize: 65_536 };

/** What the plans here need of the kernel. */
async function probe({ kernel }: World): Promise<TcCapabilities> {
  await using scratch = await kernel.makeNamespace();
  return await probeCapabilities(scratch);
}

function planFor(kernel: TcCapabilities, egress: number | undefined, ingress: number | undefined): QosPlan {
  const wanted: QosClass = {
    kind: "QosClass",
    name: "gold",
    egress: egress === undefined ? {} : { ceiling: egress },
    ingress: ingress === undefined ? {} : { ceiling: ingress },
    priority: 0,
  };
  return planQos(wanted, LINK, kernel);
}

type AnySpec = ReturnType<typeof placeObject>["spec"];

const treeOf = ({ egress, ingress }: QosPlan) => [...egress, ...ingress];

async function apply(world: World, from: QosPlan | undefined, to: QosPlan): Promise<void> {
  await world.pod.links.set(world.links.pod, { gsoMaxSize: to.gsoMaxSize });
  await reshape(world, from === undefined ? [] : treeOf(from), treeOf(to));
}

/** Everything on the pod's two links. */
async function readTree({ pod, links }: World) {
  const qdiscs = [...(await pod.qdiscs.list(links.pod)), ...(await pod.qdiscs.list(links.ifb))];
  const classes = await pod.classes.list(links.pod);
  const filters = await pod.filters.list(links.pod, "ingress").catch(() => []);
  return { qdiscs, classes, filters };
}

/**
 * Asserts that what stands is what was planned. The kernel fills in HTB's direct queue and counts TBF's bucket
 * in ticks.
 */
function assertSame(found: AnySpec | undefined, planned: AnySpec): void {
  if (planned.kind === "tbf" && found?.kind === "tbf") {
    assert.ok(Math.abs(found.burst - planned.burst) <= bytesPerTick(planned.rate));
    assert.deepEqual({ ...found, burst: planned.burst }, planned);
  } else if (planned.kind === "htb" && "default" in planned) {
    assert.deepEqual(found, { ...planned, directQueueLength: 1000 });
  } else if (planned.kind === "fq_codel") {
    // The kernel chooses what was left to it, and keeps times in units of 1.024 us.
    const { target, interval, ...exact } = planned;
    assert.partialDeepStrictEqual(found, exact);
  } else {
    assert.deepEqual(found, planned);
  }
}

test("a plan is made on the links, read back as planned, changed in place and removed", async () => {
  await using world = await makeWorld();
  const kernel = await probe(world);
  const plan = planFor(kernel, 50e6, 30e6);
  await apply(world, undefined, plan);

  const assertStands = async (expected: QosPlan) => {
    const { qdiscs, classes, filters } = await readTree(world);
    const found = [...qdiscs, ...classes, ...filters].map(({ spec }) => spec);
    for (const object of treeOf(expected)) {
      const { spec } = placeObject(object, world.links);
      const match = found.find(({ link, handle, kind }) => {
        return link === spec.link && handle === spec.handle && kind === spec.kind;
      });
      assertSame(match, spec);
    }
  };
  await assertStands(plan);

  world.send(world.pod, PEER_ADDRESS, 5);
  const before = await readTree(world);
  const faster = planFor(kernel, 200e6, 90e6);
  await apply(world, plan, faster);
  await assertStands(faster);
  const after = await readTree(world);
  // Counters that go on are the proof that nothing was deleted and made anew.
  const classPackets = ({ classes }: typeof before) => classes[0]?.statistics.packets ?? 0;
  assert.ok(classPackets(before) >= 5 && classPackets(after) >= classPackets(before));

  await reshape(world, treeOf(faster), []);
  const left = await readTree(world);
  assert.deepEqual([left.classes, left.filters], [[], []]);
  // What the kernel puts there by itself has no handle.
  const made = left.qdiscs.filter(({ spec }) => spec.handle !== 0);
  assert.deepEqual(made, []);
});

test("tc counts the same on the shaping qdisc as is read here", async () => {
  await using world = await makeWorld();
  await apply(world, undefined, planFor(await probe(world), 50e6, 30e6));
  world.send(world.peer, POD_ADDRESS, 5);
  const shown = JSON.parse(await runIn(world.pod, "tc", "-s", "-j", "qdisc", "show", "dev", "ifb1"));
  const [tbf] = await world.pod.qdiscs.list(world.links.ifb);
  assert.deepEqual(
    [shown[0].kind, shown[0].bytes, shown[0].packets, shown[0].drops],
    ["tbf", tbf?.statistics.bytes, tbf?.statistics.packets, tbf?.statistics.drops],
  );
  assert.ok((tbf?.statistics.bytes ?? 0) >= 5 * 1042);
});

const TOLERANCE = 0.03;
/** A machine that is busy with other things can make a flow slower, never faster: it may try again. */
const TRIES = 5;

for (const { title, egress, ingress } of [
  { title: "what the pod sends is held to 50 Mbit/s", egress: 50e6, ingress: undefined },
  { title: "what the pod receives is held to 30 Mbit/s", egress: undefined, ingress: 30e6 },
  { title: "what the pod sends is held to 2 Mbit/s", egress: 2e6, ingress: undefined },
  { title: "what the pod receives is held to 2 Mbit/s", egress: undefined, ingress: 2e6 },
]) {
  test(`${title}, within 3 %`, async () => {
    await using world = await makeWorld();
    const { pod, peer } = world;
    await apply(world, undefined, planFor(await probe(world), egress, ingress));
    const wanted = egress ?? ingress ?? 0;
    const rates: number[] = [];
    while (rates.length < TRIES && !rates.some((rate) => rate > wanted * (1 - TOLERANCE))) {
      const flow =
        egress === undefined
          ? await measureFlow(peer, pod, POD_ADDRESS)
          : await measureFlow(pod, peer, PEER_ADDRESS);
      assert.ok(flow.rate < wanted * (1 + TOLERANCE), `${flow.rate} bits per second instead of ${wanted}`);
      assert.ok(flow.firstSecondRate < wanted * 1.05, `${flow.firstSecondRate} bits in the first second`);
      rates.push(flow.rate);
    }
    const best = Math.max(...rates);
    assert.ok(best > wanted * (1 - TOLERANCE), `${rates.join(", ")} bits per second instead of ${wanted}`);
  });
}
