import type { FunctionFacts, RdmaDevice } from "../linux/sysfs/function-facts.ts";
import type { DeviceAccess, DeviceNode } from "../model/device.ts";
import type { FunctionPoolConfig, FunctionSelector } from "../model/pool-config.ts";
import { isVfioDriver } from "./drivers.ts";
import type { NodeFunction } from "./node-function.ts";

/** Version of the device-info specification (k8snetworkplumbingwg/device-info-spec) its files follow. */
const DEVICE_INFO_VERSION = "1.1.0";

/** Drivers by which a program reaches a function through /dev/uioN. */
const UIO_DRIVERS: readonly string[] = ["uio", "igb_uio", "uio_pci_generic"];

const VHOST_NET = "/dev/vhost-net";
const TUN = "/dev/net/tun";
const IOMMU = "/dev/iommu";
const RDMA_CM = "/dev/infiniband/rdma_cm";

/** One provider of access: what it adds to the container's devices, and what it tells of that. */
interface Provision {
  readonly nodes: readonly DeviceNode[];
  /** Key in the `_INFO` variable. */
  readonly key: string;
  readonly info: Readonly<Record<string, string>>;
}

/**
 * What a container gets with a function: the character devices its driver and the selector call for, and what the
 * `_INFO` variable and the device-info file say. `files` are the character devices there are. Pure.
 */
export function accessOf(
  candidate: NodeFunction,
  driver: string | undefined,
  pool: Pick<FunctionPoolConfig, "kind" | "additionalInfo">,
  selector: Pick<FunctionSelector, "isRdma" | "needVhostNet" | "vdpaType">,
  files: ReadonlySet<string>,
): DeviceAccess {
  const { facts } = candidate;
  const provisions = [
    provideVfio(facts, driver, files),
    provideUio(facts, driver),
    selector.needVhostNet ? provideVhostNet(files) : undefined,
    selector.isRdma ? provideRdma(facts.rdma, files) : undefined,
    selector.vdpaType === "vhost" ? provideVdpa(facts) : undefined,
  ].filter((each) => each !== undefined);
  const extra = { ...pool.additionalInfo["*"], ...pool.additionalInfo[facts.pciAddress] };
  const deviceInfo = pool.kind === "netDevice" ? deviceInfoOf(candidate, selector, files) : undefined;
  return {
    nodes: provisions.flatMap(({ nodes }) => nodes),
    mounts: [],
    info: {
      generic: { deviceID: facts.name },
      ...Object.fromEntries(provisions.map(({ key, info }) => [key, info])),
      ...(Object.keys(extra).length > 0 && { extra }),
    },
    ...(deviceInfo !== undefined && { deviceInfo }),
  };
}

/**
 * The group's file, and, where the kernel has iommufd, the function's own (Documentation/userspace-api/iommufd.rst).
 * Without an IOMMU the group's file has another name on the node than programs look for (noiommu-N, drivers/vfio/group.c).
 */
function provideVfio(
  facts: FunctionFacts,
  driver: string | undefined,
  files: ReadonlySet<string>,
): Provision | undefined {
  if (!isVfioDriver(driver)) return undefined;
  const nodes: DeviceNode[] = [];
  const info: Record<string, string> = {};
  const ownFile = facts.vfioDevice === undefined ? undefined : `/dev/vfio/devices/${facts.vfioDevice}`;
  // A laid-out tree may say nothing of /dev/vfio at all: then sysfs is believed.
  const isLaidOut = [...files].some((file) => file.startsWith("/dev/vfio/"));
  const hasOwnFile = ownFile !== undefined && files.has(IOMMU) && (files.has(ownFile) || !isLaidOut);
  if (facts.iommuGroup !== undefined) {
    const inside = `/dev/vfio/${facts.iommuGroup}`;
    const onNode = facts.isNoIommu ? `/dev/vfio/noiommu-${facts.iommuGroup}` : inside;
    // A kernel may be built without groups: then there is only the function's own file.
    if (!hasOwnFile || files.has(onNode) || !isLaidOut) {
      nodes.push(nodeOf("/dev/vfio/vfio"), nodeOf(onNode, inside));
      info.mount = "/dev/vfio/vfio";
      info["dev-mount"] = inside;
    }
  }
  if (hasOwnFile) {
    nodes.push(nodeOf(IOMMU), nodeOf(ownFile));
    info["iommufd-mount"] = IOMMU;
    info["cdev-mount"] = ownFile;
  }
  return nodes.length === 0 ? undefined : { nodes, key: "vfio", info };
}

