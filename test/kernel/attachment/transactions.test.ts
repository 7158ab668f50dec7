import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { pino } from "pino";
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import { GarbageCollector } from "../../../src/attachment/garbage/collector.ts";
import type { Journal } from "../../../src/attachment/journal/journal.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import type { AttachmentOwner } from "../../../src/model/attachment.ts";
import { Catalog, makeEngine, makePod, makeStateFolder, openJournal, PodSandbox, refer } from "./fixtures.ts";

/** Links of this file in the namespace all kernel tests share. */
const UPLINK = "txn-up";
const UPLINK_PEER = "txn-peer";
const NIC = "txn-nic";
const NIC_PEER = "txn-nicpeer";

const catalog = new Catalog()
  .network("over", { type: "macvlan", parent: UPLINK, routes: [{ dst: "10.81.0.0/16", gw: "10.80.0.1" }] })
  .network("side", { type: "macvlan", parent: UPLINK })
  .network("lost", { type: "macvlan", parent: UPLINK, routes: [{ dst: "10.81.0.0/16", gw: "172.31.9.9" }] })
  .network("whole", { type: "hostDevice", resourceName: "lanyard.dev/nics" })
  .network("pool", {
    type: "macvlan",
    parent: UPLINK,
    ipam: { type: "range", subnet: "10.82.0.0/28", gateway: "10.82.0.1" },
  })
  .network("gateless", { type: "macvlan", parent: UPLINK, ipam: { type: "range", subnet: "10.84.0.0/28" } })
  .network("routed", {
    type: "macvlan",
    parent: UPLINK,
    ipam: { type: "range", subnet: "10.82.0.0/28", gateway: "10.82.0.1", routes: [{ dst: "10.83.0.0/16" }] },
  });

const assigned = [{ resource: "lanyard.dev/nics", id: NIC, container: "main" }];
const pod = makePod("transaction");
const log = pino({ level: "silent" });

let kernel: Kernel;
let state: ReturnType<typeof makeStateFolder>;
let journal: Journal;
let engine: AttachmentEngine;
let sandbox: PodSandbox;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
  await links.create({ name: NIC, of: { kind: "veth", peer: { name: NIC_PEER } } });
});

