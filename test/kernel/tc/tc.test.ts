import assert from "node:assert/strict";
import test from "node:test";
import { ENOENT } from "../../../src/linux/errno.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import type { ClassSpec } from "../../../src/linux/route/tc/class.ts";
import type { FilterSpec } from "../../../src/linux/route/tc/filter.ts";
import type { QdiscSpec } from "../../../src/linux/route/tc/qdisc.ts";
import { bytesPerTick } from "../../../src/linux/route/tc/ratespec.ts";
import { tcHandle } from "../../../src/linux/route/tc/tcmsg.ts";
import { runIn } from "../world.ts";
import { makeWorld, PEER_ADDRESS, type World } from "./world.ts";

/** Copies a packet to a link. */
const COPY = (link: number) => ({ kind: "mirred", mode: "mirror", direction: "egress", link }) as const;

const specsOf = async (world: World, link: number) =>
  (await world.pod.qdiscs.list(link)).map(({ spec }) => spec);

test("qdiscs are made, read back, replaced and deleted, and tc shows the same", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  const root: QdiscSpec = {
    link: links.pod,
    parent: "root",
    handle: tcHandle(1),
    kind: "htb",
    default: 0x10,
  };
  const tbf: QdiscSpec = {
    link: links.ifb,
    parent: "root",
    handle: tcHandle(2),
    kind: "tbf",
    rate: 30e6,
    burst: 37_500,
    limit: 131_072,
  };
  await pod.qdiscs.add(root);
  await pod.qdiscs.replace(tbf);
  const [htb] = await specsOf(world, links.pod);
  assert.deepEqual(htb, { ...root, directQueueLength: 1000 });
  assert.deepEqual(await specsOf(world, links.ifb), [tbf]);

  const shown = JSON.parse(await runIn(pod, "tc", "-s", "-j", "qdisc", "show"));
  const line = (dev: string) => shown.find((entry: { dev: string }) => entry.dev === dev);
  assert.deepEqual(
    [line("net1").kind, line("net1").handle, line("net1").options.default],
    ["htb", "1:", "0x10"],
  );
  assert.equal(line("ifb1").options.rate, 3_750_000);
  // tc itself calculates with whole microseconds.
  assert.ok(Math.abs(line("ifb1").options.burst - 37_500) < 10);

  await pod.qdiscs.change({ ...tbf, rate: 60e6, burst: 75_000 });
  assert.deepEqual(await specsOf(world, links.ifb), [{ ...tbf, rate: 60e6, burst: 75_000 }]);
  await pod.qdiscs.replace({ ...tbf, handle: tcHandle(3), kind: "pfifo", limit: 50 });
  assert.equal((await specsOf(world, links.ifb))[0]?.kind, "pfifo");
  await pod.qdiscs.delete(root);
  assert.deepEqual(
    (await specsOf(world, links.pod)).map(({ kind }) => kind),
    ["noqueue"],
  );
});

test("replacing what stands there already is fine for every kind", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  const place = { link: links.pod, parent: "root", handle: tcHandle(1) } as const;
  const ingress = { link: links.pod, parent: "ingress", handle: 0xffff0000, kind: "ingress" } as const;
  for (const spec of [{ ...place, kind: "htb", default: 0x10 } as const, ingress]) {
    await pod.qdiscs.replace(spec);
    await pod.qdiscs.replace(spec);
  }
  await assert.rejects(
    pod.qdiscs.replace({ ...place, kind: "htb", default: 0x20 }),
    /replace qdisc htb 1: at root/,
  );

  const top: ClassSpec = {
    link: links.pod,
    parent: "root",
    handle: tcHandle(1, 0x10),
    kind: "htb",
    rate: 1e6,
    ceil: 2e6,
    burst: 3000,
    cburst: 3000,
    prio: 7,
    quantum: 3000,
  };
  await pod.classes.replace(top);
  await pod.classes.replace(top);
  assert.deepEqual(
    (await pod.classes.list(links.pod)).map(({ spec }) => spec),
    [top],
  );
  const filter: FilterSpec = {
    link: links.pod,
    parent: "ingress",
    priority: 1,
    protocol: "all",
    handle: 0x80000800,
    kind: "u32",
    keys: [],
    actions: [{ kind: "mirred", mode: "redirect", direction: "egress", link: links.ifb }],
  };
  await pod.filters.replace(filter);
  await pod.filters.replace(filter);
  assert.deepEqual(
    (await pod.filters.list(links.pod, "ingress")).map(({ spec }) => spec),
    [filter],
  );
});

