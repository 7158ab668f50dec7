import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, afterEach, beforeEach } from "node:test";
import { pino } from "pino";
import type { NodeLink } from "../../src/inventory/link.ts";
import type { FunctionFacts } from "../../src/linux/sysfs/function-facts.ts";
import { readFunctions } from "../../src/linux/sysfs/functions.ts";
import type { DevicePolicy, VfGroup } from "../../src/model/device-policy.ts";
import type { DeviceUse } from "../../src/model/ports.ts";
import { Provisioner } from "../../src/provisioning/provisioner.ts";
import type { PfStatus } from "../../src/provisioning/status.ts";
import { ProvisioningStore } from "../../src/provisioning/store.ts";
import { devlinkNameOf, type PfKernel } from "../../src/provisioning/surface.ts";
import { World } from "../kernel/world.ts";
import { loadModule, Netdevsim } from "./guest.ts";

/**
 * Policies on the guest's emulated igb cards, `eth0` and `eth1`, joined by one wire. igb has no eswitch: netdevsim, a
 * simulation of the kernel's own, plays it where a policy asks for one.
 */

const PATIENCE = { timeout: 240_000 };
const POD = "pod default/alpha, container main";
const TAGGED: VfGroup = {
  range: undefined,
  defaults: {
    vlan: { id: 100, qos: 3, protocol: "802.1Q" },
    trust: true,
    spoofCheck: false,
    maxTxRate: 50_000_000,
  },
};

/** One for all tests: its threads take seconds to start in the guest. */
const world = new World();
after(() => world[Symbol.asyncDispose]());
const { kernel } = world;
const { host } = kernel;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-lab-provisioning-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function policy(name: string, pfNames: readonly string[], parts: Partial<DevicePolicy>): DevicePolicy {
  return {
    kind: "DevicePolicy",
    name,
    nodeSelector: {},
    nicSelector: { pfNames: pfNames.map((pf) => ({ pf, numbers: undefined })) },
    externallyManaged: false,
    priority: 50,
    vfGroups: [],
    ...parts,
  };
}

/** A source that a test changes: it calls back at once. */
class Told<Value> {
  #value: Value;
  readonly #listeners = new Set<() => void>();

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }

  set value(value: Value) {
    this.#value = value;
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  readonly onChange = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

/** A provisioner of the guest's cards, stopped at the end. */
class Bench implements AsyncDisposable {
  readonly policies: Told<readonly DevicePolicy[]>;
  readonly uses = new Told<readonly DeviceUse[]>([]);
  readonly node: Told<{ functions: readonly FunctionFacts[]; links: readonly NodeLink[] }>;
  readonly provisioner: Provisioner;
  readonly #unsubscribe: () => void;
  readonly #store = new ProvisioningStore(join(folder, "provisioning.sqlite"));

  private constructor(
    policies: readonly DevicePolicy[],
    node: { functions: readonly FunctionFacts[]; links: readonly NodeLink[] },
    on: PfKernel,
  ) {
    this.policies = new Told(policies);
    this.node = new Told(node);
    this.provisioner = new Provisioner({
      kernel: on,
      node: {
        functions: () => this.node.value.functions,
        links: () => this.node.value.links,
        whyProtected: () => undefined,
        onChange: this.node.onChange,
      },
      policies: {
        devicePolicies: () => this.policies.value,
        isComplete: true,
        onChange: this.policies.onChange,
      },
      uses: { uses: () => this.uses.value, isComplete: true, onChange: this.uses.onChange },
      labels: {},
      store: this.#store,
      log: pino({ level: process.env.LANYARD_LAB_LOG ?? "silent" }),
      // Nothing is found by time alone.
      timing: { driftMs: 1e8 },
    });
    this.#unsubscribe = kernel.linkEvents.onChange(
      () => this.node.tell(),
      () => this.node.tell(),
    );
    this.provisioner.start();
  }

  static async start(policies: readonly DevicePolicy[], on: PfKernel = kernel): Promise<Bench> {
    const [functions, { links }] = await Promise.all([readFunctions("/"), host.links.list()]);
    const known = links.map((link): NodeLink => {
      const { name, altNames, index, mac, mtu, isUp, hasCarrier, operState, isLoopback } = link;
      const common = { name, altNames, index, mac, mtu, isUp, hasCarrier, operState, isLoopback };
      return { ...common, lowers: [], hasDefaultRoute: false };
    });
    return new Bench(policies, { functions, links: known }, on);
  }

  /** Resolves with the status of a PF when it is as told. */
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
        unsubscribe();
        reject(new Error(`did not come; there is ${JSON.stringify(this.provisioner.status())}`));
      }, 60_000);
      look();
    });
  }

  untilIn(name: string, state: PfStatus["state"]): Promise<PfStatus | undefined> {
    return this.until(name, (status) => status?.state === state);
  }

  untilBack(name: string): Promise<PfStatus | undefined> {
    return this.until(name, (status) => status === undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    await this.provisioner.stop();
    this.#store.close();
  }
}

