import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accessOf } from "../../../src/inventory/access.ts";
import { formPools } from "../../../src/inventory/pools.ts";
import { allocationOf } from "../../../src/kubelet/allocation.ts";
import type { FunctionFacts } from "../../../src/linux/sysfs/function-facts.ts";
import type { Pool } from "../../../src/model/device.ts";
import type { FunctionPoolConfig, FunctionSelector } from "../../../src/model/pool-config.ts";
import { functionOf, functionPool, link, node, PF0, pci, selector, sf, vf, vfAddress } from "./samples.ts";

const VF = vfAddress(PF0, 0);

/** What a container gets with one function: paths of nodes, with the one inside where it is another, and the rest. */
function access(
  facts: FunctionFacts,
  fields: Partial<FunctionSelector> = {},
  files: readonly string[] = [],
  config: FunctionPoolConfig = functionPool("nics"),
) {
  const candidate = functionOf(node({ functions: [facts] }), facts.name);
  const { nodes, ...rest } = accessOf(candidate, facts.driver, config, selector(fields), new Set(files));
  assert.ok(nodes.every(({ permissions }) => permissions === "rw"));
  const paths = nodes.map(({ hostPath, containerPath }) =>
    hostPath === containerPath ? hostPath : `${hostPath} as ${containerPath}`,
  );
  return { paths, ...rest };
}

