import assert from "node:assert/strict";
import test from "node:test";
import { NOTHING_REMEMBERED } from "../../../src/inventory/forming.ts";
import type { NodeLink } from "../../../src/inventory/link.ts";
import type { NodeReading } from "../../../src/inventory/node.ts";
import { formPools } from "../../../src/inventory/pools.ts";
import type { FunctionDevice } from "../../../src/model/device.ts";
import type { FunctionPoolConfig, PoolConfig } from "../../../src/model/pool-config.ts";
import {
  card,
  functionPool,
  link,
  linkPool,
  node,
  PF0,
  PF1,
  pci,
  selector,
  sf,
  vf,
  vfAddress,
} from "./samples.ts";

const V = (number: number) => vfAddress(PF0, number);
const NICS = "intel.com/nics";

/** Ids by resource. */
function offer(configs: readonly PoolConfig[], reading: NodeReading) {
  const { pools, notes } = formPools(configs, reading);
  const offered = Object.fromEntries(
    pools.map(({ resource, devices }) => [resource, devices.map(({ id }) => id)]),
  );
  return { offered, notes };
}

test("a function is told with all that is known of it", () => {
  const reading = node({
    functions: [
      pci(PF0, { vfCount: 1, links: ["ens1f0", "ens1f0r0"], pcieRoot: "pci0000:80" }),
      vf(PF0, 0, {
        links: ["ens1f0v0"],
        numaNode: 1,
        pcieRoot: "pci0000:80",
        iommuGroup: 87,
        acpiIndex: 12,
        rdma: [{ name: "irdma0", pKeys: [] }],
      }),
      sf(PF0, 2, 88),
    ],
    links: [
      link("ens1f0", { linkType: "ether", physicalPortName: "p0", physicalSwitchId: "00aa" }),
      link("ens1f0r0", { linkType: "ether", physicalPortName: "pf0vf0", physicalSwitchId: "00aa" }),
      link("ens1f0v0", { linkType: "ether" }),
    ],
  });
  const configs = [functionPool("nics"), functionPool("sfs", { kind: "auxNetDevice" })];
  const { pools, notes } = formPools(configs, reading);
  assert.deepEqual(pools, [
    {
      resource: NICS,
      kind: "netDevice",
      allocation: "numa",
      devices: [
        {
          kind: "netDevice",
          id: V(0),
          pciAddress: V(0),
          vendor: "8086",
          device: "1889",
          driver: "iavf",
          pfName: "ens1f0",
          pfAddress: PF0,
          vfIndex: 0,
          link: "ens1f0v0",
          linkType: "ether",
          rdmaDevices: ["irdma0"],
          representor: "ens1f0r0",
          pcieRoot: "pci0000:80",
          iommuGroup: 87,
          acpiIndex: 12,
          numaNode: 1,
          topology: [1],
          access: {
            nodes: [],
            mounts: [],
            info: { generic: { deviceID: V(0) } },
            deviceInfo: {
              type: "pci",
              version: "1.1.0",
              pci: { "pci-address": V(0), "pf-pci-address": PF0, "representor-device": "ens1f0r0" },
            },
          },
          health: { isHealthy: true },
        },
      ],
    },
    {
      resource: "intel.com/sfs",
      kind: "auxNetDevice",
      allocation: "numa",
      devices: [
        {
          kind: "auxNetDevice",
          id: "mlx5_core.sf.2",
          pciAddress: PF0,
          vendor: "8086",
          device: "1592",
          driver: "mlx5_core.sf",
          pfName: "ens1f0",
          pfAddress: PF0,
          sfNumber: 88,
          linkType: "ether",
          rdmaDevices: [],
          topology: [],
          access: { nodes: [], mounts: [], info: { generic: { deviceID: "mlx5_core.sf.2" } } },
          health: { isHealthy: true },
        },
      ],
    },
  ]);
  assert.deepEqual(notes, []);
});

test("a function belongs to the first pool that asks for it, and the other pool's note says so", () => {
  const configs = [
    functionPool("low", { selectors: [selector({ pfNames: [{ pf: "ens1f0", numbers: [[0, 1]] }] })] }),
    functionPool("all", { selectors: [selector({ drivers: ["iavf"] })] }),
  ];
  const { offered, notes } = offer(
    configs,
    node({ functions: card(PF0, "ens1f0", 3), links: [link("ens1f0")] }),
  );
  assert.deepEqual(offered, { "intel.com/low": [V(0), V(1)], "intel.com/all": [V(2)] });
  assert.deepEqual(notes, [
    `${V(0)} is not offered as intel.com/all: it is offered as intel.com/low already`,
    `${V(1)} is not offered as intel.com/all: it is offered as intel.com/low already`,
  ]);
});

