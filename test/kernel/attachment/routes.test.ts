import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Kernel } from "../../../src/linux/kernel.ts";
import { EngineScene } from "./engine-scene.ts";
import { Catalog, refer, referPlugins } from "./fixtures.ts";

const UPLINK = "rts-up";
const UPLINK_PEER = "rts-peer";
const owner = { sandbox: "box-of-routes", interfaceName: "eth0", network: "cluster" };
const OF_ETH0 = ["10.70.0.1 by eth0", "fd70::1 by eth0"];

/** A network with the node's own addresses, and its default routes. */
function network(name: string, part: number) {
  const addresses = [`10.${part}.0.2/24`, `fd${part}::2/64`].map((address) => ({ address }));
  const routes = [
    { dst: "0.0.0.0/0", gw: `10.${part}.0.1` },
    { dst: "::/0", gw: `fd${part}::1` },
  ];
  return referPlugins(name, [
    { type: "macvlan", master: UPLINK, ipam: { type: "static", addresses, routes } },
  ]);
}

const catalog = new Catalog()
  .network("gateway", {
    type: "macvlan",
    parent: UPLINK,
    ipam: {
      type: "static",
      addresses: [
        { address: "10.73.0.2/24", gateway: "10.73.0.1" },
        { address: "fd73::2/64", gateway: "fd73::1" },
      ],
    },
  })
  .network("second-gateway", {
    type: "macvlan",
    parent: UPLINK,
    ipam: { type: "static", addresses: [{ address: "10.74.0.2/24", gateway: "10.74.0.1" }] },
  });
const throughGateway = (name: string, by = "gateway") => refer(by, name, { isDefaultGateway: true });

let kernel: Kernel;
let scene: EngineScene;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
});

after(async () => {
  const link = await kernel.host.links.find(UPLINK);
  if (link !== undefined) await kernel.host.links.delete(link.index);
  await kernel.stop();
});

beforeEach(async () => {
  scene = await EngineScene.open({ kernel, catalog });
  await scene.giveEth0();
});

afterEach(() => scene.close());

describe("default routes that networks bring themselves", () => {
  test("stand beside the pod's own: of IPv4 the last is taken first, of IPv6 they share; and they go with their networks", async () => {
    const one = network("net1", 71);
    const two = network("net2", 72);
    const { engine } = scene;
    await scene.attach(owner, one);
    await scene.attach({ ...owner, interfaceName: "net2" }, two);
    const [first, second, third, ...ipv6] = await scene.defaults();
    assert.deepEqual([first, second, third], ["10.72.0.1 by net2", "10.71.0.1 by net1", "10.70.0.1 by eth0"]);
    assert.deepEqual(ipv6.flatMap((route) => route.split(", ")).sort(), [
      "fd70::1 by eth0",
      "fd71::1 by net1",
      "fd72::1 by net2",
    ]);
    assert.deepEqual(await engine.check(owner), []);
    assert.deepEqual(await engine.check({ ...owner, interfaceName: "net2" }), []);

    await engine.releaseOwned({ ...owner, interfaceName: "net2" });
    await engine.releaseOwned(owner);
    assert.deepEqual(await scene.defaults(), OF_ETH0);
  });

  test("are told by a CHECK when one of them is gone and the others stand", async () => {
    await scene.attach(owner, network("net1", 71), network("net2", 72));
    await scene.inPod(async ({ links, routes }) => {
      const { index: link } = await links.get("net1");
      await routes.delete({ destination: "0.0.0.0/0", gateway: "10.71.0.1", link });
      await routes.delete({ destination: "::/0", gateway: "fd71::1", link });
    });
    const texts = (await scene.engine.check(owner)).map(({ text }) => text);
    assert.deepEqual(texts.length, 2, texts.join("; "));
    for (const text of texts) assert.match(text, /^net1 was given the route .* and has none to there$/);
  });
});

describe("default routes in place of those that a pod has", () => {
  test("take the place of all, and all are given back in their order", async () => {
    await scene.attach(owner, network("net1", 71));
    const before = await scene.defaults();
    assert.deepEqual(before.slice(0, 2), ["10.71.0.1 by net1", "10.70.0.1 by eth0"]);
    const later = { ...owner, interfaceName: "net3" };
    await scene.attach(later, throughGateway("net3"));
    assert.deepEqual(await scene.defaults(), ["10.73.0.1 by net3", "fd73::1 by net3"]);
    await scene.engine.releaseOwned(later);
    assert.deepEqual(await scene.defaults(), before);
  });

  test("are there again when networks that took their place go in any order", async () => {
    const references = [throughGateway("net1"), throughGateway("net2", "second-gateway")];
    for (const stays of [references.slice(1), references.slice(0, 1), []]) {
      await scene.reconcile(...references);
      assert.deepEqual((await scene.defaults())[0], "10.74.0.1 by net2");
      await scene.reconcile(...stays);
      const [first] = await scene.defaults();
      const left = stays[0]?.interfaceName;
      assert.equal(
        first,
        left === "net2" ? "10.74.0.1 by net2" : left === "net1" ? "10.73.0.1 by net1" : OF_ETH0[0],
      );
      await scene.reconcile();
      assert.deepEqual(await scene.defaults(), OF_ETH0);
    }
  });
});
