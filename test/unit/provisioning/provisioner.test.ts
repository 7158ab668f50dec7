import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { pino } from "pino";
import type { DevicePolicy } from "../../../src/model/device-policy.ts";
import { Provisioner, type ProvisioningTiming } from "../../../src/provisioning/provisioner.ts";
import type { PfStatus } from "../../../src/provisioning/status.ts";
import { ProvisioningStore } from "../../../src/provisioning/store.ts";
import { FakeNode, FakePf } from "./fake-node.ts";
import { policy } from "./policy.ts";

const PATIENCE = { timeout: 20_000 };
const POD = "pod default/alpha, container main";

let folder: string;
let store: ProvisioningStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-provisioner-"));
  store = new ProvisioningStore(join(folder, "provisioning.sqlite"));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A provisioner on a fake node, stopped at the end: `await using bench = new Bench(node, policies)`. */
class Bench implements AsyncDisposable {
  readonly node: FakeNode;
  readonly provisioner: Provisioner;
  readonly #listeners = new Set<() => void>();
  arePoliciesComplete: boolean;
  #policies: readonly DevicePolicy[];

  constructor(
    node: FakeNode,
    policies: readonly DevicePolicy[],
    timing: Partial<ProvisioningTiming> = {},
    arePoliciesComplete = true,
  ) {
    this.node = node;
    this.arePoliciesComplete = arePoliciesComplete;
    this.#policies = policies;
    const areComplete = () => this.arePoliciesComplete;
    this.provisioner = new Provisioner({
      kernel: node.kernel,
      files: node,
      node,
      uses: node,
      policies: {
        devicePolicies: () => this.#policies,
        get isComplete() {
          return areComplete();
        },
        onChange: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      labels: {},
      store,
      log: pino({ level: "silent" }),
      // Nothing comes by time alone, unless a test asks for it.
      timing: {
        settleMs: 1,
        patienceMs: 2_000,
        leastRetryMs: 1e6,
        mostRetryMs: 1e6,
        driftMs: 1e6,
        ...timing,
      },
    });
    this.provisioner.start();
  }

  set policies(policies: readonly DevicePolicy[]) {
    this.#policies = policies;
    for (const listener of this.#listeners) listener();
  }

  /** Resolves with the status of the PF with this link when it is as told; undefined when it has none. */
  until(name: string, isMeant: (status: PfStatus | undefined) => boolean): Promise<PfStatus | undefined> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const status = this.provisioner.status().find((each) => each.name === name);
        if (!isMeant(status)) return;
        clearTimeout(timer);
        unsubscribe();
        resolve(status);
      };
      const unsubscribe = this.provisioner.onChange(look);
      const timer = setTimeout(() => {
        reject(new Error(`did not come; there is ${JSON.stringify(this.provisioner.status())}`));
      }, 10_000);
      look();
    });
  }

  untilIn(name: string, state: PfStatus["state"]): Promise<PfStatus | undefined> {
    return this.until(name, (status) => status?.state === state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.provisioner.stop();
  }
}

test(
  "a PF is made as its policy wants, and is again what it was when the policy goes",
  PATIENCE,
  async () => {
    const pf = new FakePf(1);
    await using bench = new Bench(new FakeNode(pf), [
      policy({ numVfs: 2, mtu: 9000, vfGroups: [{ range: undefined, driver: "vfio-pci", defaults: {} }] }),
    ]);
    const status = await bench.untilIn("eth1", "inSync");
    assert.deepEqual(status, {
      name: "eth1",
      pciAddress: "0000:01:00.0",
      policy: "vfs",
      overruled: [],
      state: "inSync",
      message: "",
      vfs: [
        { index: 0, pciAddress: "0000:01:10.0", driver: "vfio-pci" },
        { index: 1, pciAddress: "0000:01:10.1", driver: "vfio-pci" },
      ],
    });
    assert.deepEqual([pf.link.mtu, pf.link.isUp, pf.vfs.length], [9000, true, 2]);

    bench.policies = [];
    await bench.until("eth1", (status) => status === undefined);
    assert.deepEqual([pf.link.mtu, pf.link.isUp, pf.vfs.length, pf.autoprobe], [1500, false, 0, true]);
    assert.deepEqual(store.all(), []);
  },
);