after(async () => {
  for (const name of [UPLINK, NIC]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  state = makeStateFolder();
  journal = openJournal(state.path);
  engine = await makeEngine({ kernel, journal, catalog, assigned });
  sandbox = await PodSandbox.start();
});

afterEach(async () => {
  for (const { pod } of engine.list()) await engine.release(pod);
  assert.deepEqual(journal.entries(), []);
  await sandbox.end();
  journal.close();
  state.remove();
});

function owner(sandbox: string, more: Partial<AttachmentOwner> = {}): AttachmentOwner {
  return { sandbox, interfaceName: "eth0", network: "cluster", ...more };
}

const attach = (by: AttachmentOwner, ...references: ReturnType<typeof refer>[]) =>
  engine.attach({ pod, namespacePath: sandbox.namespacePath, references, owner: by });

async function inPod<T>(look: (pod: Namespace) => Promise<T>): Promise<T> {
  await using namespace = await kernel.namespace(sandbox.namespacePath);
  return await look(namespace);
}

const namesInPod = () =>
  inPod(async ({ links }) => (await links.list()).links.map(({ name }) => name).sort());

const eight = (last: number) => ({ ips: [`10.80.0.${last}/24`] });

describe("an ADD of a runtime", () => {
  test("attaches all that it names, and its DEL takes that away and nothing else", async () => {
    await engine.reconcile({
      pod,
      namespacePath: sandbox.namespacePath,
      references: [refer("side", "own0")],
    });
    const statuses = await attach(
      owner("a"),
      refer("over", "net1", eight(5)),
      refer("side", "net2", eight(6)),
    );
    const { mac, mtu } = await inPod(({ links }) => links.get("net1"));
    assert.deepEqual(statuses[0]?.result, {
      interfaces: [{ name: "net1", mac, mtu, sandbox: sandbox.namespacePath }],
      ips: [{ address: "10.80.0.5/24", interface: 0 }],
      routes: [{ dst: "10.81.0.0/16", gw: "10.80.0.1" }],
      dns: {},
    });
    assert.deepEqual(statuses[1]?.owner, owner("a"));
    assert.deepEqual(await namesInPod(), ["lo", "net1", "net2", "own0"]);

    await engine.releaseOwned({ sandbox: "a", interfaceName: "eth1" });
    assert.deepEqual(await namesInPod(), ["lo", "net1", "net2", "own0"], "another interface's DEL");
    await engine.releaseOwned({ sandbox: "a", interfaceName: "eth0" });
    assert.deepEqual(await namesInPod(), ["lo", "own0"]);
    await engine.releaseOwned({ sandbox: "a", interfaceName: "eth0" });
  });

  test("leaves nothing when one of its networks fails, and says which and why", async () => {
    const failing = attach(
      owner("a"),
      refer("over", "net1", eight(5)),
      refer("lost", "net2", eight(6)),
      refer("side", "net3", eight(7)),
    );
    await assert.rejects(failing, /pod default\/transaction, interface net2: add route 10\.81\.0\.0\/16/);
    assert.deepEqual(await namesInPod(), ["lo"]);
    assert.deepEqual(journal.entries(), []);
  });

  test("touches nothing when a name is not known, and tells of all such names", async () => {
    const failing = attach(
      owner("a"),
      refer("over", "net1"),
      refer("nothing", "net2"),
      refer("nowhere", "net3"),
    );
    await assert.rejects(failing, /no PodNetwork "nothing".*also: .*no PodNetwork "nowhere"/);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });

  test("gives the same when it is asked again, and refuses another wish under the same name", async () => {
    const [first] = await attach(owner("a"), refer("over", "net1", eight(5)));
    const { index } = await inPod(({ links }) => links.get("net1"));
    const [again, more] = await attach(owner("a"), refer("over", "net1", eight(5)), refer("side", "net2"));
    assert.deepEqual(again, first);
    assert.equal(more?.interfaceName, "net2");
    assert.equal((await inPod(({ links }) => links.get("net1"))).index, index);

    const conflict = { code: "conflict", message: /net1: the pod has it already on over/ };
    await assert.rejects(attach(owner("a"), refer("over", "net1", eight(9))), conflict);
    const byOther = attach(owner("a", { interfaceName: "eth1" }), refer("over", "net1", eight(5)));
    await assert.rejects(byOther, conflict);
    assert.deepEqual(await namesInPod(), ["lo", "net1", "net2"]);
  });

  test("ends what a former sandbox of the pod had, and that one's late DEL does not touch the new one", async () => {
    await attach(owner("old"), refer("whole", "net1"), refer("side", "net2"));
    const former = sandbox;
    try {
      sandbox = await PodSandbox.start();
      await attach(owner("new"), refer("whole", "net1"));
      assert.deepEqual(
        journal.entries().map(({ request }) => [request.interfaceName, request.owner?.sandbox]),
        [["net1", "new"]],
      );
      await using old = await kernel.namespace(former.namespacePath);
      assert.deepEqual(
        (await old.links.list()).links.map(({ name }) => name),
        ["lo"],
      );
      await engine.releaseOwned(owner("old"));
      assert.deepEqual(await namesInPod(), ["lo", "net1"]);
    } finally {
      await former.end();
    }
  });

  test("is waited for by a DEL that comes before it has ended", async () => {
    const adding = attach(owner("a"), refer("over", "net1", eight(5)));
    const deleting = engine.releaseOwned(owner("a"));
    await adding;
    await deleting;
    assert.deepEqual(await namesInPod(), ["lo"]);
    assert.deepEqual(engine.list(), []);
  });

  test("is refused a link that another pod has, until that one's namespace is gone", async () => {
    const other = await PodSandbox.start();
    const rival = {
      pod: makePod("rival"),
      namespacePath: other.namespacePath,
      references: [refer("whole", "net1")],
    };
    try {
      await engine.attach({ ...rival, owner: owner("b") });
      await assert.rejects(attach(owner("a"), refer("whole", "net1")), {
        code: "conflict",
        message: /link "txn-nic" of the node belongs to interface net1 of pod default\/rival/,
      });
    } finally {
      // A virtual link ends with its namespace; a new one of its name stands for hardware that came home.
      const end = kernel.linkEvents.expectEnd((await kernel.host.links.get(NIC_PEER)).index, undefined);
      await other.end();
      await end.announced;
      await kernel.host.links.create({ name: NIC, of: { kind: "veth", peer: { name: NIC_PEER } } });
    }
    await attach(owner("a"), refer("whole", "net1"));
    assert.deepEqual(
      engine.list().map(({ pod }) => pod.name),
      ["transaction"],
    );
  });

  test("is taken back by the network's GC unless the runtime still knows it", async () => {
    await attach(owner("a", { network: "fast" }), refer("side", "net1"));
    await attach(owner("a", { network: "fast", interfaceName: "eth1" }), refer("side", "net2"));
    await attach(owner("a", { network: "slow", interfaceName: "eth2" }), refer("side", "net3"));
    await engine.releaseOthers("fast", [{ sandbox: "a", interfaceName: "eth1" }]);
    assert.deepEqual(await namesInPod(), ["lo", "net2", "net3"]);
  });
});

describe("a CHECK", () => {
  test("has nothing to tell while all is as it was made", async () => {
    await attach(owner("a"), refer("over", "net1", eight(5)), refer("side", "net2"));
    assert.deepEqual(await engine.check(owner("a")), []);
  });

  test("tells of an address that is gone, an MTU that was changed and a link that is not there", async () => {
    await attach(owner("a"), refer("over", "net1", eight(5)), refer("side", "net2"), refer("side", "net3"));
    await inPod(async ({ links, addresses }) => {
      await addresses.delete((await links.get("net1")).index, "10.80.0.5/24");
      await links.set((await links.get("net2")).index, { mtu: 1300 });
      await links.delete((await links.get("net3")).index);
    });
    const differences = await engine.check(owner("a"));
    const of = (name: string) =>
      differences.filter(({ interfaceName }) => interfaceName === name).map(({ text }) => text);
    assert.match(of("net1").join("; "), /10\.80\.0\.5\/24/);
    assert.match(of("net2").join("; "), /MTU.*1300/);
    assert.deepEqual(of("net3"), ['there is no link "net3" in the pod any more']);
  });

  test("finds nothing where nothing was made, or the namespace is gone", async () => {
    await assert.rejects(engine.check(owner("a")), {
      code: "not-found",
      message: /nothing is attached for eth0/,
    });
    await attach(owner("a"), refer("side", "net1"));
    await sandbox.end();
    await assert.rejects(engine.check(owner("a")), {
      code: "not-found",
      message: /namespace of sandbox a.*is gone/,
    });
  });
});

describe("addresses from a range", () => {
  test("are set with their subnet's length and routed by their gateway, and told", async () => {
    const [status] = await attach(owner("a"), refer("routed", "net1"));
    assert.deepEqual(status?.result.ips, [{ address: "10.82.0.2/28", gateway: "10.82.0.1", interface: 0 }]);
    await inPod(async ({ links, addresses, routes }) => {
      const { index } = await links.get("net1");
      const list = await addresses.list({ link: index, family: "ipv4" });
      assert.deepEqual(
        list.addresses.map(({ address }) => address),
        ["10.82.0.2/28"],
      );
      const route = (await routes.list()).routes.find(({ destination }) => destination === "10.83.0.0/16");
      assert.equal(route?.nextHops[0]?.gateway, "10.82.0.1");
    });
  });

  test("are never given out twice, whatever is attached and detached at the same time, nor after a restart", async () => {
    const names = ["net1", "net2", "net3", "net4", "net5"];
    const addressesNow = () => engine.list().flatMap(({ addresses }) => addresses);
    await attach(owner("a"), ...names.map((name) => refer("pool", name)));
    assert.equal(new Set(addressesNow()).size, names.length);

    const second = await PodSandbox.start();
    const other = { pod: makePod("other"), namespacePath: second.namespacePath };
    try {
      const [, added] = await Promise.all([
        engine.releaseOwned(owner("a")),
        engine.attach({ ...other, owner: owner("b"), references: names.map((name) => refer("pool", name)) }),
        attach(owner("c"), refer("pool", "net9")),
      ]);
      assert.equal(new Set(added.flatMap(({ addresses }) => addresses)).size, names.length);
      assert.equal(new Set(addressesNow()).size, addressesNow().length);

      journal.close();
      journal = openJournal(state.path);
      engine = await makeEngine({ kernel, journal, catalog, assigned });
      await engine.recover();
      const before = addressesNow();
      const [late] = await attach(owner("c", { interfaceName: "eth1" }), refer("pool", "net8"));
      assert.equal(before.length, names.length + 1);
      assert.ok(!before.includes(late?.addresses[0] ?? ""), `${late?.addresses[0]} has an owner`);
    } finally {
      await engine.release(other.pod);
      await second.end();
    }
  });

  test("carry the pod's default routes when that is asked for, after all others, and only by a gateway", async () => {
    const asked = [refer("pool", "net1", { isDefaultGateway: true }), refer("over", "net2", eight(5))];
    await attach(owner("a"), ...asked);
    await inPod(async ({ links, routes }) => {
      const { index } = await links.get("net1");
      const defaults = (await routes.list()).routes.filter(({ destination }) => destination === "0.0.0.0/0");
      assert.deepEqual(
        defaults.map(({ nextHops }) => nextHops.map(({ link, gateway }) => [link, gateway])),
        [[[index, "10.82.0.1"]]],
      );
    });
    await engine.releaseOwned(owner("a"));
    const without = attach(owner("a"), refer("gateless", "net1", { isDefaultGateway: true }));
    await assert.rejects(without, /net1 shall carry the pod's default routes, but .* without a gateway/);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });

  test("end in an error that says how many there are, and leave nothing", async () => {
    const names = Array.from({ length: 14 }, (_, at) => refer("pool", `net${at}`));
    await assert.rejects(attach(owner("a"), ...names), {
      code: "unavailable",
      message: /no address is free of 10\.82\.0\.0 to 10\.82\.0\.15 .*all 13 are given out/,
    });
    assert.deepEqual(await namesInPod(), ["lo"]);
  });
});

describe("the next agent", () => {
  test("leaves alone what a runtime asked for while its namespace is there, though its link is gone", async () => {
    await attach(owner("a"), refer("side", "net1"));
    await engine.reconcile({
      pod: makePod("own"),
      namespacePath: sandbox.namespacePath,
      references: [refer("side", "own0")],
    });
    await inPod(async ({ links }) => {
      for (const name of ["net1", "own0"]) await links.delete((await links.get(name)).index);
    });
    engine = await makeEngine({ kernel, journal, catalog, assigned });
    await engine.recover();
    assert.deepEqual(
      engine.list().map(({ interfaceName }) => interfaceName),
      ["net1"],
      "no door would ask for it again",
    );
    assert.match((await engine.check(owner("a")))[0]?.text ?? "", /no link "net1"/);
  });
});

describe("what a sandbox left behind", () => {
  test("is collected when its namespace is gone, with its address, and what is in use stays", async () => {
    const lost = await PodSandbox.start();
    const loser = {
      pod: makePod("loser"),
      namespacePath: lost.namespacePath,
      references: [refer("pool", "net1")],
    };
    const [status] = await engine.attach({ ...loser, owner: owner("b") });
    await attach(owner("a"), refer("pool", "net1"));
    await lost.end();
    const collector = new GarbageCollector({
      attachments: engine,
      sandboxes: { sandboxes: async () => new Set(["a"]) },
      intervalMs: 60_000,
      log,
    });
    assert.deepEqual(await collector.collect(), [
      "interface net1 of pod default/loser was released: its network namespace is gone",
    ]);
    assert.deepEqual(await collector.collect(), []);
    assert.deepEqual(await namesInPod(), ["lo", "net1"]);
    assert.ok(!engine.list().some(({ addresses }) => addresses.includes(status?.addresses[0] ?? "")));
  });

  test("is collected though its namespace is there, when the runtime has missed it twice", async () => {
    await attach(owner("a"), refer("side", "net1"));
    const collector = new GarbageCollector({
      attachments: engine,
      sandboxes: { sandboxes: async () => new Set() },
      pods: { pods: async () => new Set() },
      intervalMs: 60_000,
      log,
    });
    assert.deepEqual(await collector.collect(), []);
    assert.deepEqual(await namesInPod(), ["lo", "net1"]);
    assert.equal((await collector.collect()).length, 1);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });
});
