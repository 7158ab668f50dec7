import assert from "node:assert/strict";
import test from "node:test";
import { isOfKind, matchesSelector } from "../../../src/inventory/function-selectors.ts";
import { type FUNCTION_KINDS, FUNCTION_KINDS as KINDS } from "../../../src/model/device.ts";
import type { FunctionRange, FunctionSelector } from "../../../src/model/pool-config.ts";
import { functionOf, link, node, PF0, PF1, pci, selector, sf, vf, vfAddress } from "./samples.ts";

const ACCELERATOR = "0000:3d:00.0";
const MELLANOX = "0000:d8:00.0";
const HIDDEN = "0000:5e:00.0";

/** Two PFs with VFs, a card with sub-functions, an accelerator, and a PF without a link. */
const sample = node({
  functions: [
    pci(PF0, { vfCount: 4, links: ["ens1f0"], acpiIndex: 101 }),
    vf(PF0, 0, { links: ["ens1f0v0"] }),
    vf(PF0, 1, { driver: "vfio-pci" }),
    vf(PF0, 2, {
      rdma: [{ name: "irdma2", uverbs: "uverbs2", pKeys: ["0xffff", "0x8001"] }],
      acpiIndex: 102,
    }),
    vf(PF0, 3, { vdpa: { name: "vdpa0", type: "vhost", node: "vhost-vdpa-0" } }),
    pci(PF1, { vfCount: 1, links: ["ib0"] }),
    vf(PF1, 0, { vdpa: { name: "vdpa1", type: "virtio" } }),
    pci(ACCELERATOR, { vendor: "8086", device: "0d5c", class: "120000", driver: "vfio-pci", acpiIndex: 7 }),
    pci(MELLANOX, { vendor: "15b3", device: "101d", driver: "mlx5_core", links: ["enp216s0f0np0"] }),
    sf(MELLANOX, 2, 88, { vendor: "15b3", device: "101d", links: ["enp216s0f0s88"] }),
    sf(MELLANOX, 3, 4_000_000_000, { vendor: "15b3", device: "101d", rdma: [{ name: "mlx5_3", pKeys: [] }] }),
    pci(HIDDEN, { driver: "vfio-pci" }),
  ],
  links: [
    link("ens1f0", { altNames: ["enp134s0f0", "Uplink-A"], linkType: "ether" }),
    link("ens1f0v0", { linkType: "ether" }),
    link("ib0", { linkType: "infiniband" }),
    link("enp216s0f0np0", { linkType: "ether" }),
    link("enp216s0f0s88", { linkType: "infiniband" }),
  ],
  cards: new Map([[PF0, { ddpProfile: "GTPv1-C/U IPv4/IPv6 payload", failedReporters: [] }]]),
});

const V = (number: number) => vfAddress(PF0, number);
const OTHER_VF = vfAddress(PF1, 0);
const NET = [PF0, V(0), V(1), V(2), V(3), PF1, OTHER_VF, MELLANOX, HIDDEN];
const SFS = ["mlx5_core.sf.2", "mlx5_core.sf.3"];

/** Names of the functions of a kind that a selector matches, in the sample's order. */
function select(kind: (typeof FUNCTION_KINDS)[number], fields: Partial<FunctionSelector>): string[] {
  return sample.functions
    .map(({ name }) => functionOf(sample, name))
    .filter((each) => isOfKind(each, kind) && matchesSelector(selector(fields), each, each.facts.driver))
    .map(({ facts }) => facts.name);
}

test("each kind of pool has its own functions: a selector that asks for nothing takes them all", () => {
  assert.deepEqual(
    KINDS.map((kind) => select(kind, {})),
    [NET, [ACCELERATOR], SFS],
  );
});

const range = (pf: string, ...numbers: [number, number][]): FunctionRange => ({ pf, numbers });
const all = (pf: string): FunctionRange => ({ pf, numbers: undefined });

