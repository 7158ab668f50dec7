import assert from "node:assert/strict";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after } from "node:test";
import type { DevicesDocument } from "../../../src/cli/devices-document.ts";
import { dispatch } from "../../../src/cli/dispatch.ts";
import { SysfsTree } from "../sysfs-tree.ts";

export const FAST = "0000:86:00.0";
export const MELLANOX = "0000:d8:00.0";
export const BOARD = ["0000:04:00.0", "0000:04:00.1"];
export const ACCELERATOR = "0000:3d:00.0";
export const fastVf = (number: number) => `0000:86:01.${number}`;
export const MELLANOX_VF = "0000:d8:00.2";
export const SF = "mlx5_core.sf.2";

/** Stands for `/` of the node; gone when the file's tests are done. */
export const tree = layOutNode();
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
export const DP = join(tree.root, "dp.json");
export const YAML = join(tree.root, "lanyard.yaml");

/** Runs `lanyard devices` in this process. */
export async function call(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const table = { devices: { summary: "", load: () => import("../../../src/cli/commands/devices.ts") } };
  const code = await dispatch(["devices", ...args], table, { stdout, stderr });
  return { code, output: String(stdout.read() ?? ""), errors: String(stderr.read() ?? "") };
}

/** What it prints as JSON of the node; it must succeed. */
export async function documentOf(...args: string[]): Promise<DevicesDocument> {
  const { code, output, errors } = await call("--root", tree.root, "-o", "json", ...args);
  assert.equal(code, 0);
  const document: DevicesDocument = JSON.parse(output);
  const mistakes = errors.split("\n").slice(0, -1);
  for (const line of mistakes) assert.ok(document.notes.includes(line.replace("lanyard: ", "")), line);
  return document;
}

/** Ids of devices by resource. */
export const byResource = ({ resources }: DevicesDocument) =>
  Object.fromEntries(resources.map(({ name, devices }) => [name, devices.map(({ id }) => id)]));