test(
  "what was before is brought back also when the policy went while the agent was away",
  PATIENCE,
  async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    {
      await using bench = new Bench(node, [policy({ numVfs: 2 })]);
      await bench.untilIn("eth1", "inSync");
    }
    assert.equal(pf.vfs.length, 2, "the end of the agent changes nothing");
    await using bench = new Bench(node, []);
    await bench.until("eth1", () => store.all().length === 0);
    assert.equal(pf.vfs.length, 0);
  },
);

test(
  "what was before is in the store when the first change begins, and a crash then loses nothing",
  PATIENCE,
  async () => {
    const pf = new FakePf(1);
    pf.makeVfs(1, new FakeNode(pf));
    const node = new FakeNode(pf);
    const begun = new Promise<void>((resolve) => {
      node.beforeChange = (call) => {
        assert.equal(store.find(pf.address)?.previous.mtu, 1500, call);
        resolve();
        throw new Error("the agent ends here");
      };
    });
    {
      await using bench = new Bench(node, [policy({ mtu: 9000, numVfs: 3 })]);
      await begun;
      await bench.untilIn("eth1", "failed");
    }
    node.beforeChange = () => {};
    {
      await using bench = new Bench(node, [policy({ mtu: 9000, numVfs: 3 })]);
      await bench.untilIn("eth1", "inSync");
    }
    await using bench = new Bench(node, []);
    await bench.until("eth1", () => store.all().length === 0);
    assert.deepEqual([pf.link.mtu, pf.vfs.length], [1500, 1]);
  },
);

test("only what was changed is brought back", PATIENCE, async () => {
  const pf = new FakePf(1);
  pf.makeVfs(1, new FakeNode(pf));
  const other = new FakePf(2);
  const byVendor = { vendors: ["8086"] };
  await using bench = new Bench(new FakeNode(pf, other), [
    policy({ mtu: 9000 }),
    policy({ name: "other", priority: 60, nicSelector: byVendor, numVfs: 2 }),
  ]);
  await Promise.all([bench.untilIn("eth1", "inSync"), bench.untilIn("eth2", "inSync")]);
  // An administrator's own changes meanwhile.
  pf.link.isUp = true;
  pf.makeVfs(3, bench.node);
  other.link.mtu = 3000;
  bench.policies = [];
  await Promise.all(["eth1", "eth2"].map((name) => bench.until(name, (status) => status === undefined)));
  assert.deepEqual([pf.link.mtu, pf.link.isUp, pf.vfs.length], [1500, true, 3]);
  assert.deepEqual([other.link.mtu, other.link.isUp, other.vfs.length], [3000, false, 0]);
});

