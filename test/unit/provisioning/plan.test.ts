import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeviceUse } from "../../../src/model/ports.ts";
import { applySteps } from "../../../src/provisioning/apply.ts";
import { observePf } from "../../../src/provisioning/observe.ts";
import { planPf } from "../../../src/provisioning/plan.ts";
import { findUsers } from "../../../src/provisioning/users.ts";
import type { WantedPf, WantedVf } from "../../../src/provisioning/wanted.ts";
import { FakeNode, FakePf } from "./fake-node.ts";

const LEFT: WantedVf["defaults"] = {};

/** The same wish for VFs 0 to `count` - 1. */
function vfs(count: number, wish: Omit<WantedVf, "index">): WantedVf[] {
  return Array.from({ length: count }, (_, index) => ({ index, ...wish }));
}

/** Plans and applies until nothing is left to do, and gives what was done and what is not done. */
async function provision(
  pf: FakePf,
  wanted: WantedPf,
  uses: readonly DeviceUse[] = [],
  node = new FakeNode(pf),
) {
  for (let round = 0; round < 4; round++) {
    await node.settle();
    const observed = await observePf(node.kernel, node, pf.address);
    const { steps, waits, faults } = planPf(wanted, observed, findUsers(observed, uses));
    if (steps.length === 0) return { calls: node.calls, waits, faults, rounds: round };
    const { failures } = await applySteps(
      {
        kernel: node.kernel,
        address: pf.address,
        patienceMs: 5_000,
        userOf: async () => undefined,
        note: () => {},
        signal: new AbortController().signal,
      },
      steps,
    );
    assert.deepEqual(failures, []);
  }
  throw new Error(`still at it after four rounds: ${node.calls.join(", ")}`);
}

interface Row {
  readonly name: string;
  readonly pf: FakePf;
  readonly wanted: WantedPf;
  readonly calls: readonly string[];
}

/** A PF with VFs that have their own driver. */
function withVfs(pf: FakePf, count: number): FakePf {
  pf.makeVfs(count, new FakeNode(pf));
  return pf;
}