/** A VF as iproute2 shows it. */
interface ShownVf {
  readonly vlan_list: readonly { readonly vlan?: number; readonly qos?: number }[];
  readonly rate: { readonly max_tx: number; readonly min_tx: number };
  readonly spoofchk: boolean;
  readonly trust: boolean;
}

function show(name: string): { mtu: number; flags: readonly string[]; vfinfo_list?: readonly ShownVf[] } {
  return JSON.parse(execFileSync("ip", ["-j", "link", "show", name], { encoding: "utf8" }))[0];
}

function driversOf(status: PfStatus | undefined): (string | undefined)[] | undefined {
  return status?.vfs.map(({ driver }) => driver);
}

/** The PFs as they are before any policy, so that each test can compare. */
async function reset(...names: readonly string[]): Promise<void> {
  for (const name of names)
    await host.links.set((await host.links.get(name)).index, { isUp: false, mtu: 1500 });
}

test(
  "both PFs get VFs with VLAN, trust and rates side by side, and are again what they were without the policy",
  PATIENCE,
  async (context) => {
    await reset("eth0", "eth1");
    const before = ["eth0", "eth1"].map(show);
    await using bench = await Bench.start([]);
    await startSlowThreads();
    const begun = performance.now();
    bench.policies.value = [policy("both", ["eth0", "eth1"], { numVfs: 7, mtu: 2000, vfGroups: [TAGGED] })];
    await Promise.all([bench.untilIn("eth0", "inSync"), bench.untilIn("eth1", "inSync")]);
    const ours = performance.now() - begun;
    for (const name of ["eth0", "eth1"]) {
      const { mtu, vfinfo_list: vfs = [] } = show(name);
      assert.deepEqual([mtu, vfs.length], [2000, 7]);
      for (const { vlan_list, rate, spoofchk, trust } of vfs) {
        assert.deepEqual([vlan_list[0]?.vlan, vlan_list[0]?.qos], [100, 3]);
        assert.deepEqual([rate.max_tx, spoofchk, trust], [50, false, true]);
      }
      const status = bench.provisioner.status().find((each) => each.name === name);
      assert.deepEqual(driversOf(status), Array(7).fill("igbvf"));
    }

    bench.policies.value = [];
    await Promise.all([bench.untilBack("eth0"), bench.untilBack("eth1")]);
    for (const [index, name] of ["eth0", "eth1"].entries()) {
      const { mtu, flags, vfinfo_list } = show(name);
      assert.deepEqual(
        [mtu, flags.includes("UP")],
        [before[index]?.mtu, before[index]?.flags.includes("UP")],
      );
      assert.deepEqual(vfinfo_list ?? [], []);
    }

    const script = await runScript();
    const seconds = (time: number) => `${(time / 1000).toFixed(1)} s`;
    context.diagnostic(
      `provision, 7 VFs on each of two PFs: ${seconds(ours)}, a script that does one after the other ` +
        `${seconds(script)}, ratio ${(ours / script).toFixed(2)}`,
    );
  },
);

/** An agent has run long before it gets a policy: a thread takes more than a second to start in the guest. */
async function startSlowThreads(): Promise<void> {
  const cards = (await readFunctions("/")).filter(({ mostVfs = 0 }) => mostVfs > 0);
  // igb has no eswitch, and the question is asked all the same.
  await Promise.allSettled(cards.map(({ name }) => host.devlink.eswitches.get(devlinkNameOf(name))));
}

