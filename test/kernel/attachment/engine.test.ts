import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { Journal } from "../../../src/attachment/journal/journal.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { Catalog, makeEngine, makePod, makeStateFolder, openJournal, PodSandbox, refer } from "./fixtures.ts";

/** Links of this file in the namespace all kernel tests share. */
const UPLINK = "eng-up";
const UPLINK_PEER = "eng-peer";
const NIC = "eng-nic";
const NIC_PEER = "eng-nicpeer";
const BRIDGE = "eng-br";

const catalog = new Catalog()
  .network("over", { type: "macvlan", parent: UPLINK, routes: [{ dst: "10.50.0.0/16", gw: "10.40.0.1" }] })
  .network("lost", { type: "macvlan", parent: UPLINK, routes: [{ dst: "10.50.0.0/16", gw: "172.31.9.9" }] })
  .network("whole", { type: "hostDevice", resourceName: "lanyard.dev/nics", mtu: 1400 })
  .network("switched", { type: "bridge", parent: BRIDGE })
  .network("absent", { type: "macvlan", parent: "eng-nowhere" })
  .class("gold", { egress: { ceiling: "50M" }, ingress: { ceiling: "30M" } })
  .class("bronze", { egress: { ceiling: "10M" }, ingress: { ceiling: "5M" } })
  .class("outbound", { egress: { ceiling: "20M" } });

const assigned = [{ resource: "lanyard.dev/nics", id: NIC, container: "main" }];
const pod = makePod("engine");
/** Another of IPv6 for each test: a namespace that is being dismantled still answers for its own. */
let withAddress: { ips: [string, string] };
let testNumber = 0;

let kernel: Kernel;
let state: ReturnType<typeof makeStateFolder>;
let journal: Journal;
let engine: AttachmentEngine;
let sandbox: PodSandbox;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.create({ name: NIC, of: { kind: "veth", peer: { name: NIC_PEER } } });
  await links.create({ name: BRIDGE, of: { kind: "bridge" }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
});