test("classes hang under classes, rates above 34 Gbit/s are held, and a leaf is replaced with its class", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  const { link } = { link: links.pod };
  await pod.qdiscs.add({ link, parent: "root", handle: tcHandle(1), kind: "htb", default: 0x10 });
  const rates = { kind: "htb", rate: 40e9, ceil: 100e9, burst: 50_000_000, cburst: 125_000_000 } as const;
  const parent: ClassSpec = {
    link,
    parent: "root",
    handle: tcHandle(1, 1),
    ...rates,
    prio: 0,
    quantum: 60_000,
  };
  const child: ClassSpec = { ...parent, parent: tcHandle(1, 1), handle: tcHandle(1, 0x10) };
  await pod.classes.add(parent);
  await pod.classes.add(child);
  const leaf: QdiscSpec = {
    link,
    parent: child.handle,
    handle: tcHandle(0x12),
    kind: "bfifo",
    limit: 1_000_000,
  };
  await pod.qdiscs.replace(leaf);
  const found = (await pod.classes.list(link)).map(({ spec }) => spec);
  assert.deepEqual(
    found.find(({ handle }) => handle === child.handle),
    child,
  );
  const top = found.find(({ handle }) => handle === parent.handle);
  assert.ok(top?.kind === "htb" && top.parent === "root" && top.rate === 40e9 && top.ceil === 100e9);
  assert.deepEqual(
    (await specsOf(world, link)).find(({ handle }) => handle === leaf.handle),
    leaf,
  );
  await assert.rejects(pod.classes.delete(parent), /delete class htb 1:1 of link \d+: HTB class in use/);
  await pod.classes.delete(child);
  assert.equal((await specsOf(world, link)).length, 1);
});

test("a filter with keys sorts packets, is changed in place and deleted", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  const filter: FilterSpec = {
    link: links.pod,
    parent: "egress",
    priority: 3,
    protocol: 0x0800,
    handle: 0x80000800,
    kind: "u32",
    keys: [
      { offset: 16, value: 0x0a4d0002, mask: 0xffffffff },
      { offset: 8, value: 0x00110000, mask: 0x00ff0000 },
    ],
    actions: [{ kind: "mirred", mode: "mirror", direction: "egress", link: links.ifb }],
  };
  await pod.filters.add(filter);
  world.send(pod, PEER_ADDRESS, 3);
  const [found] = await pod.filters.list(links.pod, "egress");
  assert.deepEqual(found?.spec, filter);
  assert.equal(found?.statistics.packets, 3);
  const other: FilterSpec = { ...filter, actions: [] };
  await pod.filters.change(other);
  assert.deepEqual((await pod.filters.list(links.pod, "egress"))[0]?.spec, other);
  await pod.filters.delete(filter);
  assert.deepEqual(await pod.filters.list(links.pod, "egress"), []);
});

test("keys look anywhere in a packet, also before the network header and at odd bytes", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  const keys = [
    { offset: -2, value: 0x08004500, mask: 0xffffff00 },
    { offset: 9, value: 0x11000000, mask: 0xff000000 },
  ];
  const place = { link: links.pod, parent: "egress", priority: 3, protocol: 0x0800 } as const;
  const filter: FilterSpec = { ...place, handle: 0x80000800, kind: "u32", keys, actions: [COPY(links.ifb)] };
  await pod.filters.add(filter);
  world.send(pod, PEER_ADDRESS, 3);
  const [found] = await pod.filters.list(links.pod, "egress");
  assert.deepEqual(found?.spec, filter);
  assert.equal(found?.statistics.packets, 3);
});

test("a filter has as many keys and actions as its numbers can say", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  const place = { link: links.pod, parent: "egress", priority: 3, protocol: 0x0800 } as const;
  const keys = Array(255).fill({ offset: 0, value: 0x40000000, mask: 0xf0000000 });
  const actions = Array(32).fill(COPY(links.ifb));
  const filter: FilterSpec = { ...place, handle: 0x80000800, kind: "u32", keys, actions };
  await pod.filters.add(filter);
  const [found] = await pod.filters.list(links.pod, "egress");
  assert.deepEqual(found?.spec, filter);
});

test("what tc makes and is not told in these words is kept as it came, and can be put back", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  await pod.qdiscs.add({ link: links.pod, parent: "clsact", kind: "clsact" });
  const add = (words: string) =>
    runIn(pod, "tc", ...`filter add dev net1 egress protocol ip prio 1 u32 ${words}`.split(" "));
  await add("match mark 5 0xff match u32 0 0");
  await add("match u32 0 0 at nexthdr+0");
  await add("match u32 0 0 action mirred egress mirror dev ifb1 drop");
  const found = (await pod.filters.list(links.pod, "egress")).map(({ spec }) => spec);
  const kinds = found.map((spec) => ("actions" in spec ? spec.actions.map(({ kind }) => kind) : spec.kind));
  assert.deepEqual(kinds, ["unknown", "unknown", ["unknown"]]);
  const show = async () => {
    const shown = await runIn(pod, "tc", "filter", "show", "dev", "net1", "egress");
    // An action that was deleted counts until the kernel's grace period is over.
    return shown.replace(/ref \d+ bind \d+/g, "");
  };
  const before = await show();
  for (const spec of found) await pod.filters.delete(spec);
  assert.deepEqual(await pod.filters.list(links.pod, "egress"), []);
  for (const spec of found) await pod.filters.add(spec);
  assert.equal(await show(), before);
});

test("a kind the kernel does not have is refused with the kernel's words and the place", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  const unknown: QdiscSpec = { link: links.pod, parent: "root", kind: "unknown", name: "nosuch" };
  await assert.rejects(pod.qdiscs.replace(unknown), (error: Error) => {
    assert.ok(isErrno(error, ENOENT));
    assert.match(error.message, /^replace qdisc nosuch at root of link \d+: Specified qdisc kind is unknown/);
    return true;
  });
});

