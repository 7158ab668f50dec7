import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { DeviceDescription, DevicesDocument } from "../../../src/cli/devices-document.ts";
import { SysfsTree } from "../sysfs-tree.ts";
import {
  ACCELERATOR,
  BOARD,
  byResource,
  call,
  DP,
  documentOf,
  FAST,
  fastVf,
  MELLANOX,
  MELLANOX_VF,
  SF,
  YAML,
} from "./devices-scene.ts";

async function deviceOf(resource: string, id: string, ...args: string[]) {
  const { resources } = await documentOf(...args);
  return resources.find(({ name }) => name === resource)?.devices.find((device) => device.id === id);
}

const node = (hostPath: string, containerPath = hostPath) => ({ hostPath, containerPath, permissions: "rw" });

/** A device that tells nothing but what a test gives it. */
const PLAIN: DeviceDescription = {
  id: "",
  kind: "netDevice",
  pciAddress: null,
  vendor: null,
  device: null,
  driver: null,
  pfName: null,
  pfAddress: null,
  vfIndex: null,
  sfNumber: null,
  link: null,
  numaNode: null,
  linkType: null,
  rdma: null,
  representor: null,
  pcieRoot: null,
  iommuGroup: null,
  acpiIndex: null,
  rate: null,
  env: {},
  deviceSpecs: [],
  mounts: [],
  topology: null,
  health: "Healthy",
  reason: null,
  findings: [],
};

const ofFast = (number: number) => ({
  id: fastVf(number),
  pciAddress: fastVf(number),
  vendor: "8086",
  device: "1889",
  pfName: "ens1f0",
  pfAddress: FAST,
  vfIndex: number,
  numaNode: 1,
  linkType: "ether",
  pcieRoot: "pci0000:80",
  topology: { nodes: [{ ID: 1 }] },
});