describe("a VF in use", () => {
  test(
    "keeps the PF as it is, says for whom, and lets it go on when it is given back",
    PATIENCE,
    async () => {
      const pf = new FakePf(1);
      await using bench = new Bench(new FakeNode(pf), [policy({ numVfs: 2 })]);
      await bench.untilIn("eth1", "inSync");
      bench.node.use(POD, "0000:01:10.1");
      bench.policies = [policy({ numVfs: 4 })];
      const waiting = await bench.untilIn("eth1", "waiting");
      assert.equal(waiting?.message, `the number of VFs stays 2 instead of 4: VF 1 is in use by ${POD}`);
      assert.deepEqual(
        waiting.vfs.map(({ user }) => user),
        [undefined, POD],
      );
      bench.node.use(POD);
      await bench.until("eth1", (status) => status?.state === "inSync" && status.vfs.length === 4);
    },
  );

  test("keeps what a policy made after that has gone", PATIENCE, async () => {
    const pf = new FakePf(1);
    await using bench = new Bench(new FakeNode(pf), [policy({ numVfs: 2, mtu: 9000 })]);
    await bench.untilIn("eth1", "inSync");
    bench.node.use(POD, "0000:01:10.1");
    bench.policies = [];
    const waiting = await bench.untilIn("eth1", "waiting");
    assert.deepEqual([waiting?.policy, pf.vfs.length, pf.link.mtu, pf.link.isUp], [undefined, 2, 9000, true]);
    assert.match(waiting?.message ?? "", /VF 1 is in use by pod default\/alpha/);
    bench.node.use(POD);
    await bench.until("eth1", (status) => status === undefined);
    assert.equal(pf.vfs.length, 0);
  });

  test("stays as it is while a manifest cannot be read, which may want it", PATIENCE, async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    {
      await using bench = new Bench(node, [policy({ numVfs: 2 })]);
      await bench.untilIn("eth1", "inSync");
    }
    // The next start finds the policy misspelt.
    await using bench = new Bench(node, [], {}, false);
    const waiting = await bench.untilIn("eth1", "waiting");
    assert.match(waiting?.message ?? "", /comes back later: not every manifest can be read/);
    assert.equal(pf.vfs.length, 2);
    bench.arePoliciesComplete = true;
    bench.policies = [];
    await bench.until("eth1", (status) => status === undefined);
    assert.equal(pf.vfs.length, 0);
  });

  test("may be any VF as long as the kubelet has not told who has what", PATIENCE, async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    pf.makeVfs(2, node);
    node.isComplete = false;
    await using bench = new Bench(node, [policy({ numVfs: 4 })]);
    const waiting = await bench.untilIn("eth1", "waiting");
    assert.match(waiting?.message ?? "", /VF 0 is in use by whoever the kubelet has not told of yet/);
    assert.equal(pf.vfs.length, 2);
    node.isComplete = true;
    node.use(POD);
    await bench.untilIn("eth1", "inSync");
    assert.equal(pf.vfs.length, 4);
  });

  test("is not torn down when it is taken between the plan and the step", PATIENCE, async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    pf.makeVfs(2, node);
    node.beforeChange = (call) => {
      if (call.includes("mtu")) node.use(POD, "0000:01:10.0");
    };
    await using bench = new Bench(node, [policy({ numVfs: 4, mtu: 9000 })]);
    const waiting = await bench.untilIn("eth1", "waiting");
    assert.match(waiting?.message ?? "", /VF 0 is in use by pod default\/alpha/);
    assert.equal(pf.vfs.length, 2);
  });
});

describe("a link that somebody takes into a network namespace", () => {
  test("after the look keeps its VF's driver", PATIENCE, async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    pf.makeVfs(2, node);
    await node.settle();
    node.beforeChange = (call) => {
      if (call.includes("mtu")) Object.assign(pf.vfs[1] ?? {}, { isElsewhere: true });
    };
    const vfGroups = [{ range: undefined, driver: "vfio-pci", defaults: {} }];
    await using bench = new Bench(node, [policy({ mtu: 9000, vfGroups })]);
    const waiting = await bench.untilIn("eth1", "waiting");
    assert.deepEqual(
      waiting?.vfs.map(({ driver }) => driver),
      ["vfio-pci", "igbvf"],
    );
    assert.ok(!node.calls.includes("eth1 vf 1 unbind"));
  });

  test("just as its use ends keeps its VF", PATIENCE, async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    pf.makeVfs(2, node);
    await node.settle();
    node.use(POD, "0000:01:10.1");
    // The look sees the link before, and its end the uses after that.
    const { get } = node.kernel.pci;
    node.kernel.pci.get = async (address) => {
      const seen = await get(address);
      if (address === "0000:01:10.1" && node.uses().length > 0) {
        Object.assign(pf.vfs[1] ?? {}, { isElsewhere: true });
        node.use(POD);
      }
      return seen;
    };
    await using bench = new Bench(node, [policy({ numVfs: 4 })]);
    const waiting = await bench.until("eth1", (status) => /whoever took/.test(status?.message ?? ""));
    assert.equal(waiting?.state, "waiting");
    assert.equal(pf.vfs.length, 2);
  });
});

test("drift is found when the time for it has come, and mended", PATIENCE, async () => {
  const pf = new FakePf(1);
  const vlan = { id: 100, qos: 0, protocol: "802.1Q" } as const;
  const vfGroups = [{ range: undefined, defaults: { vlan, maxTxRate: 50_000_000 } }];
  await using bench = new Bench(new FakeNode(pf), [policy({ numVfs: 1, vfGroups })], { driftMs: 20 });
  await bench.untilIn("eth1", "inSync");
  const [vf] = pf.vfs;
  assert.ok(vf);
  vf.attributes = { ...vf.attributes, vlan: { id: 7, qos: 0, protocol: "802.1Q" }, rate: { min: 0, max: 0 } };
  await bench.untilIn("eth1", "applying");
  await bench.untilIn("eth1", "inSync");
  assert.deepEqual([vf.attributes.vlan, vf.attributes.rate], [vlan, { max: 50_000_000 }]);
});