const cases: [string, (typeof FUNCTION_KINDS)[number], Partial<FunctionSelector>, string[]][] = [
  ["vendors", "netDevice", { vendors: ["15b3", "1dd8"] }, [MELLANOX]],
  ["vendors", "accelerator", { vendors: ["8086"] }, [ACCELERATOR]],
  ["vendors of others", "accelerator", { vendors: ["15b3"] }, []],
  ["vendors", "auxNetDevice", { vendors: ["15b3"] }, SFS],
  ["vendors of others", "auxNetDevice", { vendors: ["8086"] }, []],
  ["devices", "netDevice", { devices: ["1889"] }, [V(0), V(1), V(2), V(3), OTHER_VF]],
  ["devices", "accelerator", { devices: ["0d5c"] }, [ACCELERATOR]],
  ["devices", "auxNetDevice", { devices: ["101d"] }, SFS],
  ["drivers", "netDevice", { drivers: ["vfio-pci", "mlx5_core"] }, [V(1), MELLANOX, HIDDEN]],
  ["drivers", "accelerator", { drivers: ["vfio-pci"] }, [ACCELERATOR]],
  ["drivers", "auxNetDevice", { drivers: ["mlx5_core.sf"] }, SFS],
  ["drivers, that of their PCI function", "auxNetDevice", { drivers: ["mlx5_core"] }, SFS],
  ["drivers of others", "auxNetDevice", { drivers: ["ice"] }, []],
  ["drivers in another case", "netDevice", { drivers: ["VFIO-PCI"] }, []],
  ["pciAddresses", "netDevice", { pciAddresses: [V(1), PF1, ACCELERATOR] }, [V(1), PF1]],
  ["pciAddresses", "accelerator", { pciAddresses: [ACCELERATOR] }, [ACCELERATOR]],
  ["acpiIndexes", "netDevice", { acpiIndexes: ["102", "7"] }, [V(2)]],
  ["acpiIndexes", "accelerator", { acpiIndexes: ["7"] }, [ACCELERATOR]],
  ["pfNames", "netDevice", { pfNames: [all("ens1f0")] }, [PF0, V(0), V(1), V(2), V(3)]],
  ["pfNames in another case", "netDevice", { pfNames: [all("IB0")] }, [PF1, OTHER_VF]],
  ["pfNames by an alternate name", "netDevice", { pfNames: [range("enp134s0f0", [1, 1])] }, [V(1)]],
  ["pfNames by one in another case", "netDevice", { pfNames: [range("uplink-a", [1, 1])] }, [V(1)]],
  ["pfNames with a part of a name", "netDevice", { pfNames: [all("ens1")] }, []],
  ["pfNames with a range", "netDevice", { pfNames: [range("ens1f0", [0, 0], [2, 3])] }, [V(0), V(2), V(3)]],
  [
    "pfNames with ranges of two PFs",
    "netDevice",
    { pfNames: [range("ens1f0", [3, 9]), all("ib0")] },
    [V(3), PF1, OTHER_VF],
  ],
  ["pfNames with an unreadable range", "netDevice", { pfNames: [range("ens1f0")] }, []],
  [
    "pfNames with one range that is unreadable",
    "netDevice",
    { pfNames: [range("ens1f0"), range("ens1f0", [1, 1])] },
    [V(1)],
  ],
  ["pfNames", "auxNetDevice", { pfNames: [all("enp216s0f0np0")] }, SFS],
  [
    "pfNames with a range of SF numbers",
    "auxNetDevice",
    { pfNames: [range("enp216s0f0np0", [80, 90])] },
    SFS.slice(0, 1),
  ],
  [
    "pfNames with the largest SF numbers",
    "auxNetDevice",
    { pfNames: [range("enp216s0f0np0", [4_000_000_000, 4_294_967_295])] },
    SFS.slice(1),
  ],
  ["rootDevices", "netDevice", { rootDevices: [all(PF1)] }, [PF1, OTHER_VF]],
  ["rootDevices with a range", "netDevice", { rootDevices: [range(PF0, [1, 2])] }, [V(1), V(2)]],
  ["rootDevices with an unreadable range", "netDevice", { rootDevices: [range(PF0)] }, []],
  ["rootDevices", "auxNetDevice", { rootDevices: [range(MELLANOX, [88, 88])] }, SFS.slice(0, 1)],
  ["rootDevices that name a VF", "netDevice", { rootDevices: [all(V(0))] }, []],
  ["linkTypes", "netDevice", { linkTypes: ["ether"] }, [PF0, V(0), V(1), V(2), V(3), MELLANOX]],
  [
    "linkTypes, that of the PF for a VF without a link",
    "netDevice",
    { linkTypes: ["infiniband"] },
    [PF1, OTHER_VF],
  ],
  [
    "linkTypes, its own before that of the PF",
    "auxNetDevice",
    { linkTypes: ["infiniband"] },
    SFS.slice(0, 1),
  ],
  [
    "linkTypes, that of the PF for a sub-function without a link",
    "auxNetDevice",
    { linkTypes: ["ether"] },
    SFS.slice(1),
  ],
  [
    "ddpProfiles",
    "netDevice",
    { ddpProfiles: ["x", "GTPv1-C/U IPv4/IPv6 payload"] },
    [PF0, V(0), V(1), V(2), V(3)],
  ],
  ["ddpProfiles that no card has", "netDevice", { ddpProfiles: ["comms"] }, []],
  ["pKeys", "netDevice", { pKeys: ["0x8001"] }, [V(2)]],
  ["pKeys that no port has", "netDevice", { pKeys: ["0x0001"] }, []],
  ["isRdma", "netDevice", { isRdma: true }, [V(2)]],
  ["isRdma", "auxNetDevice", { isRdma: true }, SFS.slice(1)],
  ["needVhostNet, which selects nothing", "netDevice", { needVhostNet: true }, NET],
  ["vdpaType vhost", "netDevice", { vdpaType: "vhost" }, [V(3)]],
  ["vdpaType virtio", "netDevice", { vdpaType: "virtio" }, [OTHER_VF]],
  ["auxTypes", "auxNetDevice", { auxTypes: ["sf"] }, SFS],
  ["auxTypes that are not known", "auxNetDevice", { auxTypes: ["?"] }, []],
  ["lists without an entry", "netDevice", { vendors: [], drivers: [], pfNames: [], pKeys: [] }, NET],
  ["an entry that could not be read", "netDevice", { vendors: ["?"] }, []],
  [
    "everything at once",
    "netDevice",
    { vendors: ["8086"], drivers: ["vfio-pci"], pfNames: [range("ens1f0", [0, 1])], linkTypes: ["ether"] },
    [V(1)],
  ],
  ["one field that does not hold", "netDevice", { drivers: ["vfio-pci"], pciAddresses: [V(0)] }, []],
];