const TABLE: readonly Row[] = [
  {
    name: "VFs of which nothing else is asked get their own driver as they are made",
    pf: new FakePf(1),
    wanted: { numVfs: 2, vfs: vfs(2, { driver: "kernelChoice", defaults: LEFT }) },
    calls: ['eth1 {"isUp":true}', "eth1 setVfCount 2"],
  },
  {
    name: "the PF's MTU comes first, then VFs without drivers, their attributes, their drivers and their MTU, and rates with the carrier",
    pf: new FakePf(1),
    wanted: {
      numVfs: 1,
      mtu: 9000,
      vfs: vfs(1, {
        driver: "kernelChoice",
        mtu: 9000,
        defaults: { vlan: { id: 100, qos: 3, protocol: "802.1Q" }, trust: true, maxTxRate: 50_000_000 },
      }),
    },
    calls: [
      'eth1 {"mtu":9000}',
      'eth1 {"isUp":true}',
      "eth1 setVfCount 1 unbound",
      'eth1 vf 0 {"vlan":{"id":100,"qos":3,"protocol":"802.1Q"},"isTrusted":true}',
      "eth1 setAutoprobe true",
      "eth1 vf 0 release",
      'eth1v0 {"mtu":9000}',
      'eth1 vf 0 {"rate":{"max":50000000}}',
    ],
  },
  {
    name: "VFs for programs are reset before they get their driver",
    pf: new FakePf(1, "ixgbe"),
    wanted: { numVfs: 1, vfs: vfs(1, { driver: { name: "vfio-pci" }, defaults: LEFT }) },
    calls: ['eth1 {"isUp":true}', "eth1 setVfCount 1 unbound", "eth1 vf 0 reset", "eth1 vf 0 bind vfio-pci"],
  },
  {
    name: "a VF that changes from its own driver to vfio-pci loses that first",
    pf: withVfs(new FakePf(1, "i40e"), 1),
    wanted: { vfs: vfs(1, { driver: { name: "vfio-pci" }, defaults: { trust: true } }) },
    calls: ["eth1 vf 0 unbind", "eth1 vf 0 reset", 'eth1 vf 0 {"isTrusted":true}', "eth1 vf 0 bind vfio-pci"],
  },
  {
    name: "another number of VFs is made of a card without an eswitch in one step",
    pf: withVfs(new FakePf(1), 3),
    wanted: { numVfs: 5, vfs: [] },
    calls: ['eth1 {"isUp":true}', "eth1 setVfCount 5"],
  },
  {
    name: "ice changes its eswitch mode without VFs, between two numbers of them",
    pf: withVfs(new FakePf(1, "ice", "legacy"), 2),
    wanted: { numVfs: 4, eswitchMode: "switchdev", vfs: [] },
    calls: ['eth1 {"isUp":true}', "eth1 setVfCount 0", "eth1 setEswitchMode switchdev", "eth1 setVfCount 4"],
  },
  {
    name: "ice changes its eswitch mode without VFs though their number stays",
    pf: withVfs(new FakePf(1, "ice", "legacy"), 2),
    wanted: { numVfs: 2, eswitchMode: "switchdev", vfs: [] },
    calls: ['eth1 {"isUp":true}', "eth1 setVfCount 0", "eth1 setEswitchMode switchdev", "eth1 setVfCount 2"],
  },
  {
    name: "mlx5 has its VFs made and without drivers before switchdev",
    pf: new FakePf(1, "mlx5_core", "legacy"),
    wanted: {
      numVfs: 2,
      eswitchMode: "switchdev",
      vfs: vfs(2, { driver: "kernelChoice", defaults: LEFT }),
    },
    calls: [
      'eth1 {"isUp":true}',
      "eth1 setVfCount 2 unbound",
      "eth1 setEswitchMode switchdev",
      "eth1 setAutoprobe true",
      "eth1 vf 0 release",
      "eth1 vf 1 release",
    ],
  },
  {
    name: "mlx5 in switchdev goes by legacy to another number of VFs",
    pf: withVfs(new FakePf(1, "mlx5_core", "switchdev"), 1),
    wanted: { numVfs: 2, vfs: vfs(2, { driver: "kernelChoice", defaults: LEFT }) },
    calls: [
      'eth1 {"isUp":true}',
      "eth1 setVfCount 0",
      "eth1 setEswitchMode legacy",
      "eth1 setVfCount 2 unbound",
      "eth1 setEswitchMode switchdev",
      "eth1 setAutoprobe true",
      "eth1 vf 0 release",
      "eth1 vf 1 release",
    ],
  },
  {
    name: "mlx5 takes its VFs from their drivers for a new mode, and gives back those of which nothing is wanted",
    pf: withVfs(new FakePf(1, "mlx5_core", "legacy"), 2),
    wanted: { eswitchMode: "switchdev", vfs: [{ index: 1, driver: "kernelChoice", defaults: LEFT }] },
    calls: [
      "eth1 vf 0 unbind",
      "eth1 vf 1 unbind",
      "eth1 setEswitchMode switchdev",
      "eth1 vf 0 release",
      "eth1 vf 1 release",
    ],
  },
  {
    name: "a PF is brought up to limit the rates of its VFs",
    pf: withVfs(new FakePf(1), 1),
    wanted: { vfs: vfs(1, { driver: "kernelChoice", defaults: { maxTxRate: 50_000_000 } }) },
    calls: ['eth1 {"isUp":true}', 'eth1 vf 0 {"rate":{"max":50000000}}'],
  },
  {
    name: "what is as wanted is left alone",
    pf: withVfs(new FakePf(1), 2),
    wanted: {
      numVfs: 2,
      mtu: 1500,
      eswitchMode: "legacy",
      vfs: vfs(2, {
        driver: "kernelChoice",
        mtu: 1500,
        defaults: {
          vlan: { id: 0, qos: 0, protocol: "802.1Q" },
          spoofCheck: true,
          linkState: "auto",
          minTxRate: 0,
        },
      }),
    },
    calls: [],
  },
];

describe("a PF is made as wanted in the order of its driver", () => {
  for (const { name, pf, wanted, calls } of TABLE) {
    test(name, { timeout: 20_000 }, async () => {
      const done = await provision(pf, wanted);
      assert.deepEqual(done.calls, calls);
      assert.deepEqual([done.waits, done.faults], [[], []]);
    });
  }
});