function provideUio(facts: FunctionFacts, driver: string | undefined): Provision | undefined {
  if (driver === undefined || !UIO_DRIVERS.includes(driver) || facts.uio === undefined) return undefined;
  const path = `/dev/${facts.uio}`;
  return { nodes: [nodeOf(path)], key: "uio", info: { mount: path } };
}

function provideVhostNet(files: ReadonlySet<string>): Provision | undefined {
  const info = {
    ...(files.has(VHOST_NET) && { "net-mount": VHOST_NET }),
    ...(files.has(TUN) && { "tun-mount": TUN }),
  };
  const paths = Object.values(info);
  return paths.length === 0 ? undefined : { nodes: paths.map((path) => nodeOf(path)), key: "vhost", info };
}

/** The files of every RDMA device of the function, and the connection manager's, which all share. */
function provideRdma(devices: readonly RdmaDevice[], files: ReadonlySet<string>): Provision | undefined {
  if (devices.length === 0) return undefined;
  const info: Record<string, string> = {};
  const nodes: DeviceNode[] = [];
  for (const family of ["uverbs", "umad", "issm"] as const) {
    const paths = devices.flatMap((device) => {
      const name = device[family];
      return name === undefined ? [] : [`/dev/infiniband/${name}`];
    });
    if (paths.length > 0) info[family] = paths.join(",");
    nodes.push(...paths.map((path) => nodeOf(path)));
  }
  if (files.has(RDMA_CM)) {
    info.rdma_cm = RDMA_CM;
    nodes.push(nodeOf(RDMA_CM));
  }
  info.rdma_dev = devices.map(({ name }) => name).join(",");
  return { nodes, key: "rdma", info };
}

function provideVdpa({ vdpa }: FunctionFacts): Provision | undefined {
  if (vdpa?.node === undefined) return undefined;
  const path = `/dev/${vdpa.node}`;
  return { nodes: [nodeOf(path)], key: "vdpa", info: { mount: path } };
}

/** What CNI plugins read of the device (device-info specification, SPEC.md). */
function deviceInfoOf(
  { facts, pfAddress, representor }: NodeFunction,
  selector: Pick<FunctionSelector, "isRdma" | "needVhostNet" | "vdpaType">,
  files: ReadonlySet<string>,
): Record<string, unknown> {
  const ofCard = {
    ...(facts.pf !== undefined && { "pf-pci-address": pfAddress }),
    ...(representor !== undefined && { "representor-device": representor.name }),
  };
  if (selector.vdpaType !== undefined && facts.vdpa !== undefined) {
    const { name, type, node, virtioDevice } = facts.vdpa;
    const vdpa = {
      "parent-device": name,
      driver: type,
      ...(node !== undefined && { path: `/dev/${node}` }),
      ...(virtioDevice !== undefined && { path: `/sys/bus/virtio/devices/${virtioDevice}` }),
      "pci-address": facts.pciAddress,
      ...ofCard,
    };
    return { type: "vdpa", version: DEVICE_INFO_VERSION, vdpa };
  }
  const [rdma] = selector.isRdma ? facts.rdma : [];
  const pci = {
    "pci-address": facts.pciAddress,
    ...(selector.needVhostNet && files.has(VHOST_NET) && { "vhost-net": VHOST_NET }),
    ...(rdma !== undefined && { "rdma-device": rdma.name }),
    ...ofCard,
  };
  return { type: "pci", version: DEVICE_INFO_VERSION, pci };
}

function nodeOf(hostPath: string, containerPath = hostPath): DeviceNode {
  return { hostPath, containerPath, permissions: "rw" };
}