const inDevicePluginForm: [string, DeviceDescription][] = [
  [
    "intel.com/kernel_nics",
    {
      ...PLAIN,
      ...ofFast(0),
      driver: "iavf",
      link: "ens1f0v0",
      env: {
        PCIDEVICE_INTEL_COM_KERNEL_NICS: fastVf(0),
        PCIDEVICE_INTEL_COM_KERNEL_NICS_INFO: `{"${fastVf(0)}":{"generic":{"deviceID":"${fastVf(0)}"}}}`,
      },
    },
  ],
  [
    "example.org/dpdk",
    {
      ...PLAIN,
      ...ofFast(2),
      driver: "vfio-pci",
      iommuGroup: 87,
      env: {
        PCIDEVICE_EXAMPLE_ORG_DPDK: fastVf(2),
        PCIDEVICE_EXAMPLE_ORG_DPDK_INFO: JSON.stringify({
          [fastVf(2)]: {
            generic: { deviceID: fastVf(2) },
            vfio: { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/87" },
            vhost: { "net-mount": "/dev/vhost-net", "tun-mount": "/dev/net/tun" },
            extra: { token: "all" },
          },
        }),
      },
      deviceSpecs: [
        node("/dev/vfio/vfio"),
        node("/dev/vfio/87"),
        node("/dev/vhost-net"),
        node("/dev/net/tun"),
      ],
    },
  ],
  [
    "example.org/dpdk",
    {
      ...PLAIN,
      ...ofFast(3),
      driver: "vfio-pci",
      iommuGroup: 88,
      env: {
        PCIDEVICE_EXAMPLE_ORG_DPDK: fastVf(3),
        PCIDEVICE_EXAMPLE_ORG_DPDK_INFO: JSON.stringify({
          [fastVf(3)]: {
            generic: { deviceID: fastVf(3) },
            vfio: {
              mount: "/dev/vfio/vfio",
              "dev-mount": "/dev/vfio/88",
              "iommufd-mount": "/dev/iommu",
              "cdev-mount": "/dev/vfio/devices/vfio1",
            },
            vhost: { "net-mount": "/dev/vhost-net", "tun-mount": "/dev/net/tun" },
            extra: { token: "own" },
          },
        }),
      },
      deviceSpecs: [
        node("/dev/vfio/vfio"),
        node("/dev/vfio/88"),
        node("/dev/iommu"),
        node("/dev/vfio/devices/vfio1"),
        node("/dev/vhost-net"),
        node("/dev/net/tun"),
      ],
    },
  ],
  [
    "intel.com/vdpa",
    {
      ...PLAIN,
      id: MELLANOX_VF,
      pciAddress: MELLANOX_VF,
      vendor: "15b3",
      device: "101e",
      driver: "mlx5_core",
      pfName: "enp216s0f0np0",
      pfAddress: MELLANOX,
      vfIndex: 0,
      numaNode: 0,
      linkType: "ether",
      pcieRoot: "pci0000:00",
      env: {
        PCIDEVICE_INTEL_COM_VDPA: MELLANOX_VF,
        PCIDEVICE_INTEL_COM_VDPA_INFO: JSON.stringify({
          [MELLANOX_VF]: { generic: { deviceID: MELLANOX_VF }, vdpa: { mount: "/dev/vhost-vdpa-0" } },
        }),
      },
      deviceSpecs: [node("/dev/vhost-vdpa-0")],
    },
  ],
  [
    "intel.com/fpga",
    {
      ...PLAIN,
      id: ACCELERATOR,
      kind: "accelerator",
      pciAddress: ACCELERATOR,
      vendor: "8086",
      device: "0d5c",
      driver: "vfio-pci",
      pfAddress: ACCELERATOR,
      pcieRoot: "pci0000:00",
      iommuGroup: 4,
      env: {
        PCIDEVICE_INTEL_COM_FPGA: ACCELERATOR,
        PCIDEVICE_INTEL_COM_FPGA_INFO: JSON.stringify({
          [ACCELERATOR]: {
            generic: { deviceID: ACCELERATOR },
            vfio: { mount: "/dev/vfio/vfio", "dev-mount": "/dev/vfio/4" },
          },
        }),
      },
      deviceSpecs: [node("/dev/vfio/vfio"), node("/dev/vfio/4")],
    },
  ],
  [
    "intel.com/sfs",
    {
      ...PLAIN,
      id: SF,
      kind: "auxNetDevice",
      pciAddress: MELLANOX,
      vendor: "15b3",
      device: "101d",
      driver: "mlx5_core.sf",
      pfName: "enp216s0f0np0",
      pfAddress: MELLANOX,
      sfNumber: 88,
      link: "enp216s0f0s88",
      numaNode: 0,
      linkType: "ether",
      pcieRoot: "pci0000:00",
      env: {
        PCIDEVICE_INTEL_COM_SFS: SF,
        PCIDEVICE_INTEL_COM_SFS_INFO: `{"${SF}":{"generic":{"deviceID":"${SF}"}}}`,
      },
      topology: { nodes: [{ ID: 0 }] },
    },
  ],
];

describe("a device plugin's configuration, unchanged", () => {
  test("gives its resources, and what is left out is told", async () => {
    const document = await documentOf("--device-plugin-config", DP);
    assert.deepEqual(byResource(document), {
      "intel.com/kernel_nics": [fastVf(0), fastVf(1)],
      "example.org/dpdk": [fastVf(2), fastVf(3)],
      "intel.com/vdpa": [MELLANOX_VF],
      "intel.com/fpga": [ACCELERATOR],
      "intel.com/sfs": [SF],
    });
    assert.deepEqual(document.notes.slice(1), [
      `${BOARD[0]} is not offered as intel.com/board: eno1: it lies under bond0, by which the node's default route goes`,
      `${BOARD[1]} is not offered as intel.com/board: eno2: it lies under bond0, by which the node's default route goes`,
      "intel.com/board is not offered: nothing that matches its selectors can be",
    ]);
    assert.match(
      document.notes[0] ?? "",
      /dp\.json resourceList\[6\]\.resourceName: "wrong name" is not usable/,
    );
  });

  for (const [resource, expected] of inDevicePluginForm) {
    test(`tells all of ${expected.id} in the form that is promised`, async () => {
      const device = await deviceOf(resource, expected.id, "--device-plugin-config", DP);
      assert.deepEqual(device, expected);
      assert.deepEqual(Object.keys(device ?? {}), Object.keys(PLAIN));
    });
  }

  test("gets the prefix that is asked for where it names none", async () => {
    const document = await documentOf("--device-plugin-config", DP, "--resource-prefix", "vendor.io");
    assert.deepEqual(Object.keys(byResource(document)), [
      "vendor.io/kernel_nics",
      "example.org/dpdk",
      "vendor.io/vdpa",
      "vendor.io/fpga",
      "vendor.io/sfs",
    ]);
  });
});

describe("the agent's own configuration", () => {
  test("gives its resources, and what is left out is told", async () => {
    const document = await documentOf("--config", YAML);
    assert.deepEqual(byResource(document), {
      "lanyard.dev/rdma": [fastVf(1)],
      "lanyard.dev/whole": ["ens1f0v0"],
      "lanyard.dev/fast-bandwidth": ["ens1f0-1", "ens1f0-2"],
    });
    assert.match(document.notes[0] ?? "", /lanyard\.yaml pools\[3\]\.selectors\[0\]\.vendor/);
    assert.deepEqual(document.notes.slice(1), [
      "eno1 is not offered as lanyard.dev/whole: it lies under bond0, by which the node's default route goes",
      "eno2 is not offered as lanyard.dev/whole: it lies under bond0, by which the node's default route goes",
    ]);
  });

  test("tells all of a function with RDMA", async () => {
    assert.deepEqual(await deviceOf("lanyard.dev/rdma", fastVf(1), "--config", YAML), {
      ...PLAIN,
      ...ofFast(1),
      driver: "iavf",
      rdma: "irdma1",
      acpiIndex: 102,
      env: {
        PCIDEVICE_LANYARD_DEV_RDMA: fastVf(1),
        PCIDEVICE_LANYARD_DEV_RDMA_INFO: JSON.stringify({
          [fastVf(1)]: {
            generic: { deviceID: fastVf(1) },
            rdma: {
              uverbs: "/dev/infiniband/uverbs1",
              rdma_cm: "/dev/infiniband/rdma_cm",
              rdma_dev: "irdma1",
            },
          },
        }),
      },
      deviceSpecs: [node("/dev/infiniband/uverbs1"), node("/dev/infiniband/rdma_cm")],
    });
  });

  test("tells all of a link and of a share of bandwidth", async () => {
    assert.deepEqual(await deviceOf("lanyard.dev/whole", "ens1f0v0", "--config", YAML), {
      ...PLAIN,
      id: "ens1f0v0",
      kind: "hostDevice",
      link: "ens1f0v0",
      numaNode: 1,
      env: {
        LANYARD_DEVICE_LANYARD_DEV_WHOLE: "ens1f0v0",
        LANYARD_DEVICE_LANYARD_DEV_WHOLE_INFO: '{"ens1f0v0":{"kind":"hostDevice","link":"ens1f0v0"}}',
      },
      topology: { nodes: [{ ID: 1 }] },
    });
    assert.deepEqual(await deviceOf("lanyard.dev/fast-bandwidth", "ens1f0-2", "--config", YAML), {
      ...PLAIN,
      id: "ens1f0-2",
      kind: "bandwidthShare",
      link: "ens1f0",
      numaNode: 1,
      rate: 50_000_000_000,
      env: {
        LANYARD_DEVICE_LANYARD_DEV_FAST_BANDWIDTH: "ens1f0-2",
        LANYARD_DEVICE_LANYARD_DEV_FAST_BANDWIDTH_INFO:
          '{"ens1f0-2":{"kind":"bandwidthShare","link":"ens1f0","rate":50000000000}}',
      },
      topology: { nodes: [{ ID: 1 }] },
    });
  });

  test("goes before a device plugin's: what it has is not offered again", async () => {
    const document = await documentOf("--config", YAML, "--device-plugin-config", DP);
    const offered = byResource(document);
    assert.deepEqual(offered["lanyard.dev/rdma"], [fastVf(1)]);
    assert.equal(offered["lanyard.dev/kernel_nics"], undefined);
    assert.ok(
      document.notes.includes(
        `${fastVf(1)} is not offered as lanyard.dev/kernel_nics: it is offered as lanyard.dev/rdma already`,
      ),
    );
  });

  test("has the pool that both name, and the other is told of", async () => {
    using other = new SysfsTree()
      .pci(FAST, { driver: "ice" })
      .pci(MELLANOX, { vendor: "15b3", driver: "mlx5_core" })
      .file("dp.json", '{"resourceList":[{"resourceName":"nics","selectors":{"vendors":["15b3"]}}]}')
      .file(
        "c.yaml",
        'pools: [{ kind: netDevice, prefix: intel.com, name: nics, selectors: { vendors: ["8086"] } }]',
      );
    const [own, foreign] = [join(other.root, "c.yaml"), join(other.root, "dp.json")];
    const { output } = await call(
      ...["--root", other.root, "--config", own, "--device-plugin-config", foreign, "-o", "json"],
    );
    const document: DevicesDocument = JSON.parse(output);
    assert.deepEqual(byResource(document), { "intel.com/nics": [FAST] });
    assert.deepEqual(document.notes, [
      `${foreign}: intel.com/nics is left out, because ${own} has a pool of that name`,
    ]);
  });

  test("is read below the folder where a device plugin's is given alone, and not from this machine", async () => {
    using other = new SysfsTree()
      .pci(FAST, { driver: "ice" })
      .file("dp.json", '{"resourceList":[{"resourceName":"nics","selectors":{"vendors":["8086"]}}]}')
      .file("etc/lanyard/config.yaml", "resourcePrefix: own.example");
    const { output } = await call(
      ...["--root", other.root, "--device-plugin-config", join(other.root, "dp.json"), "-o", "json"],
    );
    assert.deepEqual(byResource(JSON.parse(output)), { "own.example/nics": [FAST] });
  });
});