for (const [what, kind, fields, expected] of cases) {
  test(`${kind}: ${what} ${expected.length === 0 ? "match nothing" : `select ${expected.join(", ")}`}`, () => {
    assert.deepEqual(select(kind, fields), expected);
  });
}

test("the driver that counts is the one that is given, not the one that is bound now", () => {
  const candidate = functionOf(node({ functions: [pci(PF0)] }), PF0);
  assert.equal(matchesSelector(selector({ drivers: ["iavf"] }), candidate, "iavf"), true);
  assert.equal(matchesSelector(selector({ drivers: ["ice"] }), candidate, undefined), false);
});

test("a sub-function that does not tell its number is one all the same, and in no range", () => {
  const { sfNumber: _, ...unnumbered } = sf(MELLANOX, 4, 0);
  const reading = node({
    functions: [pci(MELLANOX, { links: ["p0"] }), unnumbered],
    links: [link("p0")],
  });
  const candidate = functionOf(reading, unnumbered.name);
  const matches = (fields: Partial<FunctionSelector>) =>
    matchesSelector(selector({ auxTypes: ["sf"], ...fields }), candidate, undefined);
  assert.equal(matches({}), true);
  assert.equal(matches({ pfNames: [range("p0", [0, 9])] }), false);
});

test("keys of partitions are compared as numbers, however they are written", () => {
  const reading = node({ functions: [pci(PF0, { rdma: [{ name: "ib0", pKeys: ["0x00FF"] }] })] });
  assert.equal(matchesSelector(selector({ pKeys: ["0x00ff"] }), functionOf(reading, PF0), "ice"), true);
});