test("what failed is tried again after a while, and not at every announcement", PATIENCE, async () => {
  const pf = new FakePf(1);
  pf.link.isUp = true;
  const node = new FakeNode(pf);
  let tries = 0;
  node.beforeChange = (call) => {
    if (!call.includes("setVfCount")) return;
    tries += 1;
    if (tries === 1) throw new Error("the card is busy");
  };
  await using bench = new Bench(node, [policy({ numVfs: 1 })], { leastRetryMs: 300 });
  const failed = await bench.untilIn("eth1", "failed");
  assert.match(failed?.message ?? "", /make 1 VF: the card is busy/);
  const begun = performance.now();
  node.change();
  await bench.untilIn("eth1", "inSync");
  assert.equal(tries, 2);
  assert.ok(performance.now() - begun > 150, "the announcement did not hurry it");
});

test("a PF or VF that is the node's way to the world is left as it is", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  node.protections.set("eth1", "it carries the node's default route");
  await using bench = new Bench(node, [policy({ numVfs: 2 })]);
  const failed = await bench.untilIn("eth1", "failed");
  assert.match(
    failed?.message ?? "",
    /^eth1 is left as it is: it carries the node's default route; not done: /,
  );
  assert.deepEqual([node.calls, store.all()], [[], []]);
});

test("an externally managed PF is only used", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  pf.makeVfs(1, node);
  const vfGroups = [{ range: undefined, defaults: { trust: true } }];
  await using bench = new Bench(node, [policy({ externallyManaged: true, numVfs: 4, mtu: 9000, vfGroups })]);
  await bench.untilIn("eth1", "external");
  assert.deepEqual(node.calls, ['eth1 vf 0 {"isTrusted":true}']);
});

test("PFs are provisioned side by side, and one that stands still keeps no other", PATIENCE, async () => {
  const node = new FakeNode(new FakePf(1), new FakePf(2));
  const both = Promise.withResolvers<void>();
  let inside = 0;
  node.beforeChange = async (call) => {
    if (!call.includes("setVfCount")) return;
    inside += 1;
    if (inside === 2) both.resolve();
    await both.promise;
  };
  await using bench = new Bench(node, [policy({ numVfs: 2, nicSelector: { vendors: ["8086"] } })]);
  await Promise.all([bench.untilIn("eth1", "inSync"), bench.untilIn("eth2", "inSync")]);
});

test("a policy that another one overrules says so", PATIENCE, async () => {
  const node = new FakeNode(new FakePf(1), new FakePf(2));
  await using bench = new Bench(node, [
    policy({ name: "late", numVfs: 1, nicSelector: { vendors: ["8086"] } }),
    policy({ name: "early", numVfs: 2, priority: 3 }),
    policy({ name: "elsewhere", nodeSelector: { zone: "b" } }),
  ]);
  await Promise.all([bench.untilIn("eth1", "inSync"), bench.untilIn("eth2", "inSync")]);
  assert.deepEqual(bench.provisioner.policyStatus(), [
    {
      name: "late",
      pfs: [{ name: "eth2", state: "inSync", message: "" }],
      overruled: [{ name: "eth1", by: "early" }],
    },
    { name: "early", pfs: [{ name: "eth1", state: "inSync", message: "" }], overruled: [] },
  ]);
});

test("a rate waits for the carrier, and everything else does not", PATIENCE, async () => {
  const pf = new FakePf(1);
  pf.hasCable = false;
  const vfGroups = [{ range: undefined, driver: "vfio-pci", defaults: { maxTxRate: 50_000_000 } }];
  await using bench = new Bench(new FakeNode(pf), [policy({ numVfs: 1, vfGroups })]);
  const waiting = await bench.untilIn("eth1", "waiting");
  assert.equal(waiting?.message, "the rates of 1 VF wait for the carrier of eth1");
  assert.equal(waiting.vfs[0]?.driver, "vfio-pci");
  pf.link.hasCarrier = true;
  bench.node.change();
  await bench.untilIn("eth1", "inSync");
  assert.deepEqual(pf.vfs[0]?.attributes.rate, { max: 50_000_000 });
});