/** The same by a shell script with ip(8), PF by PF and VF by VF, as people have it; gives its time in milliseconds. */
async function runScript(): Promise<number> {
  await reset("eth0", "eth1");
  const addresses = ["eth0", "eth1"].map((name) => realpathSync(`/sys/class/net/${name}/device`));
  const begun = performance.now();
  try {
    for (const [at, name] of ["eth0", "eth1"].entries()) {
      execFileSync("sh", ["-euc", SCRIPT, "sh", name, addresses[at] ?? ""]);
    }
    const shown = show("eth1").vfinfo_list?.map(({ rate }) => rate.max_tx);
    assert.deepEqual(shown, Array(7).fill(50));
    return performance.now() - begun;
  } finally {
    for (const address of addresses) execFileSync("sh", ["-c", `echo 0 >${address}/sriov_numvfs`]);
    for (const address of addresses) execFileSync("sh", ["-c", `echo 1 >${address}/sriov_drivers_autoprobe`]);
    await reset("eth0", "eth1");
  }
}

/** $1: the PF's link, $2: its folder in sysfs. Rates want a carrier. */
const SCRIPT = `
ip link set $1 mtu 2000 up
echo 0 >$2/sriov_drivers_autoprobe
echo 7 >$2/sriov_numvfs
for vf in 0 1 2 3 4 5 6; do
  ip link set $1 vf $vf vlan 100 qos 3 spoofchk off trust on
  address=$(basename $(readlink $2/virtfn$vf))
  echo igbvf >$2/virtfn$vf/driver_override
  echo $address >/sys/bus/pci/drivers_probe
done
until [ "$(cat /sys/class/net/$1/carrier)" = 1 ]; do sleep 0.1; done
for vf in 0 1 2 3 4 5 6; do ip link set $1 vf $vf max_tx_rate 50; done
`;

test("a VLAN, a rate and trust that somebody changes are set again", PATIENCE, async () => {
  await using bench = await Bench.start([policy("one", ["eth0"], { numVfs: 2, vfGroups: [TAGGED] })]);
  await bench.untilIn("eth0", "inSync");
  const wanted = show("eth0").vfinfo_list;
  for (const change of [
    ["vlan", "7"],
    ["max_tx_rate", "20"],
    ["trust", "off"],
  ]) {
    execFileSync("ip", ["link", "set", "eth0", "vf", "0", ...change]);
    assert.notDeepEqual(show("eth0").vfinfo_list, wanted);
    // The kernel announces the PF when something of a VF is set.
    assert.match((await bench.untilIn("eth0", "applying"))?.message ?? "", /of VF 0$/);
    await bench.untilIn("eth0", "inSync");
    assert.deepEqual(show("eth0").vfinfo_list, wanted, change.join(" "));
  }
  bench.policies.value = [];
  await bench.untilBack("eth0");
});

test(
  "a VF in use keeps the number of VFs, by whom is said, and its end lets the policy go on",
  PATIENCE,
  async () => {
    await using bench = await Bench.start([policy("one", ["eth0"], { numVfs: 2 })]);
    const { vfs = [] } = (await bench.untilIn("eth0", "inSync")) ?? {};
    const [, second] = vfs.map(({ pciAddress }) => pciAddress);
    assert.ok(second);
    bench.uses.value = [{ resource: "lanyard.dev/vfs", id: second, user: POD }];
    bench.policies.value = [policy("one", ["eth0"], { numVfs: 3 })];
    const waiting = await bench.untilIn("eth0", "waiting");
    assert.equal(waiting?.message, `the number of VFs stays 2 instead of 3: VF 1 is in use by ${POD}`);

    // Nobody told of the one who takes it now: its link says it.
    const { links } = await kernel.pci.get(second);
    const pod = await world.makeNamespace();
    const { index } = await host.links.get(links[0] as string);
    await host.links.set(index, { namespaceFd: pod.fd, name: "net1" });
    bench.uses.value = [];
    const elsewhere = await bench.until("eth0", (status) =>
      /whoever took its link/.test(status?.message ?? ""),
    );
    assert.equal(elsewhere?.state, "waiting");
    assert.equal((await kernel.pci.get(second)).driver, "igbvf");

    const inPod = await pod.links.get("net1");
    await pod.links.set(inPod.index, { namespaceFd: host.fd, name: links[0] as string });
    await bench.until("eth0", (status) => status?.state === "inSync" && status.vfs.length === 3);
    bench.policies.value = [];
    await bench.untilBack("eth0");
  },
);