after(async () => {
  for (const name of [UPLINK, NIC, BRIDGE]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  testNumber += 1;
  withAddress = { ips: ["10.40.0.7/24", `fd40::${testNumber}:7/64`] };
  state = makeStateFolder();
  journal = openJournal(state.path);
  engine = await makeEngine({ kernel, journal, catalog, assigned });
  sandbox = await PodSandbox.start();
});

afterEach(async () => {
  await engine.release(pod);
  await sandbox.end();
  journal.close();
  state.remove();
});

const reconcile = (...references: ReturnType<typeof refer>[]) =>
  engine.reconcile({ pod, namespacePath: sandbox.namespacePath, references });

async function inPod<T>(look: (pod: Awaited<ReturnType<Kernel["namespace"]>>) => Promise<T>): Promise<T> {
  await using namespace = await kernel.namespace(sandbox.namespacePath);
  return await look(namespace);
}

const namesInPod = () =>
  inPod(async ({ links }) => (await links.list()).links.map(({ name }) => name).sort());

describe("the attachment engine", () => {
  test("gives a pod a macvlan with its addresses and routes, up, and takes it away again", async () => {
    const [outcome] = await reconcile(refer("over", "net1", { ...withAddress, mac: "02:00:00:00:40:07" }));
    assert.equal(outcome?.error, undefined);
    assert.equal(outcome?.action, "attached");
    assert.equal(outcome.status?.mac, "02:00:00:00:40:07");
    await inPod(async (namespace) => {
      const link = await namespace.links.get("net1");
      assert.equal(link.kind, "macvlan");
      assert.equal(link.isUp, true);
      const list = await namespace.addresses.list({ link: link.index });
      const addresses = list.addresses.map(({ address }) => address);
      assert.ok(addresses.includes("10.40.0.7/24"));
      assert.ok(addresses.includes(withAddress.ips[1]));
      const { routes } = await namespace.routes.list();
      assert.ok(
        routes.some(
          ({ destination, nextHops }) =>
            destination === "10.50.0.0/16" && nextHops.some(({ gateway }) => gateway === "10.40.0.1"),
        ),
      );
      assert.equal(await namespace.sysctl("ipv4/conf/net1/arp_notify"), "1");
    });

    assert.deepEqual(await reconcile(), [{ interfaceName: "net1", action: "detached" }]);
    assert.deepEqual(await namesInPod(), ["lo"]);
    assert.deepEqual(engine.list(), []);
    assert.deepEqual(journal.entries(), []);
  });

  test("leaves alone what stands already", async () => {
    await reconcile(refer("over", "net1", withAddress));
    const first = await inPod(({ links }) => links.get("net1"));
    const [outcome] = await reconcile(refer("over", "net1", withAddress));
    assert.equal(outcome?.action, "kept");
    assert.equal((await inPod(({ links }) => links.get("net1"))).index, first.index);
  });

  test("moves a link of the node into the pod, and gives it back as it was", async () => {
    const before = await kernel.host.links.get(NIC);
    const [outcome] = await reconcile(refer("whole", "net1", { ...withAddress, mac: "02:00:00:00:40:08" }));
    assert.equal(outcome?.error, undefined);
    assert.equal(outcome?.status?.device?.id, NIC);
    assert.equal(await kernel.host.links.find(NIC), undefined);
    assert.deepEqual([...engine.heldLinks()], [NIC]);
    const inside = await inPod(({ links }) => links.get("net1"));
    assert.equal(inside.mtu, 1400);
    assert.equal(inside.mac, "02:00:00:00:40:08");

    await reconcile();
    const afterwards = await kernel.host.links.get(NIC);
    assert.equal(afterwards.mtu, before.mtu);
    assert.equal(afterwards.mac, before.mac);
    assert.equal(afterwards.isUp, before.isUp);
    assert.equal(afterwards.gsoMaxSize, before.gsoMaxSize);
    assert.deepEqual([...engine.heldLinks()], []);
  });

  test("makes a bridge's port for the pod, and takes both ends away", async () => {
    const [outcome] = await reconcile(refer("switched", "net1", withAddress));
    assert.equal(outcome?.error, undefined);
    const bridge = await kernel.host.links.get(BRIDGE);
    const ports = async () =>
      (await kernel.host.links.list()).links.filter(({ master }) => master === bridge.index);
    assert.equal((await ports()).length, 1);
    await reconcile();
    assert.deepEqual(await ports(), []);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });

  test("takes everything back when a later step is refused, and says what the kernel said", async () => {
    const [outcome] = await reconcile(refer("lost", "net1", withAddress));
    assert.equal(outcome?.action, "failed");
    assert.match(
      outcome?.error?.message ?? "",
      /default\/engine, interface net1: add route 10\.50\.0\.0\/16 via 172/,
    );
    assert.deepEqual(await namesInPod(), ["lo"]);
    assert.deepEqual(journal.entries(), []);
  });

  test("does not touch an interface of that name that somebody else made", async () => {
    await inPod(({ links }) => links.create({ name: "net1", of: { kind: "ifb" } }));
    const [outcome] = await reconcile(refer("over", "net1", withAddress));
    assert.match(outcome?.error?.message ?? "", /has a link "net1" already/);
    assert.deepEqual(await namesInPod(), ["lo", "net1"]);
  });

  test("takes its own link away, whatever the pod has called it since", async () => {
    await reconcile(refer("over", "net1", withAddress));
    await inPod(async ({ links }) => {
      const { index } = await links.get("net1");
      await links.set(index, { isUp: false, name: "renamed" });
      await links.create({ name: "net1", of: { kind: "ifb" } });
    });
    await reconcile();
    assert.deepEqual(await namesInPod(), ["lo", "net1"], "what the pod made itself stays");
  });

  test("goes on with the other references when one cannot be resolved", async () => {
    const outcomes = await reconcile(
      refer("nothing", "net1"),
      refer("absent", "net2"),
      refer("over", "net3", withAddress),
    );
    assert.deepEqual(
      outcomes.map(({ interfaceName, action }) => [interfaceName, action]),
      [
        ["net1", "failed"],
        ["net2", "failed"],
        ["net3", "attached"],
      ],
    );
    assert.match(outcomes[0]?.error?.message ?? "", /no PodNetwork "nothing"/);
    assert.match(outcomes[1]?.error?.message ?? "", /no link "eng-nowhere"/);
  });

  test("changes the class in place: same link, same queues, other rates", async () => {
    await reconcile(refer("over", "net1", { ...withAddress, qosClassName: "gold" }));
    const look = () =>
      inPod(async (namespace) => {
        const link = await namespace.links.get("net1");
        const [cls] = await namespace.classes.list(link.index);
        const ifb = await namespace.links.get("ifb-net1");
        const tbf = (await namespace.qdiscs.list(ifb.index)).find(({ spec }) => spec.parent === "root");
        return { link, cls, ifb, tbf };
      });
    const gold = await look();
    assert.equal(gold.cls?.spec.kind === "htb" && gold.cls.spec.ceil, 50_000_000);
    assert.equal(gold.tbf?.spec.kind === "tbf" && gold.tbf.spec.rate, 30_000_000);

    const [outcome] = await reconcile(refer("over", "net1", { ...withAddress, qosClassName: "bronze" }));
    assert.equal(outcome?.action, "changed");
    const bronze = await look();
    assert.equal(bronze.link.index, gold.link.index);
    assert.equal(bronze.ifb.index, gold.ifb.index);
    assert.equal(bronze.cls?.spec.handle, gold.cls?.spec.handle);
    assert.equal(bronze.cls?.spec.kind === "htb" && bronze.cls.spec.ceil, 10_000_000);
    assert.equal(bronze.tbf?.spec.kind === "tbf" && bronze.tbf.spec.rate, 5_000_000);
    assert.ok(bronze.link.gsoMaxSize < gold.link.gsoMaxSize);
    assert.equal(engine.list()[0]?.qos?.className, "bronze");
  });

  test("takes limits away and puts them on while the interface stands", async () => {
    const plain = () => reconcile(refer("over", "net1", withAddress));
    await plain();
    const before = await inPod(({ links }) => links.get("net1"));
    await reconcile(refer("over", "net1", { ...withAddress, qosClassName: "gold" }));
    assert.deepEqual(await namesInPod(), ["ifb-net1", "lo", "net1"]);
    await reconcile(refer("over", "net1", { ...withAddress, qosClassName: "outbound" }));
    assert.deepEqual(await namesInPod(), ["lo", "net1"], "without a limit on arrivals nothing queues them");
    await plain();
    await inPod(async ({ links, qdiscs }) => {
      const link = await links.get("net1");
      assert.equal(link.index, before.index);
      assert.equal(link.gsoMaxSize, before.gsoMaxSize);
      assert.deepEqual(
        (await qdiscs.list(link.index)).filter(({ spec }) => spec.handle !== 0),
        [],
      );
    });
    assert.equal(engine.list()[0]?.qos, undefined);
  });

  test("forgets a pod whose namespace is gone", async () => {
    await reconcile(refer("over", "net1", withAddress), refer("switched", "net2"));
    await sandbox.end();
    await engine.release(pod);
    assert.deepEqual(journal.entries(), []);
  });

  test("starts again although a namespace's file has become an ordinary one, and forgets what was there", async () => {
    await reconcile(refer("over", "net1", withAddress));
    const stale = join(state.path, "blue");
    writeFileSync(stale, "");
    const [entry] = journal.entries();
    assert.ok(entry);
    journal.close();
    const database = new DatabaseSync(join(state.path, "attachments.sqlite"));
    database.prepare("UPDATE attachment SET namespace_path = ? WHERE id = ?").run(stale, entry.id);
    database.close();

    journal = openJournal(state.path);
    engine = await makeEngine({ kernel, journal, catalog, assigned });
    await engine.recover();
    assert.deepEqual(journal.entries(), []);
    const wanted = { pod, namespacePath: stale, references: [refer("over", "net1", withAddress)] };
    await assert.rejects(engine.reconcile(wanted), /this is no network namespace, or one no more/);
  });

  test("refuses to take the node's way out of the world", async () => {
    const { host } = kernel;
    const { index } = await host.links.get(NIC);
    await host.links.set(index, { isUp: true });
    await host.addresses.add(index, "10.41.0.2/24");
    await host.links.set((await host.links.get(NIC_PEER)).index, { isUp: true });
    const route = { destination: "0.0.0.0/0", gateway: "10.41.0.1", link: index };
    await host.routes.add(route);
    try {
      const [outcome] = await reconcile(refer("whole", "net1", withAddress));
      assert.match(
        outcome?.error?.message ?? "",
        /link "eng-nic" of the node carries the node's default route/,
      );
      assert.equal((await host.links.get(NIC)).index, index);
    } finally {
      await host.routes.delete(route);
      await host.addresses.delete(index, "10.41.0.2/24");
      await host.links.set(index, { isUp: false });
    }
  });

  test("makes the interfaces anew when the pod has another namespace by now", async () => {
    await reconcile(refer("over", "net1", withAddress));
    const end = await inPod(async ({ fd, links }) =>
      kernel.linkEvents.expectEnd((await links.get("net1")).index, await kernel.host.namespaceIds.ensure(fd)),
    );
    await sandbox.end();
    // The kernel takes the namespace apart a moment later, and until then its address is in use.
    await end.announced;
    sandbox = await PodSandbox.start();
    const [outcome] = await reconcile(refer("over", "net1", withAddress));
    assert.equal(outcome?.error, undefined);
    assert.equal(outcome?.action, "attached");
    assert.deepEqual(await namesInPod(), ["lo", "net1"]);
  });

  test("does what was asked for one pod in order", async () => {
    const results = await Promise.all([
      reconcile(refer("over", "net1", withAddress)),
      reconcile(),
      reconcile(refer("over", "net1", withAddress)),
    ]);
    assert.deepEqual(
      results.map(([outcome]) => outcome?.action),
      ["attached", "detached", "attached"],
    );
  });

  test("does not hold the pod's namespace: it ends with its process", async () => {
    await reconcile(refer("switched", "net1"));
    const bridge = await kernel.host.links.get(BRIDGE);
    const port = (await kernel.host.links.list()).links.find(({ master }) => master === bridge.index);
    assert.ok(port);
    const end = kernel.linkEvents.expectEnd(port.index, undefined);
    await sandbox.end();
    await end.announced;
  });
});
