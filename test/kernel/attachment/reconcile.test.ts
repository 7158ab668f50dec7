import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { pino } from "pino";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { AttachmentOutcome } from "../../../src/model/attachment.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import type { PluginRunner } from "../../../src/model/ports.ts";
import { EngineScene } from "./engine-scene.ts";
import { Catalog, PodSandbox, refer, referPlugins } from "./fixtures.ts";

const UPLINK = "rec-up";
const UPLINK_PEER = "rec-peer";
const BRIDGE = "rec-br";
const owner = { sandbox: "box-of-changes", interfaceName: "eth0", network: "cluster" };

const catalog = new Catalog()
  .network("over", { type: "macvlan", parent: UPLINK })
  .network("switched", { type: "bridge", parent: BRIDGE })
  .class("gold", { egress: { ceiling: "50M" }, ingress: { ceiling: "30M" } });
/** Stands on the pod's own interface net1. */
const above = referPlugins("net2", [{ type: "macvlan", master: "net1", linkInContainer: true }]);

/** A program that changes nothing, and cannot take anything back while it is stuck. */
class Stamp implements PluginRunner {
  isStuck = false;

  async add({ previous = EMPTY_RESULT }: Parameters<PluginRunner["add"]>[0]) {
    return previous;
  }

  async delete() {
    if (this.isStuck) throw new LanyardError("timeout", "the stamp is stuck");
  }

  async check() {}
}

const programs = new Stamp();
let lines: string[];
let kernel: Kernel;
let scene: EngineScene;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
  await links.create({ name: BRIDGE, of: { kind: "bridge" }, isUp: true });
});

after(async () => {
  for (const name of [UPLINK, BRIDGE]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  lines = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  scene = await EngineScene.open({ kernel, catalog, programs, log });
});

afterEach(async () => {
  programs.isStuck = false;
  await scene.close();
});

/** `net1 changed`, with why where it failed. */
function inWords(outcomes: readonly AttachmentOutcome[]): string[] {
  return outcomes.map(({ interfaceName, action, error }) =>
    [interfaceName, action, ...(error === undefined ? [] : [error.message])].join(" "),
  );
}

const index = (name: string) => scene.inPod(async ({ links }) => (await links.get(name)).index);

describe("a change of what a pod wants", () => {
  test("leaves alone what an ADD of the runtime made, and does not take it from that ADD", async () => {
    await scene.attach(owner, refer("over", "net1"), refer("switched", "net2"));
    const before = await index("net1");
    const outcomes = await scene.reconcile(refer("over", "net1"), refer("switched", "net2"));
    assert.deepEqual(inWords(outcomes), ["net1 kept", "net2 kept"]);
    assert.equal(await index("net1"), before);
    await scene.engine.releaseOwned(owner);
    assert.deepEqual(await scene.names(), ["lo"]);
  });

  test("holds an ADD's interface to a class in place, and the ADD's DEL takes it away", async () => {
    await scene.attach(owner, refer("over", "net1"));
    const before = await index("net1");
    const outcomes = await scene.reconcile(refer("over", "net1", { qosClassName: "gold" }));
    assert.deepEqual(inWords(outcomes), ["net1 changed"]);
    assert.equal(await index("net1"), before);
    assert.deepEqual(scene.engine.list()[0]?.owner, owner);
    await scene.engine.releaseOwned(owner);
    assert.deepEqual(await scene.names(), ["lo"]);
  });

  test("makes an ADD's interface anew where more is different, and the ADD's DEL takes that away, too", async () => {
    await scene.attach(owner, refer("over", "net1"), refer("over", "net2"));
    const outcomes = await scene.reconcile(refer("switched", "net1"), refer("over", "net3"));
    assert.deepEqual(inWords(outcomes), ["net2 detached", "net1 changed", "net3 attached"]);
    await scene.engine.releaseOwned(owner);
    assert.deepEqual(await scene.names(), ["lo", "net3"], "no ADD asked for net3");
  });

  test("makes what stands on another interface after that, whatever is named first", async () => {
    const outcomes = await scene.reconcile(above, refer("switched", "net1"));
    assert.deepEqual(inWords(outcomes), ["net2 attached", "net1 attached"]);
    assert.deepEqual(inWords(await scene.reconcile(above, refer("switched", "net1"))), [
      "net2 kept",
      "net1 kept",
    ]);
  });

  test("makes what stands on an interface anew with it, since it ended with it", async () => {
    await scene.reconcile(refer("switched", "net1"), above);
    const outcomes = await scene.reconcile(refer("switched", "net1", { mac: "02:00:00:00:47:01" }), above);
    assert.deepEqual(inWords(outcomes), ["net1 changed", "net2 changed"]);
    assert.deepEqual(await scene.names(), ["lo", "net1", "net2"]);
    const [, second] = await scene.reconcile(above);
    assert.match(second?.error?.message ?? "", /net2: no link "net1" in the pod/);
    assert.deepEqual(await scene.names(), ["lo"]);
    assert.deepEqual(scene.engine.list(), [], "nothing is said to stand that does not");
  });

  test("that cannot be begun leaves the interface what it is, and what is in its way", async () => {
    await scene.attach(owner, refer("over", "net1"));
    await scene.inPod(({ links }) => links.create({ name: "ifb-net1", of: { kind: "ifb" } }));
    const [failed] = await scene.reconcile(refer("over", "net1", { qosClassName: "gold" }));
    assert.match(failed?.error?.message ?? "", /has a link "ifb-net1" already, which is needed for shaping/);
    assert.deepEqual(await scene.engine.check(owner), []);
    assert.deepEqual(await scene.names(), ["ifb-net1", "lo", "net1"]);
  });
});

describe("what a former sandbox could not give back", () => {
  test("is taken back later without touching what the pod's next sandbox has", async () => {
    const stamped = referPlugins("net1", [{ type: "bridge", bridge: BRIDGE }, { type: "stamp" }]);
    const former = scene.sandbox;
    await scene.attach(owner, stamped);
    programs.isStuck = true;
    await former.end();
    scene.sandbox = await PodSandbox.start();
    const next = { ...owner, sandbox: "the-next-box" };
    await scene.attach(next, stamped);
    programs.isStuck = false;
    await scene.engine.releaseOwned(owner);
    assert.deepEqual(
      scene.engine.list().map((status) => status.owner?.sandbox),
      ["the-next-box"],
    );
    assert.deepEqual(await scene.engine.check(next), []);
    assert.deepEqual(await scene.names(), ["lo", "net1"]);
  });
});

describe("words of a configuration that mean nothing", () => {
  test("are logged once for each interface that is made, and not each time it is asked for", async () => {
    const coloured = referPlugins("net1", [{ type: "macvlan", master: UPLINK, colour: "red" }]);
    for (let time = 1; time <= 3; time++) await scene.attach(owner, coloured);
    await scene.reconcile(coloured);
    const told = lines.filter((line) => line.includes("colour"));
    assert.equal(told.length, 1, told.join(""));
    const { pod, interface: name, msg } = JSON.parse(told[0] ?? "{}");
    assert.deepEqual([pod, name], ["default/scene", "net1"]);
    assert.match(msg, /^network brought: .*colour/);
  });
});
