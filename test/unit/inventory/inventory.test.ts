import assert from "node:assert/strict";
import { beforeEach, describe, mock, type TestContext, test } from "node:test";
import { pino } from "pino";
import { Inventory } from "../../../src/inventory/inventory.ts";
import type { NodeReading } from "../../../src/inventory/node.ts";
import type { FunctionDevice } from "../../../src/model/device.ts";
import type { PoolConfig } from "../../../src/model/pool-config.ts";
import type { DeviceUse } from "../../../src/model/ports.ts";
import {
  bandwidthPool,
  card,
  functionPool,
  link,
  linkPool,
  node,
  PF0,
  PF1,
  selector,
  vf,
  vfAddress,
} from "./samples.ts";

const V = (number: number) => vfAddress(PF0, number);
const NICS = "intel.com/nics";
const nics = functionPool("nics");

/** Something that is told to whoever listens. */
class Told<T> {
  readonly listeners = new Set<() => void>();
  value: T;

  constructor(value: T) {
    this.value = value;
  }

  readonly onChange = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  tell(value: T): void {
    this.value = value;
    for (const listener of this.listeners) listener();
  }
}

/** An inventory whose node, users and clock a test changes. */
class Scene {
  readonly node: Told<NodeReading>;
  readonly uses = new Told<readonly DeviceUse[]>([]);
  held: ReadonlySet<string> = new Set();
  now = 1_000;
  readonly log: { level: number; msg: string; device?: string }[] = [];
  readonly inventory: Inventory;
  changes = 0;

  constructor(
    reading: NodeReading,
    pools: readonly PoolConfig[],
    morePools?: (node: NodeReading) => PoolConfig[],
  ) {
    this.node = new Told(reading);
    const { node, uses } = this;
    const held = () => this.held;
    this.inventory = new Inventory({
      node: {
        get reading() {
          return node.value;
        },
        onChange: node.onChange,
      },
      pools,
      ...(morePools !== undefined && { morePools }),
      held: { heldLinks: held },
      uses: { uses: () => uses.value, isComplete: true, onChange: uses.onChange },
      log: pino({ level: "info" }, { write: (line: string) => this.log.push(JSON.parse(line)) }),
      now: () => this.now,
    });
    this.inventory.onChange(() => this.changes++);
  }

  start(): this {
    this.inventory.start();
    this.changes = 0;
    return this;
  }

  /** Ids by resource. */
  get offered() {
    return Object.fromEntries(
      this.inventory.pools().map(({ resource, devices }) => [resource, devices.map(({ id }) => id)]),
    );
  }

  health(id: string, resource = NICS) {
    return this.inventory.findDevice(resource, id)?.health;
  }

  use(...devices: [resource: string, id: string][]): void {
    mock.timers.enable({ apis: ["setTimeout"] });
    this.uses.tell(devices.map(([resource, id]) => ({ resource, id, user: "pod default/alpha" })));
    // The pools follow a little later.
    mock.timers.tick(100);
    mock.timers.reset();
  }
}

/** A PF `p0` with so many VFs. */
function cardWith(count: number, carrier = true, of = {}): NodeReading {
  return node({ functions: card(PF0, "p0", count, of), links: [link("p0", { hasCarrier: carrier })] });
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene(cardWith(2), [nics]).start();
});