test(
  "a PF that has lost its link keeps its policy by the name it had, also over the agent's restart",
  PATIENCE,
  async () => {
    const pf = new FakePf(1);
    const node = new FakeNode(pf);
    {
      await using bench = new Bench(node, [policy({ numVfs: 2 })]);
      await bench.untilIn("eth1", "inSync");
      pf.hasLink = false;
      node.change();
      await bench.until("eth1", (status) => status?.policy === "vfs");
    }
    await using bench = new Bench(node, [policy({ numVfs: 2 })]);
    await bench.untilIn("eth1", "inSync");
    assert.equal(pf.vfs.length, 2);
    assert.equal(store.all().length, 1);
  },
);

test("a PF is known by the type of a link that it has lost, too", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  const policies = [policy({ numVfs: 2, nicSelector: { linkTypes: ["ether"] } })];
  {
    await using bench = new Bench(node, policies);
    await bench.untilIn("eth1", "inSync");
    pf.hasLink = false;
    node.change();
    await bench.until("eth1", (status) => status?.policy === "vfs");
  }
  await using bench = new Bench(node, policies);
  await bench.untilIn("eth1", "inSync");
  assert.equal(pf.vfs.length, 2);
});

test("a PF that is not told of for a moment is changed on, and by one alone", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  const looked = Promise.withResolvers<void>();
  const functions = node.functions.bind(node);
  node.functions = () => {
    if (!pf.isTold) looked.resolve();
    return functions();
  };
  const seen: (string | undefined)[] = [];
  node.beforeChange = async (call) => {
    if (!call.includes("setVfCount")) return;
    pf.isTold = false;
    node.change();
    await looked.promise;
    seen.push(bench.provisioner.status()[0]?.state);
    pf.isTold = true;
  };
  await using bench = new Bench(node, [policy({ numVfs: 2 })]);
  await bench.untilIn("eth1", "inSync");
  assert.deepEqual(seen, ["applying"]);
  assert.deepEqual(node.calls, ['eth1 {"isUp":true}', "eth1 setVfCount 2"]);
});

test("a PF that is gone has no status, and its policy again when it is back", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  await using bench = new Bench(node, [policy({ numVfs: 2 })]);
  await bench.untilIn("eth1", "inSync");
  pf.isTold = false;
  node.change();
  await bench.until("eth1", (status) => status === undefined);
  assert.equal(store.all().length, 1);
  pf.vfs = [];
  pf.isTold = true;
  node.change();
  await bench.untilIn("eth1", "inSync");
  assert.equal(pf.vfs.length, 2);
});

test("VFs that somebody gave to programs are with them again when the policy goes", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  pf.makeVfs(2, node);
  await node.settle();
  // As dpdk-devbind leaves them: driver_override is empty again.
  for (const vf of pf.vfs) Object.assign(vf, { driver: "vfio-pci", override: undefined, link: undefined });
  const vfGroups = [{ range: [[0, 0]] as const, defaults: { trust: true } }];
  await using bench = new Bench(node, [policy({ vfGroups })]);
  await bench.untilIn("eth1", "inSync");
  assert.deepEqual(
    pf.vfs.map(({ driver }) => driver),
    ["igbvf", "vfio-pci"],
  );
  bench.policies = [];
  await bench.until("eth1", (status) => status === undefined);
  assert.deepEqual(
    pf.vfs.map(({ driver, attributes }) => [driver, attributes.isTrusted]),
    [
      ["vfio-pci", false],
      ["vfio-pci", false],
    ],
  );
});

test("what a card was is not put on another one that is in its place", PATIENCE, async () => {
  const pf = new FakePf(1);
  const node = new FakeNode(pf);
  {
    await using bench = new Bench(node, [policy({ mtu: 9000 })]);
    await bench.untilIn("eth1", "inSync");
  }
  pf.device = "1572";
  node.calls.length = 0;
  await using bench = new Bench(node, []);
  await bench.provisioner.settle();
  assert.deepEqual([node.calls, store.all()], [[], []]);
});