test("a VLAN, a rate and trust that somebody changed are set again, and nothing else", async () => {
  const pf = withVfs(new FakePf(1), 2);
  Object.assign(pf.link, { isUp: true, hasCarrier: true });
  const defaults = {
    vlan: { id: 5, qos: 0, protocol: "802.1Q" },
    trust: true,
    minTxRate: 0,
    maxTxRate: 10_000_000,
  } as const;
  const wanted = { vfs: vfs(2, { driver: "kernelChoice", defaults }) };
  const node = new FakeNode(pf);
  await provision(pf, wanted, [], node);
  node.calls.length = 0;
  const [first] = pf.vfs;
  assert.ok(first);
  first.attributes = { ...first.attributes, vlan: { id: 7, qos: 0, protocol: "802.1Q" }, isTrusted: false };
  first.attributes = { ...first.attributes, rate: { min: 0, max: 0 } };
  const { calls } = await provision(pf, wanted, [], node);
  assert.deepEqual(calls, [
    'eth1 vf 0 {"vlan":{"id":5,"qos":0,"protocol":"802.1Q"},"isTrusted":true}',
    'eth1 vf 0 {"rate":{"min":0,"max":10000000}}',
  ]);
});

describe("what somebody uses", () => {
  const uses = (id: string) => [{ resource: "r", id, user: "pod default/alpha, container main" }];

  test("keeps the number of VFs, and free VFs get their settings all the same", async () => {
    const pf = withVfs(new FakePf(1), 2);
    const wanted = { numVfs: 4, vfs: vfs(4, { driver: "kernelChoice", defaults: { trust: true } }) };
    const { calls, waits } = await provision(pf, wanted, uses(pf.vfs[1]?.address ?? ""));
    assert.deepEqual(calls, ['eth1 vf 0 {"isTrusted":true}']);
    assert.deepEqual(waits, [
      "the number of VFs stays 2 instead of 4: VF 1 is in use by pod default/alpha, container main",
    ]);
  });

  test("keeps the PF's MTU from becoming smaller, and not from becoming larger", async () => {
    const pf = withVfs(new FakePf(1), 2);
    pf.link.mtu = 4000;
    const inUse = uses(pf.vfs[1]?.address ?? "");
    const smaller = await provision(pf, { mtu: 1500, vfs: [] }, inUse);
    assert.deepEqual(smaller.calls, []);
    assert.deepEqual(smaller.waits, [
      "the MTU stays 4000 instead of 1500: VF 1 is in use by pod default/alpha, container main",
    ]);
    const larger = await provision(pf, { mtu: 9000, vfs: [] }, inUse);
    assert.deepEqual([larger.calls, larger.waits], [['eth1 {"mtu":9000}'], []]);
  });

  test("keeps its driver and the eswitch mode", async () => {
    const pf = withVfs(new FakePf(1, "mlx5_core", "legacy"), 2);
    const wanted: WantedPf = {
      eswitchMode: "switchdev",
      vfs: vfs(2, { driver: { name: "vfio-pci" }, defaults: LEFT }),
    };
    const { calls, waits } = await provision(pf, wanted, uses(pf.vfs[0]?.address ?? ""));
    assert.deepEqual(calls, ["eth1 vf 1 unbind", "eth1 vf 1 reset", "eth1 vf 1 bind vfio-pci"]);
    assert.deepEqual(waits, [
      "the eswitch mode stays legacy instead of switchdev: VF 0 is in use by pod default/alpha, container main",
      "VF 0 keeps igbvf: it is in use by pod default/alpha, container main",
    ]);
  });

  test("is also a VF whose link somebody took into a network namespace", async () => {
    const pf = withVfs(new FakePf(1), 1);
    Object.assign(pf.vfs[0] ?? {}, { isElsewhere: true });
    const { calls, waits } = await provision(pf, { numVfs: 0, vfs: [] });
    assert.deepEqual(calls, []);
    assert.match(waits.join(), /stays 1 instead of 0: VF 0 is in use by whoever took its link into another/);
  });

  test("may be the PF as a whole, of which then nothing is changed", async () => {
    const pf = new FakePf(1);
    const { calls, waits } = await provision(pf, { mtu: 9000, numVfs: 2, vfs: [] }, uses("eth1"));
    assert.deepEqual(calls, []);
    assert.deepEqual(waits, ["the PF is in use by pod default/alpha, container main"]);
  });

  test("may be a sub-function, which goes with the eswitch mode", async () => {
    const pf = new FakePf(1, "mlx5_core", "legacy");
    const observed = await observePf(new FakeNode(pf).kernel, new FakeNode(pf), pf.address);
    const users = findUsers(observed, uses("mlx5_core.sf.2"), ["mlx5_core.sf.1", "mlx5_core.sf.2"]);
    const { steps, waits } = planPf({ eswitchMode: "switchdev", vfs: [] }, observed, users);
    assert.deepEqual(steps, []);
    assert.match(waits.join(), /mlx5_core.sf.2 is in use by pod default\/alpha/);
  });
});