describe("the inventory", () => {
  test("forms the pools when it starts, and finds their devices", () => {
    assert.deepEqual(scene.offered, { [NICS]: [V(0), V(1)] });
    assert.equal((scene.inventory.findDevice(NICS, V(1)) as FunctionDevice).pfName, "p0");
    assert.equal(scene.inventory.findDevice(NICS, V(7)), undefined);
    assert.equal(scene.inventory.findDevice("intel.com/other", V(0)), undefined);
  });

  test("finds functions of no pool as they are now, and by their links also inside pods", () => {
    const functions = card(PF0, "p0", 1, { links: ["p0v0"] });
    const links = [link("p0"), link("p0v0", { pciAddress: V(0) })];
    const { inventory, node: told } = scene;
    told.tell(node({ functions, links }));
    assert.equal(inventory.findFunction(V(0))?.link, "p0v0");
    assert.equal(inventory.functionOfLink("p0v0")?.vfIndex, 0);
    assert.equal(inventory.functionOfLink("p0v7"), undefined);
    scene.held = new Set(["p0v0"]);
    told.tell(node({ functions: card(PF0, "p0", 1), links: links.slice(0, 1) }));
    const { link: away, ...rest } = inventory.findFunction(V(0)) ?? {};
    assert.equal(away, undefined);
    assert.deepEqual(rest, { pciAddress: V(0), pfAddress: PF0, pfName: "p0", vfIndex: 0, driver: "iavf" });
    assert.deepEqual(inventory.functionOfLink("p0v0"), rest);
    assert.equal(inventory.findFunction(V(7)), undefined);
  });

  test("forms none before", () => {
    assert.deepEqual(new Scene(cardWith(2), [nics]).offered, {});
  });

  test("tells when devices come, go, or change their health", () => {
    const changes: [NodeReading, string[], boolean][] = [
      [cardWith(3), [V(0), V(1), V(2)], true],
      [cardWith(1), [V(0)], true],
      [cardWith(1, false), [V(0)], false],
    ];
    for (const [at, [reading, ids, isHealthy]] of changes.entries()) {
      scene.node.tell(reading);
      assert.equal(scene.changes, at + 1);
      assert.deepEqual(scene.offered, { [NICS]: ids });
      assert.equal(scene.health(V(0))?.isHealthy, isHealthy);
    }
  });

  test("tells at once what was lost and what came back, in the log as well", () => {
    scene.node.tell(cardWith(2, false));
    assert.equal(scene.health(V(1))?.reason, "p0 has no carrier");
    scene.node.tell(cardWith(2));
    assert.deepEqual(scene.health(V(1)), { isHealthy: true });
    assert.deepEqual(
      scene.log.filter(({ device }) => device === V(1)).map(({ level, msg }) => [level, msg]),
      [
        [pino.levels.values.warn, "unhealthy: p0 has no carrier"],
        [pino.levels.values.info, "healthy again"],
      ],
    );
  });

  test("logs a note once, and again only after it has gone", () => {
    const PF_NOTE = "intel.com/more is not offered: no device of the node matches its selectors";
    const [none, some] = [cardWith(0), node({ functions: [vf(PF1, 0)] })];
    scene = new Scene(none, [
      functionPool("more", { selectors: [selector({ rootDevices: [{ pf: PF1, numbers: undefined }] })] }),
    ]).start();
    const count = () => scene.log.filter(({ msg }) => msg === PF_NOTE).length;
    scene.node.tell(none);
    assert.equal(count(), 1);
    assert.deepEqual(scene.inventory.notes(), [PF_NOTE]);
    scene.node.tell(some);
    assert.deepEqual(scene.inventory.notes(), []);
    scene.node.tell(none);
    assert.equal(count(), 2);
  });

  test("hands out pools that do not change afterwards", () => {
    const before = scene.inventory.pools();
    const copy = structuredClone(before);
    scene.node.tell(cardWith(5, false));
    assert.deepEqual(before, copy);
  });

  test("listens to nobody and calls nobody after its stop", () => {
    const { changes } = scene;
    scene.inventory.stop();
    assert.equal(scene.node.listeners.size + scene.uses.listeners.size, 0);
    scene.inventory.configure([]);
    assert.equal(scene.changes, changes);
  });

  test("calls a listener no more that was taken back", () => {
    let calls = 0;
    const unsubscribe = scene.inventory.onChange(() => calls++);
    scene.node.tell(cardWith(3));
    unsubscribe();
    scene.node.tell(cardWith(4));
    assert.equal(calls, 1);
  });

  test("tells nobody when the node was read again and nothing has changed", () => {
    scene.node.tell(cardWith(2));
    assert.equal(scene.changes, 0);
  });
});

