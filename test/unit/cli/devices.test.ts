import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { DeviceDescription, DevicesDocument } from "../../../src/cli/devices-document.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { SysfsTree } from "../sysfs-tree.ts";

const FAST = "0000:86:00.0";
const MELLANOX = "0000:d8:00.0";
const BOARD = ["0000:04:00.0", "0000:04:00.1"];
const ACCELERATOR = "0000:3d:00.0";
const fastVf = (number: number) => `0000:86:01.${number}`;
const MELLANOX_VF = "0000:d8:00.2";
const SF = "mlx5_core.sf.2";

const tree = layOutNode();
after(() => tree[Symbol.dispose]());

/**
 * A node with a card of four VFs (two with the kernel's driver, one of them with RDMA, and two for user space), a card
 * with a vDPA device and a sub-function, an accelerator, and two functions on the board in a bond, whose VLAN carries
 * the default route.
 */
function layOutNode(): SysfsTree {
  const of80 = { pcieRoot: "pci0000:80", numaNode: 1 };
  const fast = { ...of80, device: "1889" };
  const layout = new SysfsTree()
    .pci(FAST, { ...of80, device: "1592", driver: "ice", mostVfs: 64 })
    .vf(FAST, fastVf(0), { ...fast, driver: "iavf" })
    .vf(FAST, fastVf(1), { ...fast, driver: "iavf", files: { acpi_index: "102" } })
    .vf(FAST, fastVf(2), { ...fast, driver: "vfio-pci", iommuGroup: 87 })
    .vf(FAST, fastVf(3), { ...fast, driver: "vfio-pci", iommuGroup: 88 })
    .link("ens1f0", { on: FAST, index: 10, files: { type: "1", speed: "100000" } })
    .link("ens1f0v0", { on: fastVf(0), index: 11, files: { type: "1" } })
    .pci(MELLANOX, { vendor: "15b3", device: "101d", driver: "mlx5_core", mostVfs: 8, numaNode: 0 })
    .vf(MELLANOX, MELLANOX_VF, { vendor: "15b3", device: "101e", driver: "mlx5_core", numaNode: 0 })
    .subfunction(MELLANOX, SF, 88, { driver: "mlx5_core.sf" })
    .link("enp216s0f0np0", { on: MELLANOX, index: 20, files: { type: "1" } })
    .link("enp216s0f0s88", { on: SF, index: 21, files: { type: "1" } })
    .pci(ACCELERATOR, { driver: "vfio-pci", iommuGroup: 4 })
    .link("bond0", { kind: "bond", index: 30, files: { "bonding/slaves": "eno1 eno2" } })
    .link("bond0.10", { kind: "vlan", index: 31, lowers: ["bond0"] });
  for (const [at, address] of BOARD.entries()) {
    layout
      .pci(address, { device: "15ff", driver: "i40e" })
      .link(`eno${at + 1}`, { on: address, index: 32 + at, master: "bond0", files: { type: "1" } });
  }
  for (const name of ["vendor", "device", "class"]) layout.remove(`${layout.folderOf(ACCELERATOR)}/${name}`);
  const rdmaVf = layout.folderOf(fastVf(1));
  const vdpa = `${layout.folderOf(MELLANOX_VF)}/vdpa0`;
  const routes =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
    "bond0.10\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0";
  layout
    .file(`${layout.folderOf(ACCELERATOR)}/modalias`, "pci:v00008086d00000D5Csv00008086sd00000000bc12sc00i00")
    .files(rdmaVf, {
      "infiniband/irdma1/ports/1/pkeys/0": "0xffff",
      "infiniband_verbs/uverbs1/ibdev": "irdma1",
    })
    .folder(`${layout.folderOf(fastVf(3))}/vfio-dev/vfio1`)
    .folder(`${vdpa}/vhost-vdpa-0`)
    .symlink(`${vdpa}/driver`, "sys/bus/vdpa/drivers/vhost_vdpa")
    .symlink("sys/bus/vdpa/devices/vdpa0", vdpa)
    .file("proc/net/route", routes);
  for (const name of [
    "net/tun",
    "vhost-net",
    "iommu",
    "infiniband/rdma_cm",
    "vfio/vfio",
    "vfio/87",
    "vfio/88",
  ]) {
    layout.file(`dev/${name}`, "");
  }
  return layout.file("dev/vfio/devices/vfio1", "");
}