test("of a pool's selectors the first that matches decides what a container gets, without a word", () => {
  const vhost = new Set(["/dev/vhost-net"]);
  const reading = node({ functions: [vf(PF0, 0), vf(PF0, 1)], deviceFiles: vhost });
  const first = selector({ pciAddresses: [V(1)], needVhostNet: true });
  const { pools, notes } = formPools([functionPool("nics", { selectors: [first, selector()] })], reading);
  const nodes = pools[0]?.devices.map(({ id, access }) => [id, access.nodes.map(({ hostPath }) => hostPath)]);
  assert.deepEqual(nodes, [
    [V(0), []],
    [V(1), ["/dev/vhost-net"]],
  ]);
  assert.deepEqual(notes, []);
});

test("a pool's devices are in the order of their ids, whichever selector took them", () => {
  const selectors = [selector({ pciAddresses: [V(2)] }), selector()];
  const reading = node({ functions: [vf(PF1, 0), vf(PF0, 0), vf(PF0, 1), vf(PF0, 2)] });
  const { offered } = offer([functionPool("nics", { selectors })], reading);
  assert.deepEqual(offered, { [NICS]: [V(0), V(1), V(2), vfAddress(PF1, 0)] });
});

test("a PF with VFs is not offered, without a word; one without VFs is", () => {
  const functions = [...card(PF0, "ens1f0", 1), pci(PF1, { vfCount: 0, mostVfs: 64 })];
  assert.deepEqual(offer([functionPool("nics")], node({ functions })), {
    offered: { [NICS]: [PF1, V(0)] },
    notes: [],
  });
});

test("a function without a driver is not offered, and is told of once", () => {
  const { driver: _, ...unbound } = vf(PF0, 0);
  const selectors = [selector({ vendors: ["8086"] }), selector()];
  const { offered, notes } = offer(
    [functionPool("nics", { selectors })],
    node({ functions: [unbound, vf(PF0, 1)] }),
  );
  assert.deepEqual(offered, { [NICS]: [V(1)] });
  assert.deepEqual(notes, [`${V(0)} is not offered as ${NICS}: no driver is bound to it`]);
});

test("a new function is offered when udev has finished with its links", () => {
  const functions = [vf(PF0, 0, { links: ["eth5"] }), vf(PF0, 1)];
  const links = [link("eth5")];
  const early = offer([functionPool("nics")], node({ functions, links, unsettled: new Set([V(0)]) }));
  assert.deepEqual(early.offered, { [NICS]: [V(1)] });
  assert.deepEqual(early.notes, [
    `${V(0)} is not offered as ${NICS}: udev has not finished with its links yet`,
  ]);
  assert.deepEqual(offer([functionPool("nics")], node({ functions, links })).offered, {
    [NICS]: [V(0), V(1)],
  });
});

test("a function that is offered stays when udev begins with its links anew", () => {
  const configs = [functionPool("nics")];
  const settled = node({ functions: [vf(PF0, 0, { links: ["eth5"] })], links: [link("eth5")] });
  const previous = formPools(configs, settled).pools;
  const reading = { ...settled, unsettled: new Set([V(0)]) };
  assert.equal(formPools(configs, reading, { ...NOTHING_REMEMBERED, previous }).pools[0]?.devices.length, 1);
  assert.equal(formPools(configs, reading, { ...NOTHING_REMEMBERED, previous: [] }).pools.length, 0);
});