describe("another configuration", () => {
  const other = functionPool("other");

  test("counts at once, without the node being read again", () => {
    scene.inventory.configure([other]);
    assert.deepEqual(scene.offered, { "intel.com/other": [V(0), V(1)] });
    assert.equal(scene.changes, 1);
  });

  test("leaves to a pod what it has of a pool that is gone, until it gives it back", () => {
    scene.use([NICS, V(0)]);
    scene.inventory.configure([other]);
    assert.deepEqual(scene.offered, { "intel.com/other": [V(1)], [NICS]: [V(0)] });
    scene.node.tell(cardWith(3));
    assert.deepEqual(scene.offered, { "intel.com/other": [V(1), V(2)], [NICS]: [V(0)] });
    scene.use();
    assert.deepEqual(scene.offered, { "intel.com/other": [V(0), V(1), V(2)] });
  });

  test("leaves the health of what a pod has of a pool that is gone true", () => {
    scene.use([NICS, V(0)]);
    scene.inventory.configure([other]);
    scene.node.tell(cardWith(2, false));
    assert.equal(scene.health(V(0))?.reason, "p0 has no carrier");
    scene.node.tell(cardWith(2));
    assert.deepEqual(scene.health(V(0)), { isHealthy: true });
    scene.node.tell(cardWith(0));
    assert.equal(scene.health(V(0))?.reason, `${V(0)} is gone from its bus`);
  });

  test("leaves a link in its pod that a pool which is gone gave it", () => {
    const links = [link("nic0", { numaNode: 1 }), link("nic1")];
    scene = new Scene(node({ links }), [linkPool()]).start();
    scene.use(["lanyard.dev/nics", "nic0"]);
    scene.inventory.configure([]);
    scene.node.tell(node({ links: links.slice(1) }));
    assert.deepEqual(scene.offered, { "lanyard.dev/nics": ["nic0"] });
    assert.equal(scene.inventory.findDevice("lanyard.dev/nics", "nic0")?.numaNode, 1);
    scene.use();
    assert.deepEqual(scene.offered, {});
  });

  test("that takes a pool away says only what that means for pods", () => {
    scene.use([NICS, V(0)]);
    scene.inventory.configure([functionPool("other", { selectors: [selector({ pciAddresses: [V(1)] })] })]);
    assert.deepEqual(scene.inventory.notes(), [
      `${NICS} is configured no more, and goes when pods have given back its devices`,
    ]);
    scene.use();
    assert.deepEqual(scene.inventory.notes(), []);
  });

  test("that brings a pool back finds its devices in use in it", () => {
    scene.use([NICS, V(0)]);
    scene.inventory.configure([other]);
    scene.inventory.configure([nics]);
    assert.deepEqual(scene.offered, { [NICS]: [V(0), V(1)] });
  });

  test("says by which resource an uplink's bandwidth is counted", () => {
    assert.equal(scene.inventory.bandwidthResource("up0"), undefined);
    scene.inventory.configure([bandwidthPool()]);
    assert.equal(scene.inventory.bandwidthResource("up0"), "lanyard.dev/bw");
    assert.equal(scene.inventory.bandwidthResource("up1"), undefined);
  });

  test("of two pools of one name that is counted which was configured", () => {
    const configured = functionPool("nics", { selectors: [selector({ pciAddresses: [V(1)] })] });
    scene = new Scene(cardWith(3), [configured], () => [nics, functionPool("more")]).start();
    assert.deepEqual(scene.offered, { [NICS]: [V(1)], "intel.com/more": [V(0), V(2)] });
  });

  test("is made besides of what the node has, anew whenever that changes", () => {
    const perCard = ({ functions }: NodeReading) =>
      functions.some(({ name }) => name === V(2)) ? [nics] : [];
    scene = new Scene(cardWith(2), [], perCard).start();
    assert.deepEqual(scene.offered, {});
    scene.node.tell(cardWith(3));
    assert.deepEqual(scene.offered, { [NICS]: [V(0), V(1), V(2)] });
  });
});

