import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { EngineScene } from "./engine-scene.ts";
import { Catalog, refer, referPlugins } from "./fixtures.ts";

const UPLINK = "flt-up";
const UPLINK_PEER = "flt-peer";
const BRIDGE = "flt-br";
const NIC = "flt-nic";
const owner = { sandbox: "box-of-faults", interfaceName: "eth0", network: "cluster" };
/** More than any of these attachments asks or writes: the loop ends when all is attached. */
const MOST_POINTS = 200;

const catalog = new Catalog()
  .network("over", { type: "macvlan", parent: UPLINK })
  .network("whole", { type: "hostDevice", resourceName: "lanyard.dev/nics", mtu: 1400 })
  .class("gold", { egress: { ceiling: "50M" }, ingress: { ceiling: "30M" } });
const assigned = [{ resource: "lanyard.dev/nics", id: NIC, container: "main" }];

const tuned = [
  {
    type: "bridge",
    bridge: BRIDGE,
    isGateway: true,
    ipam: { type: "static", addresses: [{ address: "10.77.0.2/24", gateway: "10.77.0.1" }] },
  },
  { type: "tuning", sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" }, mtu: 1300, promisc: true },
];
const networks = [
  refer("over", "net1", { ips: ["10.75.0.2/24"], qosClassName: "gold", mac: "02:00:00:00:75:01" }),
  refer("whole", "net2", { ips: ["10.76.0.2/24"], qosClassName: "gold", mac: "02:00:00:00:76:01" }),
  referPlugins("net3", tuned, { isDefaultGateway: true }),
];

let kernel: Kernel;
let nic: Link;
let scene: EngineScene;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
  await links.create({ name: NIC, of: { kind: "veth", peer: { name: "flt-npeer" } } });
  nic = await links.get(NIC);
});

after(async () => {
  for (const name of [UPLINK, NIC, BRIDGE]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  scene = await EngineScene.open({ kernel, catalog, assigned });
  await scene.giveEth0();
});

afterEach(() => scene.close());

/** Nothing of an attachment is there any more, but for the bridge, which stays. */
async function assertUntouched(where: string): Promise<void> {
  assert.deepEqual(await scene.names(), ["eth0", "lo"], where);
  assert.deepEqual(await scene.defaults(), ["10.70.0.1 by eth0", "fd70::1 by eth0"], where);
  const { links } = await kernel.host.links.list();
  const home = links.find(({ name }) => name === NIC);
  const bridge = links.find(({ name }) => name === BRIDGE);
  const facts = (link: Link | undefined) => [link?.index, link?.mac, link?.mtu, link?.isUp, link?.gsoMaxSize];
  assert.deepEqual(facts(home), facts(nic), where);
  assert.deepEqual(
    links.filter(({ master }) => master !== undefined && master === bridge?.index).map(({ name }) => name),
    [],
    where,
  );
  assert.deepEqual(scene.journal.entries(), [], where);
}

/** Has one thing after the other fail, until ADD and DEL live to the end; tells how many did fail. */
async function failEverywhere(plant: (shallFail: () => boolean) => () => void): Promise<number> {
  for (let point = 1; point <= MOST_POINTS; point++) {
    let count = 0;
    let isAttached = false;
    const restore = plant(() => ++count === point);
    try {
      await scene.attach(owner, ...networks);
      isAttached = true;
      await scene.engine.releaseOwned(owner);
      return point - 1;
    } catch (error) {
      assert.match(String(error), /planted/, `at ${point}`);
    } finally {
      restore();
    }
    // A DEL that failed is sent again.
    if (isAttached) await scene.engine.releaseOwned(owner);
    await assertUntouched(`after a failure at ${point}`);
  }
  assert.fail("no attempt lived to the end");
}

describe("the attachments of one ADD, and their DEL, leave nothing", () => {
  test("whichever of their requests to the kernel fails though it was done", async () => {
    const { perform } = kernel;
    const points = await failEverywhere((shallFail) => {
      kernel.perform = (async (requests: Parameters<typeof perform>[0]) => {
        const isPlanted = shallFail();
        const results = await perform.call(kernel, requests);
        if (isPlanted) throw new Error("planted: the answer was lost");
        return results;
      }) as typeof perform;
      return () => {
        kernel.perform = perform;
      };
    });
    assert.ok(points > 8, `only ${points} requests were seen`);
    await assertUntouched("in the end");
  });

  test("whichever of their writes to the journal fails", async () => {
    const { journal } = scene;
    const begin = journal.begin.bind(journal);
    const intend = journal.intend.bind(journal);
    const setState = journal.setState.bind(journal);
    const remove = journal.remove.bind(journal);
    const points = await failEverywhere((shallFail) => {
      const orFail = <T>(write: () => T): T => {
        if (shallFail()) throw new Error("planted: the disk is full");
        return write();
      };
      journal.begin = (...written) => orFail(() => begin(...written));
      journal.intend = (...written) => orFail(() => intend(...written));
      journal.setState = (...written) => orFail(() => setState(...written));
      journal.remove = (...written) => orFail(() => remove(...written));
      return () => Object.assign(journal, { begin, intend, setState, remove });
    });
    assert.ok(points > 12, `only ${points} writes were seen`);
    await assertUntouched("in the end");
  });
});