test("some VFs go to vfio-pci, and back to their own driver when the policy says so", PATIENCE, async () => {
  for (const module of ["vfio-pci", "vfio_iommu_type1"]) loadModule(module);
  const dpdk: VfGroup = { range: [[1, 2]], driver: "vfio-pci", defaults: { trust: true } };
  await using bench = await Bench.start([policy("one", ["eth0"], { numVfs: 3, vfGroups: [dpdk] })]);
  const made = await bench.untilIn("eth0", "inSync");
  assert.deepEqual(driversOf(made), ["igbvf", "vfio-pci", "vfio-pci"]);
  assert.deepEqual(
    show("eth0").vfinfo_list?.map(({ trust }) => trust),
    [false, true, true],
  );
  const addresses = made?.vfs.map(({ pciAddress }) => pciAddress);

  bench.policies.value = [policy("one", ["eth0"], { numVfs: 3, vfGroups: [{ ...dpdk, range: [[0, 0]] }] })];
  const changed = await bench.until(
    "eth0",
    (status) => status?.state === "inSync" && driversOf(status)?.[0] === "vfio-pci",
  );
  assert.deepEqual(driversOf(changed), ["vfio-pci", "igbvf", "igbvf"]);
  assert.deepEqual(
    changed?.vfs.map(({ pciAddress }) => pciAddress),
    addresses,
    "no VF was made anew",
  );
  bench.policies.value = [];
  await bench.untilBack("eth0");
});

test("VFs that were there before the policy are there again after it, as they were", PATIENCE, async () => {
  await host.links.set((await host.links.get("eth1")).index, { isUp: true });
  const address = (await readFunctions("/")).find(({ links }) => links.includes("eth1"))?.name;
  assert.ok(address);
  await kernel.pci.setVfCount(address, 2);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => kernel.pci.setVfCount(address, 0));
  execFileSync("ip", ["link", "set", "eth1", "vf", "1", "vlan", "42", "qos", "2", "trust", "on"]);
  const before = show("eth1").vfinfo_list?.map(({ vlan_list, trust }) => ({ vlan_list, trust }));

  const dpdk: VfGroup = { range: undefined, driver: "vfio-pci", defaults: TAGGED.defaults };
  {
    await using bench = await Bench.start([policy("one", ["eth1"], { numVfs: 4, vfGroups: [dpdk] })]);
    await bench.untilIn("eth1", "inSync");
  }
  // The policy goes while the agent is away.
  await using bench = await Bench.start([]);
  await bench.untilIn("eth1", "applying");
  await bench.untilBack("eth1");
  assert.deepEqual(
    show("eth1").vfinfo_list?.map(({ vlan_list, trust }) => ({ vlan_list, trust })),
    before,
  );
  const { sriov } = await kernel.pci.get(address);
  const functions = await Promise.all((sriov?.vfs ?? []).map((vf) => kernel.pci.get(vf)));
  assert.deepEqual([sriov?.autoprobe, functions.map(({ driver }) => driver)], [true, ["igbvf", "igbvf"]]);
});

test("an eswitch mode is set before the VFs are made, and what is refused is said", PATIENCE, async () => {
  using simulated = new Netdevsim(40);
  const address = (await readFunctions("/")).find(({ links }) => links.includes("eth0"))?.name;
  assert.ok(address);
  const { eswitches } = host.devlink;
  const instead = (device: string) => (device === devlinkNameOf(address) ? simulated.devlinkName : device);
  const on: PfKernel = {
    pci: kernel.pci,
    linkEvents: kernel.linkEvents,
    host: {
      links: host.links,
      vfs: host.vfs,
      devlink: {
        eswitches: {
          get: (device) => eswitches.get(instead(device)),
          set: (device, settings) => eswitches.set(instead(device), settings),
        },
      },
    },
  };
  const minTxRate = 10_000_000;
  await using bench = await Bench.start(
    [policy("one", ["eth0"], { numVfs: 1, eswitchMode: "switchdev" })],
    on,
  );
  const made = await bench.untilIn("eth0", "inSync");
  assert.deepEqual(driversOf(made), ["igbvf"]);
  assert.equal((await eswitches.get(simulated.devlinkName)).mode, "switchdev");

  // igb guarantees no lowest rate.
  bench.policies.value = [
    policy("one", ["eth0"], {
      numVfs: 1,
      eswitchMode: "switchdev",
      vfGroups: [{ range: undefined, defaults: { minTxRate, trust: true } }],
    }),
  ];
  const failed = await bench.untilIn("eth0", "failed");
  assert.match(failed?.message ?? "", /^set the rate of VF 0: .*some guarantee no lowest rate/);
  assert.equal(show("eth0").vfinfo_list?.[0]?.trust, true, "the rest is done");

  bench.policies.value = [];
  await bench.untilBack("eth0");
  assert.equal((await eswitches.get(simulated.devlinkName)).mode, "legacy");
});