describe("what is in use", () => {
  test("stays when its function goes, and goes when it is given back", () => {
    scene.use([NICS, V(1)]);
    scene.node.tell(cardWith(1));
    assert.deepEqual(scene.offered, { [NICS]: [V(0), V(1)] });
    assert.equal(scene.health(V(1))?.reason, `${V(1)} is gone from its bus`);
    scene.use();
    assert.deepEqual(scene.offered, { [NICS]: [V(0)] });
  });

  test("is described as it was, however long it is gone", () => {
    scene.use([NICS, V(1)]);
    const before = scene.inventory.findDevice(NICS, V(1));
    for (let time = 0; time < 3; time++) scene.node.tell(cardWith(time));
    scene.node.tell(cardWith(1));
    assert.deepEqual(
      { ...scene.inventory.findDevice(NICS, V(1)), health: undefined },
      { ...before, health: undefined },
    );
  });

  test("is remembered with the driver it had", () => {
    const iavf = functionPool("nics", { selectors: [selector({ drivers: ["iavf"] })] });
    scene = new Scene(cardWith(2), [iavf]).start();
    const { driver: _, ...unbound } = vf(PF0, 1);
    scene.node.tell({ ...cardWith(2), functions: [...card(PF0, "p0", 1), unbound] });
    assert.deepEqual(scene.offered, { [NICS]: [V(0), V(1)] });
    assert.equal(scene.health(V(1))?.reason, `no driver is bound to ${V(1)}`);
    scene.node.tell(cardWith(1));
    scene.node.tell({ ...cardWith(2), functions: [...card(PF0, "p0", 1), unbound] });
    assert.deepEqual(
      scene.offered,
      { [NICS]: [V(0)] },
      "a function that came anew without a driver is another one",
    );
  });

  test("is a link that went into a pod, known as it was on the node", () => {
    const [nic0, nic1] = [link("nic0", { numaNode: 1 }), link("nic1")];
    scene = new Scene(node({ links: [nic0, nic1] }), [linkPool()]).start();
    scene.held = new Set(["nic0"]);
    scene.node.tell(node({ links: [nic1] }));
    assert.deepEqual(scene.offered, { "lanyard.dev/nics": ["nic0", "nic1"] });
    assert.equal(scene.inventory.findDevice("lanyard.dev/nics", "nic0")?.numaNode, 1);
    scene.held = new Set();
    scene.node.tell(node({ links: [nic1, link("x")] }));
    assert.deepEqual(scene.offered, { "lanyard.dev/nics": ["nic1"] });
  });

  test("is a link that was in a pod before the agent started, and of which nothing is known", () => {
    scene = new Scene(node(), [linkPool()]);
    scene.use(["lanyard.dev/nics", "nic3"]);
    scene.start();
    assert.deepEqual(scene.offered, { "lanyard.dev/nics": ["nic3"] });
    assert.deepEqual(scene.health("nic3", "lanyard.dev/nics"), { isHealthy: true });
  });
});

describe("a device that flaps", () => {
  const isHealthy = () => scene.health(V(0))?.isHealthy;
  const flap = () => {
    scene.now += 1_000;
    scene.node.tell(cardWith(2, false));
    scene.node.tell(cardWith(2));
  };
  /** Lets time go by for the clock and for timers. */
  const pass = (t: TestContext, milliseconds: number) => {
    scene.now += milliseconds;
    t.mock.timers.tick(milliseconds);
  };

  test("is told until its third loss within ten seconds, and then when it has been well for ten", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    scene = new Scene(cardWith(2), [nics]).start();
    for (const expected of [true, true, false]) {
      flap();
      assert.equal(isHealthy(), expected);
    }
    assert.match(scene.health(V(0))?.reason ?? "", /^it was lost 3 times within 10 s and is held down/);
    const { changes } = scene;
    pass(t, 10_000);
    assert.equal(isHealthy(), false);
    pass(t, 1);
    assert.equal(isHealthy(), true);
    assert.equal(scene.changes, changes + 1);
    pass(t, 60_000);
    assert.equal(scene.changes, changes + 1, "nothing is waited for any more");
  });

  test("stays held down while it is not well", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    scene = new Scene(cardWith(2), [nics]).start();
    for (let time = 0; time < 3; time++) flap();
    pass(t, 5_000);
    scene.node.tell(cardWith(2, false));
    pass(t, 60_000);
    assert.equal(scene.health(V(0))?.reason, "p0 has no carrier");
    scene.node.tell(cardWith(2));
    assert.equal(isHealthy(), false);
    pass(t, 10_001);
    assert.equal(isHealthy(), true);
  });

  test("and is held down is told again also when its pool goes meanwhile", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    scene = new Scene(cardWith(2), [nics]).start();
    for (let time = 0; time < 3; time++) flap();
    scene.use([NICS, V(0)]);
    scene.inventory.configure([]);
    assert.equal(isHealthy(), false);
    pass(t, 10_001);
    assert.equal(isHealthy(), true);
  });

  test("is forgotten when it goes, and no timer is left after the stop", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    scene = new Scene(cardWith(2), [nics]).start();
    for (let time = 0; time < 3; time++) flap();
    scene.node.tell(cardWith(0));
    scene.node.tell(cardWith(2));
    assert.equal(isHealthy(), true);
    for (let time = 0; time < 3; time++) flap();
    scene.inventory.stop();
    pass(t, 60_000);
    assert.equal(isHealthy(), false);
  });
});