const devicePluginConfig = {
  resourceList: [
    { resourceName: "kernel_nics", selectors: { drivers: ["iavf"], pfNames: ["ENS1F0#0-1"], isRdma: false } },
    {
      resourceName: "dpdk",
      resourcePrefix: "example.org",
      SELECTORS: [
        { Vendors: ["8086"], drivers: ["vfio-pci"], rootDevices: [`${FAST}#2,3`], needVhostNet: true },
      ],
      additionalInfo: { "*": { token: "all" }, [fastVf(3)]: { token: "own" } },
    },
    { resourceName: "vdpa", selectors: [{ vdpaType: "vhost" }], excludeTopology: true },
    { resourceName: "fpga", deviceType: "accelerator", selectors: [{ devices: ["0d5c"] }] },
    {
      resourceName: "sfs",
      deviceType: "auxNetDevice",
      selectors: [{ auxTypes: ["sf"], pfNames: ["enp216s0f0np0#88"] }],
    },
    { resourceName: "board", selectors: [{ drivers: ["i40e"] }] },
    { resourceName: "wrong name", selectors: [{ drivers: ["iavf"] }] },
  ],
};
tree.file("dp.json", JSON.stringify(devicePluginConfig));
tree.file(
  "lanyard.yaml",
  `
resourcePrefix: lanyard.dev
pools:
  - { kind: netDevice, name: rdma, selectors: [{ isRdma: true }] }
  - { kind: hostDevice, name: whole, links: ["ens1f0v*", "eno*"] }
  - { kind: bandwidthShare, name: fast-bandwidth, uplink: ens1f0, share: 50G }
  - { kind: netDevice, name: broken, selectors: [{ vendor: "8086" }] }
`,
);
const DP = join(tree.root, "dp.json");
const YAML = join(tree.root, "lanyard.yaml");

/** Lets another user reach a folder; those above it, which the test's run made for itself, cannot be listed still. */
function letOthersThrough(folder: string): void {
  chmodSync(folder, 0o755);
  for (let above = dirname(folder); (statSync(above).mode & 0o001) === 0; above = dirname(above)) {
    chmodSync(above, 0o711);
  }
}

async function call(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const table = { devices: { summary: "", load: () => import("../../../src/cli/commands/devices.ts") } };
  const code = await dispatch(["devices", ...args], table, { stdout, stderr });
  return { code, output: String(stdout.read() ?? ""), errors: String(stderr.read() ?? "") };
}

async function documentOf(...args: string[]): Promise<DevicesDocument> {
  const { code, output, errors } = await call("--root", tree.root, "-o", "json", ...args);
  assert.deepEqual([code, errors], [0, ""]);
  return JSON.parse(output);
}

async function deviceOf(resource: string, id: string, ...args: string[]) {
  const { resources } = await documentOf(...args);
  return resources.find(({ name }) => name === resource)?.devices.find((device) => device.id === id);
}

const byResource = ({ resources }: DevicesDocument) =>
  Object.fromEntries(resources.map(({ name, devices }) => [name, devices.map(({ id }) => id)]));

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
      "intel.com/board is not offered: no device of the node matches its selectors",
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