const cdev = ["/dev/iommu", "/dev/vfio/devices/vfio3"];
const vfio = vf(PF0, 0, { driver: "vfio-pci", iommuGroup: 87, vfioDevice: "vfio3" });
const rdma = vf(PF0, 0, {
  rdma: [
    { name: "mlx5_2", uverbs: "uverbs2", umad: "umad2", issm: "issm2", pKeys: [] },
    { name: "mlx5_5", uverbs: "uverbs5", pKeys: [] },
  ],
});
const vhostVdpa = vf(PF0, 0, { vdpa: { name: "vdpa0", type: "vhost", node: "vhost-vdpa-0" } });
const virtioVdpa = vf(PF0, 0, { vdpa: { name: "vdpa0", type: "virtio" } });
const group = { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/87" };
const iommufd = { "iommufd-mount": "/dev/iommu", "cdev-mount": "/dev/vfio/devices/vfio3" };

interface Case {
  readonly facts: FunctionFacts;
  readonly selector?: Partial<FunctionSelector>;
  /** What there is in /dev. */
  readonly files?: readonly string[];
  readonly paths: readonly string[];
  /** In `_INFO`, beside `generic`. */
  readonly info: Readonly<Record<string, unknown>>;
}

const cases: Record<string, Case> = {
  "a driver of the kernel's": { facts: vf(PF0, 0), paths: [], info: {} },
  "vfio-pci with a group, whose files need not be laid out": {
    facts: vfio,
    paths: ["/dev/vfio/vfio", "/dev/vfio/87"],
    info: { vfio: group },
  },
  "vfio-pci without an IOMMU": {
    facts: { ...vfio, isNoIommu: true },
    paths: ["/dev/vfio/vfio", "/dev/vfio/noiommu-87 as /dev/vfio/87"],
    info: { vfio: group },
  },
  "vfio-pci on a kernel with iommufd and groups": {
    facts: vfio,
    files: [...cdev, "/dev/vfio/vfio", "/dev/vfio/87"],
    paths: ["/dev/vfio/vfio", "/dev/vfio/87", ...cdev],
    info: { vfio: { ...group, ...iommufd } },
  },
  "vfio-pci on a kernel with iommufd and no groups": {
    facts: vfio,
    files: cdev,
    paths: cdev,
    info: { vfio: iommufd },
  },
  "vfio-pci with a file of its own but no /dev/iommu": {
    facts: vfio,
    files: cdev.slice(1),
    paths: ["/dev/vfio/vfio", "/dev/vfio/87"],
    info: { vfio: group },
  },
  "vfio-pci with /dev/iommu but no file of its own": {
    facts: vfio,
    files: [...cdev.slice(0, 1), "/dev/vfio/vfio"],
    paths: ["/dev/vfio/vfio", "/dev/vfio/87"],
    info: { vfio: group },
  },
  "vfio-pci with /dev/iommu in a tree that tells nothing of /dev/vfio": {
    facts: vfio,
    files: cdev.slice(0, 1),
    paths: ["/dev/vfio/vfio", "/dev/vfio/87", ...cdev],
    info: { vfio: { ...group, ...iommufd } },
  },
  "vfio-pci with neither group nor file": {
    facts: vf(PF0, 0, { driver: "vfio-pci" }),
    paths: [],
    info: {},
  },
  "another driver, though the function has a group": {
    facts: { ...vfio, driver: "iavf" },
    files: cdev,
    paths: [],
    info: {},
  },
  uio: {
    facts: vf(PF0, 0, { driver: "uio", uio: "uio0" }),
    paths: ["/dev/uio0"],
    info: { uio: { mount: "/dev/uio0" } },
  },
  igb_uio: {
    facts: vf(PF0, 0, { driver: "igb_uio", uio: "uio1" }),
    paths: ["/dev/uio1"],
    info: { uio: { mount: "/dev/uio1" } },
  },
  uio_pci_generic: {
    facts: vf(PF0, 0, { driver: "uio_pci_generic", uio: "uio12" }),
    paths: ["/dev/uio12"],
    info: { uio: { mount: "/dev/uio12" } },
  },
  "a uio driver whose file sysfs does not tell": {
    facts: vf(PF0, 0, { driver: "igb_uio" }),
    paths: [],
    info: {},
  },
  "needVhostNet where both files exist": {
    facts: vf(PF0, 0),
    selector: { needVhostNet: true },
    files: ["/dev/vhost-net", "/dev/net/tun"],
    paths: ["/dev/vhost-net", "/dev/net/tun"],
    info: { vhost: { "net-mount": "/dev/vhost-net", "tun-mount": "/dev/net/tun" } },
  },
  "needVhostNet where one exists": {
    facts: vf(PF0, 0),
    selector: { needVhostNet: true },
    files: ["/dev/net/tun"],
    paths: ["/dev/net/tun"],
    info: { vhost: { "tun-mount": "/dev/net/tun" } },
  },
  "needVhostNet where neither exists": {
    facts: vf(PF0, 0),
    selector: { needVhostNet: true },
    paths: [],
    info: {},
  },
  "vhost files nobody asks for": {
    facts: vf(PF0, 0),
    files: ["/dev/vhost-net", "/dev/net/tun"],
    paths: [],
    info: {},
  },
  "isRdma: the files of every RDMA device, and the connection manager's": {
    facts: rdma,
    selector: { isRdma: true },
    files: ["/dev/infiniband/rdma_cm"],
    paths: ["uverbs2", "uverbs5", "umad2", "issm2", "rdma_cm"].map((name) => `/dev/infiniband/${name}`),
    info: {
      rdma: {
        uverbs: "/dev/infiniband/uverbs2,/dev/infiniband/uverbs5",
        umad: "/dev/infiniband/umad2",
        issm: "/dev/infiniband/issm2",
        rdma_cm: "/dev/infiniband/rdma_cm",
        rdma_dev: "mlx5_2,mlx5_5",
      },
    },
  },
  "isRdma without a connection manager": {
    facts: { ...rdma, rdma: rdma.rdma.slice(1) },
    selector: { isRdma: true },
    paths: ["/dev/infiniband/uverbs5"],
    info: { rdma: { uverbs: "/dev/infiniband/uverbs5", rdma_dev: "mlx5_5" } },
  },
  "RDMA devices nobody asks for": { facts: rdma, files: ["/dev/infiniband/rdma_cm"], paths: [], info: {} },
  "vdpaType vhost": {
    facts: vhostVdpa,
    selector: { vdpaType: "vhost" },
    paths: ["/dev/vhost-vdpa-0"],
    info: { vdpa: { mount: "/dev/vhost-vdpa-0" } },
  },
  "vdpaType virtio, which is a link": {
    facts: virtioVdpa,
    selector: { vdpaType: "virtio" },
    paths: [],
    info: {},
  },
  "a vDPA device nobody asks for": { facts: vhostVdpa, paths: [], info: {} },
  "several at once": {
    facts: { ...vfio, rdma: rdma.rdma.slice(1) },
    selector: { isRdma: true, needVhostNet: true },
    files: ["/dev/net/tun"],
    paths: ["/dev/vfio/vfio", "/dev/vfio/87", "/dev/net/tun", "/dev/infiniband/uverbs5"],
    info: {
      vfio: group,
      vhost: { "tun-mount": "/dev/net/tun" },
      rdma: { uverbs: "/dev/infiniband/uverbs5", rdma_dev: "mlx5_5" },
    },
  },
};

describe("what a container gets with a function", () => {
  for (const [what, { facts, selector: fields, files, paths, info }] of Object.entries(cases)) {
    test(`of ${what}`, () => {
      const given = access(facts, fields, files);
      assert.deepEqual(given.paths, paths);
      assert.deepEqual(given.mounts, []);
      assert.deepEqual(given.info, { generic: { deviceID: VF }, ...info });
    });
  }

  test("is decided by the driver it is offered with, though none is bound now", () => {
    const { driver: _, ...unbound } = vfio;
    const candidate = functionOf(node({ functions: [unbound] }), VF);
    const given = accessOf(candidate, "vfio-pci", functionPool("nics"), selector(), new Set());
    assert.equal(given.nodes.length, 2);
  });

  test("is the same for accelerators and sub-functions, which have no device-info file", () => {
    const accelerator = pci("0000:3d:00.0", { class: "120000", driver: "vfio-pci", iommuGroup: 4 });
    const config = functionPool("fpga", { kind: "accelerator", additionalInfo: { "*": { slot: "2" } } });
    assert.deepEqual(access(accelerator, {}, [], config), {
      paths: ["/dev/vfio/vfio", "/dev/vfio/4"],
      mounts: [],
      info: {
        generic: { deviceID: "0000:3d:00.0" },
        vfio: { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/4" },
        extra: { slot: "2" },
      },
    });
    const sub = sf(PF0, 2, 88, { rdma: [{ name: "mlx5_4", uverbs: "uverbs4", pKeys: [] }] });
    assert.deepEqual(access(sub, { isRdma: true }, [], functionPool("sfs", { kind: "auxNetDevice" })), {
      paths: ["/dev/infiniband/uverbs4"],
      mounts: [],
      info: {
        generic: { deviceID: "mlx5_core.sf.2" },
        rdma: { uverbs: "/dev/infiniband/uverbs4", rdma_dev: "mlx5_4" },
      },
    });
  });
});

const files = ["/dev/vhost-net"];
const infos: Record<string, [FunctionFacts, Partial<FunctionSelector>, Record<string, unknown>]> = {
  "a PF: it is its own": [pci(PF0), {}, { type: "pci", version: "1.1.0", pci: { "pci-address": PF0 } }],
  "a VF: with its PF": [
    vf(PF0, 0),
    {},
    { type: "pci", version: "1.1.0", pci: { "pci-address": VF, "pf-pci-address": PF0 } },
  ],
  "RDMA: the first device": [
    rdma,
    { isRdma: true },
    {
      type: "pci",
      version: "1.1.0",
      pci: { "pci-address": VF, "rdma-device": "mlx5_2", "pf-pci-address": PF0 },
    },
  ],
  "RDMA nobody asks for": [
    rdma,
    {},
    { type: "pci", version: "1.1.0", pci: { "pci-address": VF, "pf-pci-address": PF0 } },
  ],
  "vhost-net": [
    vf(PF0, 0),
    { needVhostNet: true },
    {
      type: "pci",
      version: "1.1.0",
      pci: { "pci-address": VF, "vhost-net": "/dev/vhost-net", "pf-pci-address": PF0 },
    },
  ],
  "vDPA by vhost": [
    vhostVdpa,
    { vdpaType: "vhost" },
    {
      type: "vdpa",
      version: "1.1.0",
      vdpa: {
        "parent-device": "vdpa0",
        driver: "vhost",
        path: "/dev/vhost-vdpa-0",
        "pci-address": VF,
        "pf-pci-address": PF0,
      },
    },
  ],
  "a vDPA device nobody asks for": [
    vhostVdpa,
    {},
    { type: "pci", version: "1.1.0", pci: { "pci-address": VF, "pf-pci-address": PF0 } },
  ],
};

describe("the device-info file", () => {
  for (const [what, [facts, fields, expected]] of Object.entries(infos)) {
    test(`of a net device says of ${what}`, () => {
      assert.deepEqual(access(facts, fields, files).deviceInfo, expected);
    });
  }

  test("of a vDPA device by virtio names its PCI functions", () => {
    const { vdpa, ...rest } = access(virtioVdpa, { vdpaType: "virtio" }).deviceInfo ?? {};
    assert.deepEqual(rest, { type: "vdpa", version: "1.1.0" });
    const { path: _, ...others } = vdpa as Record<string, unknown>;
    assert.deepEqual(others, {
      "parent-device": "vdpa0",
      driver: "virtio",
      "pci-address": VF,
      "pf-pci-address": PF0,
    });
  });

  test("names the port on the card's switch", () => {
    const reading = node({
      functions: [pci(PF0, { vfCount: 1, links: ["p0"] }), vf(PF0, 0), vhostVdpa],
      links: [
        link("p0", { physicalPortName: "p0", physicalSwitchId: "00aa" }),
        link("eth7", { physicalPortName: "pf0vf0", physicalSwitchId: "00aa" }),
      ],
    });
    const candidate = functionOf(reading, VF);
    const { deviceInfo } = accessOf(candidate, "iavf", functionPool("nics"), selector(), new Set());
    assert.deepEqual(deviceInfo?.pci, {
      "pci-address": VF,
      "pf-pci-address": PF0,
      "representor-device": "eth7",
    });
  });
});

describe("a container's environment", () => {
  const config = functionPool("intel_sriov-dpdk", {
    prefix: "intel.com",
    additionalInfo: { "*": { token: "x" } },
  });
  const reading = node({
    functions: [0, 1].map((n) => vf(PF0, n, { driver: "vfio-pci", iommuGroup: 87 + n, numaNode: 0 })),
  });
  const pool = formPools([config], reading).pools[0] as Pool;

  test("lists the ids and describes them under the names the field's programs know", () => {
    const ids = [vfAddress(PF0, 1), VF];
    const { envs, nodes } = allocationOf(pool, ids);
    assert.deepEqual(Object.keys(envs), [
      "PCIDEVICE_INTEL_COM_INTEL_SRIOV-DPDK",
      "PCIDEVICE_INTEL_COM_INTEL_SRIOV-DPDK_INFO",
    ]);
    assert.equal(envs["PCIDEVICE_INTEL_COM_INTEL_SRIOV-DPDK"], `${VF},${ids[0]}`);
    assert.deepEqual(JSON.parse(envs["PCIDEVICE_INTEL_COM_INTEL_SRIOV-DPDK_INFO"] ?? ""), {
      [VF]: {
        generic: { deviceID: VF },
        vfio: { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/87" },
        extra: { token: "x" },
      },
      [ids[0] as string]: {
        generic: { deviceID: ids[0] },
        vfio: { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/88" },
        extra: { token: "x" },
      },
    });
    assert.deepEqual(
      nodes.map(({ hostPath }) => hostPath),
      ["/dev/vfio/vfio", "/dev/vfio/87", "/dev/vfio/88"],
    );
  });
});