const port = link("ens1f0");
const second = link("ens1f1");
const datapath = link("ovs-system", { kind: "openvswitch" });
const bond = link("bond0", { kind: "bond" });
const ways: [string, NodeLink[], string][] = [
  [
    "that carries the default route",
    [{ ...port, hasDefaultRoute: true }],
    "it carries the node's default route",
  ],
  [
    "under a VLAN that does",
    [port, link("ens1f0.7", { lowers: [port.index], hasDefaultRoute: true })],
    "it lies under ens1f0.7, by which the node's default route goes",
  ],
  [
    "under a bridge that does",
    [{ ...port, master: 900 }, link("br0", { index: 900, hasDefaultRoute: true })],
    "it lies under br0, by which the node's default route goes",
  ],
  [
    "under a bond that does",
    [
      { ...port, master: bond.index },
      { ...bond, hasDefaultRoute: true },
    ],
    "it lies under bond0, by which the node's default route goes",
  ],
  [
    "under a bond whose VLAN does",
    [{ ...port, master: bond.index }, bond, link("bond0.7", { lowers: [bond.index], hasDefaultRoute: true })],
    "it lies under bond0, by which the node's default route goes",
  ],
  [
    "under Open vSwitch that does",
    [
      { ...port, master: datapath.index },
      datapath,
      link("br-ex", { kind: "openvswitch", hasDefaultRoute: true }),
    ],
    "it lies under br-ex, by which the node's default route goes",
  ],
];

for (const [what, links, reason] of ways) {
  test(`a PF ${what} is offered by no kind of pool, and the note says why`, () => {
    const functions = [pci(PF0, { links: [port.name] }), pci(PF1, { links: [second.name] })];
    const reading = node({ functions, links: [...links, second] });
    const nics = offer([functionPool("nics")], reading);
    assert.deepEqual(nics.offered, { [NICS]: [PF1] });
    assert.deepEqual(nics.notes, [`${PF0} is not offered as ${NICS}: ${port.name}: ${reason}`]);
    const whole = offer([linkPool({ links: ["ens*f?"] })], reading);
    assert.deepEqual(whole.offered, { "lanyard.dev/nics": [second.name] });
    assert.deepEqual(whole.notes, [`${port.name} is not offered as lanyard.dev/nics: ${reason}`]);
  });
}

test("the VFs of a PF that carries the default route are offered, but not the VF that carries it", () => {
  const functions = [
    pci(PF0, { vfCount: 2, links: ["ens1f0"] }),
    vf(PF0, 0, { links: ["ens1f0v0"] }),
    vf(PF0, 1, { links: ["ens1f0v1"] }),
  ];
  const links = [
    link("ens1f0", { hasDefaultRoute: true }),
    link("ens1f0v0"),
    link("ens1f0v1", { hasDefaultRoute: true }),
  ];
  assert.deepEqual(offer([functionPool("nics")], node({ functions, links })).offered, { [NICS]: [V(0)] });
});

test("the uplink of a bandwidth pool is not offered as a function", () => {
  const functions = [pci(PF0, { links: ["up0"] }), pci(PF1)];
  const shares = {
    ...linkPool(),
    kind: "bandwidthShare",
    name: "bw",
    uplink: "up0",
    share: 1_000_000_000,
    total: 1_000_000_000,
  } as const;
  const { offered, notes } = offer([functionPool("nics"), shares], node({ functions, links: [link("up0")] }));
  assert.deepEqual(offered[NICS], [PF1]);
  assert.deepEqual(notes, [
    `${PF0} is not offered as ${NICS}: up0: it is the uplink whose bandwidth is offered as lanyard.dev/bw`,
  ]);
});

test("a function and its link are one thing: the first pool has it, whatever it calls it", () => {
  const reading = node({
    functions: [vf(PF0, 0, { links: ["nic0"] })],
    links: [link("nic0", { pciAddress: V(0) })],
  });
  const asLink = offer([linkPool(), functionPool("vfs")], reading);
  assert.deepEqual(asLink.offered, { "lanyard.dev/nics": ["nic0"] });
  assert.match(
    asLink.notes.join(),
    /0000:86:01\.0 is not offered as intel\.com\/vfs: it is offered as lanyard\.dev\/nics already/,
  );
  const asFunction = offer([functionPool("vfs"), linkPool()], reading);
  assert.deepEqual(asFunction.offered, { "intel.com/vfs": [V(0)], "lanyard.dev/nics": [] });
  assert.match(
    asFunction.notes.join(),
    /nic0 is not offered as lanyard\.dev\/nics: it is offered as intel\.com\/vfs already/,
  );
});

test("a pool without a device is no resource, and says so", () => {
  const { offered, notes } = offer(
    [functionPool("nics"), functionPool("fpga", { kind: "accelerator" })],
    node({ functions: [vf(PF0, 0)] }),
  );
  assert.deepEqual(offered, { [NICS]: [V(0)] });
  assert.deepEqual(notes, ["intel.com/fpga is not offered: no device of the node matches its selectors"]);
});