for (const rate of [40e9, 100e9]) {
  test(`a tbf of ${rate / 1e9} Gbit/s with a peak rate is read back exactly, and changed in place`, async () => {
    await using world = await makeWorld();
    const { pod, links } = world;
    const tbf: QdiscSpec = {
      link: links.pod,
      parent: "root",
      handle: tcHandle(1),
      kind: "tbf",
      rate,
      burst: rate / 800,
      limit: rate / 100,
      peak: { rate: rate + 8e9, burst: 65_536 },
    };
    await pod.qdiscs.add(tbf);
    const [found] = await specsOf(world, links.pod);
    assert.ok(found?.kind === "tbf" && found.peak !== undefined);
    // A burst is counted in ticks of 64 ns, in which more than a byte passes at these rates.
    assert.ok(Math.abs(found.burst - tbf.burst) <= bytesPerTick(rate));
    assert.ok(Math.abs(found.peak.burst - 65_536) <= bytesPerTick(rate + 8e9));
    const { burst, peak } = found;
    assert.deepEqual(found, { ...tbf, burst, peak: { ...peak, rate: rate + 8e9 } });
    const { peak: _, ...slower } = { ...tbf, rate: 1e9, burst: 125_000 };
    await pod.qdiscs.change(slower);
    assert.deepEqual(await specsOf(world, links.pod), [slower]);
  });
}

test("an htb class tells what it lends and borrows", async () => {
  await using world = await makeWorld();
  const { pod, links } = world;
  const link = links.pod;
  await pod.qdiscs.add({
    link,
    parent: "root",
    handle: tcHandle(1),
    kind: "htb",
    default: 0x10,
    rateToQuantum: 20,
  });
  assert.deepEqual(
    (await specsOf(world, link)).map((spec) => spec.kind === "htb" && spec.rateToQuantum),
    [20],
  );
  const rates = { kind: "htb", rate: 8e6, ceil: 8e6, burst: 10_000, cburst: 10_000 } as const;
  const parent = { ...rates, link, parent: "root", handle: tcHandle(1, 1), prio: 0, quantum: 3000 } as const;
  await pod.classes.add(parent);
  // The child's own rate passes one packet, and the others are its parent's.
  await pod.classes.add({
    ...parent,
    parent: parent.handle,
    handle: tcHandle(1, 0x10),
    rate: 800,
    burst: 1000,
  });
  world.send(pod, PEER_ADDRESS, 5);
  const found = await pod.classes.list(link);
  const child = found.find(({ spec }) => spec.handle === tcHandle(1, 0x10));
  assert.ok((child?.application?.borrows ?? 0) >= 4);
  assert.ok((child?.application?.tokens ?? 0) <= 0);
  const lends = found.find(({ spec }) => spec.handle === parent.handle)?.application?.lends;
  assert.equal(lends, child?.application?.borrows);
});

test("a tree is made and taken away in one trip, and the first refusal ends the sequence", async () => {
  await using world = await makeWorld();
  const { kernel, pod, links } = world;
  const link = links.pod;
  const root: QdiscSpec = { link, parent: "root", handle: tcHandle(1), kind: "htb", default: 0x10 };
  const gold: ClassSpec = {
    link,
    parent: "root",
    handle: tcHandle(1, 0x10),
    kind: "htb",
    rate: 8e6,
    ceil: 8e6,
    burst: 10_000,
    cburst: 10_000,
    prio: 0,
    quantum: 3000,
  };
  const filter: FilterSpec = {
    link,
    parent: tcHandle(1),
    priority: 1,
    protocol: "all",
    handle: 0x80000800,
    kind: "u32",
    keys: [],
    classId: gold.handle,
    actions: [],
  };
  await kernel.perform([
    pod.qdiscs.prepareAdd(root),
    pod.classes.prepareReplace(gold),
    pod.classes.prepareChange({ ...gold, rate: 4e6, burst: 5000 }),
    pod.filters.prepareAdd({ ...filter, classId: tcHandle(1, 0x20) }),
    pod.filters.prepareChange(filter),
  ]);
  const faster = { ...gold, rate: 4e6, burst: 5000 };
  assert.deepEqual(
    (await pod.classes.list(link)).map(({ spec }) => spec),
    [faster],
  );
  assert.deepEqual(
    (await pod.filters.list(link, tcHandle(1))).map(({ spec }) => spec),
    [filter],
  );
  const removal = [
    pod.filters.prepareDelete(filter),
    pod.classes.prepareAdd(gold),
    pod.classes.prepareDelete(gold),
  ];
  await assert.rejects(kernel.perform(removal), /add class htb 1:10 of link \d+: .*EEXIST/);
  assert.deepEqual(await pod.filters.list(link, tcHandle(1)), []);
  assert.equal((await pod.classes.list(link)).length, 1);
  await kernel.perform([pod.classes.prepareDelete(gold), pod.qdiscs.prepareDelete(root)]);
  assert.deepEqual(await pod.classes.list(link), []);
});