describe("lanyard devices --root", () => {
  test("gives the same bytes every time", async () => {
    const args = ["--root", tree.root, "--config", YAML, "--device-plugin-config", DP, "-o", "json"];
    const first = await call(...args);
    assert.equal(first.code, 0);
    assert.ok(first.output.endsWith("}\n"));
    for (let time = 0; time < 3; time++) assert.deepEqual(await call(...args), first);
  });

  test("needs neither root nor write access", async () => {
    letOthersThrough(tree.root);
    const main = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
    const args = ["devices", "--root", tree.root, "--device-plugin-config", DP, "-o", "json"];
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: "/", ...nobody });
    assert.equal(stdout, (await call(...args.slice(1))).output);
  });

  test("shows the same as yaml, and a table for people", async () => {
    const args = ["--root", tree.root, "--device-plugin-config", DP];
    const yaml = parse((await call(...args, "-o", "yaml")).output);
    assert.deepEqual(yaml, await documentOf("--device-plugin-config", DP));
    const { output } = await call(...args);
    assert.match(output, /^RESOURCE +DEVICE +IS +NUMA +HEALTH\n/);
    assert.match(output, /example\.org\/dpdk +0000:86:01\.2 +VF 2 of ens1f0, vfio-pci +1 +healthy\n/);
    assert.match(
      output,
      /intel\.com\/sfs +mlx5_core\.sf\.2 +SF 88 of enp216s0f0np0, mlx5_core\.sf +0 +healthy\n/,
    );
    assert.match(output, /\nNotes:\n/);
  });

  test("tells what would be given with an unhealthy device, and why it is unhealthy", async () => {
    using other = new SysfsTree()
      .pci(FAST, { driver: "ice", mostVfs: 8 })
      .vf(FAST, fastVf(0), { driver: "vfio-pci", iommuGroup: 9 })
      .link("ens1f0", { on: FAST, hasCarrier: false })
      .file("c.yaml", "pools: [{ kind: netDevice, name: vfs, selectors: [{ drivers: [vfio-pci] }] }]");
    const { output } = await call("--root", other.root, "--config", join(other.root, "c.yaml"), "-o", "json");
    const [device] = (JSON.parse(output) as DevicesDocument).resources[0]?.devices ?? [];
    assert.equal(device?.health, "Unhealthy");
    assert.equal(device?.reason, "ens1f0 has no carrier");
    assert.deepEqual(device?.findings, [
      { condition: "carrier", effect: "unhealthy", reason: "ens1f0 has no carrier" },
    ]);
    assert.equal(device?.deviceSpecs.length, 2);
  });

  test("offers nothing of an empty folder, and says so", async () => {
    using other = new SysfsTree();
    const { code, output } = await call("--root", other.root, "--device-plugin-config", DP, "-o", "json");
    const document: DevicesDocument = JSON.parse(output);
    assert.deepEqual([code, document.resources], [0, []]);
    assert.ok(
      document.notes.includes("intel.com/fpga is not offered: no device of the node matches its selectors"),
    );
  });
});

const ROOT = ["--root", tree.root];

/** Which call is wrong, the message and the exit code: 2 for wrong usage, 1 for what could not be read. */
const wrong: Record<string, [args: string[], message: RegExp, code: 1 | 2]> = {
  "a folder without a configuration": [
    ROOT,
    /^lanyard: devices: --root needs --config FILE or --device-plugin-config FILE\n$/,
    2,
  ],
  "a configuration for a running agent": [
    ["--config", YAML],
    /^lanyard: devices: --config goes with --root DIR; a running agent has its own configuration\n$/,
    2,
  ],
  "a device plugin's for a running agent": [
    ["--device-plugin-config", DP],
    /^lanyard: devices: --device-plugin-config goes with --root DIR; a running agent/,
    2,
  ],
  "a prefix for a running agent": [
    ["--resource-prefix", "a.io"],
    /^lanyard: devices: --resource-prefix goes with --root DIR; a running agent/,
    2,
  ],
  "an unknown format": [
    [...ROOT, "--config", YAML, "-o", "xml"],
    /^lanyard: --output "xml": expected one of table, json, yaml\n$/,
    2,
  ],
  "an unknown option": [[...ROOT, "--konfig", YAML], /no option --konfig; did you mean --config\?\n$/, 2],
  "an argument": [[...ROOT, "--config", YAML, "nic0"], /"nic0" is too much/, 2],
  "a folder that is not there": [
    ["--root", `${tree.root}/none`, "--config", YAML],
    /^lanyard: devices: --root ".*\/none" is no folder\n$/,
    2,
  ],
  "a folder that is a file": [["--root", YAML, "--config", YAML], /lanyard\.yaml" is no folder\n$/, 2],
  "a prefix without a device plugin's configuration": [
    [...ROOT, "--config", YAML, "--resource-prefix", "a.io"],
    /^lanyard: devices: --resource-prefix goes with --device-plugin-config FILE\n$/,
    2,
  ],
  "a prefix that is no domain": [
    [...ROOT, "--device-plugin-config", DP, "--resource-prefix", "kubernetes.io"],
    /^lanyard: --resource-prefix: "kubernetes\.io" is not usable; expected a domain that is not Kubernetes' own/,
    1,
  ],
  "a configuration that is not there": [
    [...ROOT, "--config", "/none.yaml"],
    /^lanyard: the configuration \/none\.yaml cannot be read: .*ENOENT.*\n$/,
    1,
  ],
  "a device plugin's configuration that is not there": [
    [...ROOT, "--device-plugin-config", "/none.json"],
    /^lanyard: the device plugin's configuration \/none\.json cannot be read: .*ENOENT.*\n$/,
    1,
  ],
};

for (const [what, [args, message, expected]] of Object.entries(wrong)) {
  test(`${what} is refused in one line`, async () => {
    const { code, output, errors } = await call(...args);
    assert.match(errors, message);
    assert.deepEqual([code, output], [expected, ""]);
  });
}