test("the kubelet is told of the NUMA node, unless the pool excludes topology or the kernel knows none", () => {
  const reading = node({ functions: [vf(PF0, 0, { numaNode: 0 }), vf(PF0, 1)] });
  const told = (excludeTopology: boolean) =>
    formPools([functionPool("nics", { excludeTopology })], reading).pools[0]?.devices.map(
      ({ numaNode, topology }) => [numaNode, topology],
    );
  assert.deepEqual(told(false), [
    [0, [0]],
    [undefined, []],
  ]);
  assert.deepEqual(told(true), [
    [0, []],
    [undefined, []],
  ]);
});

test("what a pool adds for every device and what it adds for one are merged, the latter wins", () => {
  const additionalInfo: FunctionPoolConfig["additionalInfo"] = {
    "*": { token: "all", zone: "a" },
    [V(1)]: { token: "own" },
    [PF1]: { x: "y" },
  };
  const reading = node({ functions: [vf(PF0, 0), vf(PF0, 1)] });
  const { pools } = formPools([functionPool("nics", { additionalInfo })], reading);
  assert.deepEqual(
    pools[0]?.devices.map(({ access }) => access.info),
    [
      { generic: { deviceID: V(0) }, extra: { token: "all", zone: "a" } },
      { generic: { deviceID: V(1) }, extra: { token: "own", zone: "a" } },
    ],
  );
});

test("what a pool adds for a PCI function goes to all of its sub-functions", () => {
  const additionalInfo = { [PF0]: { token: "own" } };
  const reading = node({ functions: [pci(PF0), sf(PF0, 2, 88), sf(PF1, 3, 88)] });
  const { pools } = formPools([functionPool("sfs", { kind: "auxNetDevice", additionalInfo })], reading);
  assert.deepEqual(
    pools[0]?.devices.map(({ access }) => access.info.extra),
    [{ token: "own" }, undefined],
  );
});

test("a PF whose links stand for its VFs is known by the one that does not", () => {
  const reading = node({
    functions: [pci(PF0, { vfCount: 2, links: ["eth0", "eth1", "p0"] }), vf(PF0, 0), vf(PF0, 1), vf(PF1, 0)],
    links: [
      link("eth0", { physicalPortName: "pf0vf0", physicalSwitchId: "00aa" }),
      link("eth1", { physicalPortName: "pf0vf1", physicalSwitchId: "00aa" }),
      link("p0", { physicalPortName: "p0", physicalSwitchId: "00aa" }),
    ],
  });
  const devices = formPools([functionPool("nics")], reading).pools[0]?.devices as FunctionDevice[];
  assert.deepEqual(
    devices.map(({ pfName, representor }) => [pfName, representor]),
    [
      ["p0", "eth0"],
      ["p0", "eth1"],
      [undefined, undefined],
    ],
  );
});

test("the link of a PF with sub-functions is its own and not one that stands for them", () => {
  const reading = node({
    functions: [pci(PF0, { links: ["en0", "p0"] }), sf(PF0, 2, 88)],
    links: [
      link("en0", { physicalPortName: "pf0sf88", physicalSwitchId: "00aa" }),
      link("p0", { physicalPortName: "p0", physicalSwitchId: "00aa" }),
    ],
  });
  const configs = [functionPool("nics"), functionPool("sfs", { kind: "auxNetDevice" })];
  const devices = formPools(configs, reading).pools.flatMap((pool) => pool.devices as FunctionDevice[]);
  assert.deepEqual(
    devices.map(({ id, link: own, representor }) => [id, own, representor]),
    [
      [PF0, "p0", undefined],
      ["mlx5_core.sf.2", undefined, "en0"],
    ],
  );
});

test("of a switch that joins two PFs each VF has the port of its own PF", () => {
  const of = (physicalPortName: string) => ({ physicalPortName, physicalSwitchId: "00aa" });
  const reading = node({
    functions: [...card(PF0, "p0", 1), ...card(PF1, "p1", 1)],
    links: [link("p0", of("p0")), link("p1", of("p1")), link("b", of("pf1vf0")), link("a", of("pf0vf0"))],
  });
  const devices = formPools([functionPool("nics")], reading).pools[0]?.devices as FunctionDevice[];
  assert.deepEqual(
    devices.map(({ id, representor }) => [id, representor]),
    [
      [V(0), "a"],
      [vfAddress(PF1, 0), "b"],
    ],
  );
});
