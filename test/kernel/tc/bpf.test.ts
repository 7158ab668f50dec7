import assert from "node:assert/strict";
import test, { after } from "node:test";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { TcStatistics } from "../../../src/linux/route/tc/statistics.ts";
import { tcHandle } from "../../../src/linux/route/tc/tcmsg.ts";
import { COUNT_MAP_AT, countPackets, setPriority } from "../bpf/programs.ts";
import { PATIENCE, runIn } from "../world.ts";
import { makeWorld, PEER_ADDRESS, type World } from "./world.ts";

const kernel = new Kernel();
after(() => kernel.stop());

const PACKET = 1042;
const [GUARANTEED, LIMITED] = [tcHandle(1, 0x10), tcHandle(1, 0x20)];
const GPL = { type: "sched_cls", license: "GPL" } as const;

/** HTB with two classes; what nobody sorts is limited. */
async function makeClasses({ pod, links }: World): Promise<void> {
  const link = links.pod;
  await pod.qdiscs.add({ link, parent: "root", handle: tcHandle(1), kind: "htb", default: 0x20 });
  const rates = { kind: "htb", rate: 1e9, ceil: 1e9, burst: 125_000, cburst: 125_000 } as const;
  for (const handle of [GUARANTEED, LIMITED])
    await pod.classes.add({ link, parent: "root", handle, ...rates, prio: 0, quantum: 60_000 });
}

async function statisticsOf({ pod, links }: World, handle: number): Promise<TcStatistics> {
  const found = (await pod.classes.list(links.pod)).find(({ spec }) => spec.handle === handle);
  assert.ok(found);
  return found.statistics;
}

test("a BPF program at egress overrules the class of HTB that a socket chose", PATIENCE, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  await makeClasses(world);
  world.send(pod, PEER_ADDRESS, 5, { priority: GUARANTEED });
  assert.equal((await statisticsOf(world, GUARANTEED)).packets, 5);
  // What else goes out, such as the search for the peer's address, is not sorted.
  assert.ok((await statisticsOf(world, LIMITED)).bytes < PACKET);

  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  {
    const instructions = setPriority(LIMITED);
    using program = await kernel.bpf.loadProgram({ ...GPL, name: "set_priority", instructions });
    await pod.filters.add({
      link: links.pod,
      parent: "egress",
      priority: 1,
      protocol: "all",
      handle: 1,
      kind: "bpf",
      program,
      name: "set_priority",
      isDirectAction: true,
      actions: [],
    });
  }
  // The program is closed here, and goes on in the filter.
  world.send(pod, PEER_ADDRESS, 5, { priority: GUARANTEED });
  assert.equal((await statisticsOf(world, GUARANTEED)).packets, 5);
  assert.ok((await statisticsOf(world, LIMITED)).bytes >= 5 * PACKET);
});

test("a filter's BPF program is found by its number and given to another", PATIENCE, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  const place = { link: links.pod, parent: "egress", priority: 1, protocol: "all", handle: 1 } as const;
  const filter = { ...place, kind: "bpf", name: "first", isDirectAction: true, actions: [] } as const;
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  using program = await kernel.bpf.loadProgram({ ...GPL, name: "first", instructions: setPriority(7) });
  const { id, tag } = await program.info();
  await pod.filters.add({ ...filter, program: { fd: program.fd } });
  const [found] = await pod.filters.list(links.pod, "egress");
  assert.deepEqual(found?.spec, { ...filter, program: { id, tag } });
  const [shown] = JSON.parse(await runIn(pod, "tc", "-j", "filter", "show", "dev", "net1", "egress")).filter(
    (entry: { options?: object }) => entry.options !== undefined,
  );
  assert.deepEqual(
    [shown.kind, shown.options.bpf_name, shown.options["direct-action"], shown.options.prog],
    ["bpf", "first", true, { id, name: "first", tag, jited: 1 }],
  );

  using found2 = await kernel.bpf.openProgram(id);
  const second = { ...filter, priority: 2, name: "second" };
  await pod.filters.add({ ...second, program: { fd: found2.fd } });
  using other = await kernel.bpf.loadProgram({ ...GPL, name: "other", instructions: setPriority(8) });
  await pod.filters.change({ ...filter, program: { fd: other.fd } });
  const programs = (await pod.filters.list(links.pod, "egress")).map(({ spec }) =>
    spec.kind === "bpf" ? spec.program : spec,
  );
  const { id: otherId, tag: otherTag } = await other.info();
  assert.deepEqual(programs, [
    { id: otherId, tag: otherTag },
    { id, tag },
  ]);
  await assert.rejects(
    pod.filters.add({ ...second, priority: 3, program: { id, tag } }),
    /expected an open descriptor: kernel.bpf.openProgram gives one for a program's number/,
  );
});

test("a BPF map counts the packets of a link, and is read here", PATIENCE, async () => {
  await using world = await makeWorld(kernel);
  const { pod, links } = world;
  const shape = { name: "counts", type: "hash", keySize: 4, valueSize: 16, capacity: 64 } as const;
  using counts = await kernel.bpf.createMap(shape);
  const key = new Uint8Array(Uint32Array.of(links.pod).buffer);
  const maps = [{ instruction: COUNT_MAP_AT, map: counts }];
  using program = await kernel.bpf.loadProgram({
    ...GPL,
    name: "count_packets",
    instructions: countPackets(),
    maps,
  });
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  const place = { link: links.pod, parent: "egress", priority: 1, protocol: 0x0800 } as const;
  await pod.filters.add({ ...place, kind: "bpf", program, isDirectAction: true, actions: [] });
  const read = async () => new BigUint64Array(((await counts.get(key)) ?? new Uint8Array(16)).slice().buffer);

  world.send(pod, PEER_ADDRESS, 3);
  assert.deepEqual([...(await read())], [0n, 0n], "a link without an element is not counted");
  await counts.set(key, new Uint8Array(16));
  world.send(pod, PEER_ADDRESS, 4);
  assert.deepEqual([...(await read())], [4n, BigInt(4 * PACKET)]);
  world.send(pod, PEER_ADDRESS, 6);
  assert.deepEqual(await counts.entries(), [[key, (await counts.get(key)) ?? key]]);
  assert.deepEqual([...(await read())], [10n, BigInt(10 * PACKET)]);
});
