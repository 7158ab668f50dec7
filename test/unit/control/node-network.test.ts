import assert from "node:assert/strict";
import test from "node:test";
import { describeNodeNetwork } from "../../../src/control/node-network.ts";
import type { FunctionFacts } from "../../../src/linux/sysfs/function-facts.ts";
import type { Pool } from "../../../src/model/device.ts";
import { link } from "../inventory/samples.ts";
import { vf } from "../kubelet/pools.ts";

const PF = "0000:01:00.0";
const VF = "0000:01:10.0";
const common = { bus: "pci", vendor: "8086", class: "020000", isNoIommu: false, rdma: [] } as const;
const functions: FunctionFacts[] = [
  {
    ...common,
    name: PF,
    pciAddress: PF,
    device: "10c9",
    driver: "igb",
    numaNode: 1,
    mostVfs: 7,
    vfCount: 1,
    links: ["eth0"],
  },
  { ...common, name: VF, pciAddress: VF, device: "10ca", pf: PF, vfIndex: 0, links: [] },
];
const findings = [{ condition: "carrier", effect: "unhealthy", reason: "eth0 has no carrier" }] as const;
const pool: Pool = {
  resource: "lanyard.dev/vfs",
  kind: "netDevice",
  allocation: "numa",
  devices: [vf(VF, PF, { health: { isHealthy: false, reason: "eth0 has no carrier", findings } })],
};

test("the node's object tells functions with their health, and pools in numbers", () => {
  const { kind, metadata, status } = describeNodeNetwork({
    nodeName: "n1",
    functions,
    links: [link("eth0", { speed: 1e9 })],
    pools: [pool],
    uses: [
      { resource: "lanyard.dev/vfs", id: VF, user: "pod default/a" },
      { resource: "lanyard.dev/others", id: VF, user: "pod default/b" },
    ],
    pfs: [],
    policies: [],
  });
  assert.deepEqual([kind, metadata.name], ["NodeNetwork", "n1"]);
  assert.deepEqual(status.functions, [
    {
      name: PF,
      vendor: "8086",
      device: "10c9",
      driver: "igb",
      numaNode: 1,
      numVfs: 1,
      totalVfs: 7,
      link: "eth0",
      speed: 1e9,
    },
    {
      name: VF,
      vendor: "8086",
      device: "10ca",
      pf: PF,
      vfIndex: 0,
      resource: "lanyard.dev/vfs",
      healthy: false,
      findings,
    },
  ]);
  assert.deepEqual(status.pools, [{ resource: "lanyard.dev/vfs", capacity: 1, allocated: 1, unhealthy: 1 }]);
});