describe("VFs that were taken from their drivers for a new eswitch mode", () => {
  async function changeMode(refuse: (abort: () => void) => void) {
    const pf = withVfs(new FakePf(1, "mlx5_core", "legacy"), 2);
    Object.assign(pf.vfs[1] ?? {}, { driver: "vfio-pci" });
    const node = new FakeNode(pf);
    const observed = await observePf(node.kernel, node, pf.address);
    const wanted: WantedPf = {
      eswitchMode: "switchdev",
      vfs: [{ index: 0, driver: "kernelChoice", defaults: LEFT }],
    };
    const abort = new AbortController();
    node.beforeChange = (call) => {
      if (call.includes("setEswitchMode")) refuse(() => abort.abort());
    };
    const { failures } = await applySteps(
      {
        kernel: node.kernel,
        address: pf.address,
        patienceMs: 1000,
        userOf: async () => undefined,
        note: () => {},
        signal: abort.signal,
      },
      planPf(wanted, observed, findUsers(observed, [])).steps,
    );
    return { failures, drivers: pf.vfs.map(({ driver }) => driver) };
  }

  test("have them again when the mode is refused", async () => {
    const { failures, drivers } = await changeMode(() => {
      throw new Error("refused");
    });
    assert.deepEqual(failures, ["set the eswitch mode switchdev: refused"]);
    assert.deepEqual(drivers, ["igbvf", "vfio-pci"]);
  });

  test("have them again when the agent ends meanwhile", async () => {
    const { failures, drivers } = await changeMode((abort) => abort());
    assert.deepEqual(failures, []);
    assert.deepEqual(drivers, ["igbvf", "vfio-pci"]);
  });

  test("have the one for programs again after it, though it is not kept for them", async () => {
    const pf = withVfs(new FakePf(1, "mlx5_core", "legacy"), 1);
    Object.assign(pf.vfs[0] ?? {}, { driver: "vfio-pci" });
    const { calls } = await provision(pf, { eswitchMode: "switchdev", vfs: [] });
    assert.deepEqual(calls, ["eth1 vf 0 unbind", "eth1 setEswitchMode switchdev", "eth1 vf 0 bind vfio-pci"]);
  });
});

test("what a card cannot be is said, and the rest is done", async () => {
  const { calls, faults } = await provision(new FakePf(1), {
    numVfs: 9,
    mtu: 9000,
    eswitchMode: "switchdev",
    vfs: [],
  });
  assert.deepEqual(calls, ['eth1 {"mtu":9000}']);
  assert.deepEqual(faults, [
    "9 VFs are wanted, but the card can have 8 at most",
    "the eswitch mode switchdev is wanted, but the card's driver (igb) offers no eswitch",
  ]);
});

test("what fails for one VF leaves the others their settings and drivers", async () => {
  const pf = withVfs(new FakePf(1), 2);
  const node = new FakeNode(pf);
  node.beforeChange = (call) => {
    if (call.startsWith("eth1 vf 0 {")) throw new Error("refused");
  };
  const observed = await observePf(node.kernel, node, pf.address);
  const wanted = { vfs: vfs(2, { driver: { name: "vfio-pci" }, defaults: { trust: true } }) };
  const { steps } = planPf(wanted, observed, findUsers(observed, []));
  const { failures } = await applySteps(
    {
      kernel: node.kernel,
      address: pf.address,
      patienceMs: 1000,
      userOf: async () => undefined,
      note: () => {},
      signal: new AbortController().signal,
    },
    steps,
  );
  assert.deepEqual(failures, ["set the trust of VF 0: refused"]);
  assert.deepEqual(
    pf.vfs.map(({ driver }) => driver),
    [undefined, "vfio-pci"],
  );
});
