/** A character-device family of one RDMA device; names of files below /dev/infiniband. */
export interface RdmaDevice {
  /** `mlx5_2`. */
  readonly name: string;
  /** `uverbs2`. */
  readonly uverbs?: string;
  /** `umad2`. */
  readonly umad?: string;
  /** `issm2`. */
  readonly issm?: string;
  /** The key at index 0 of each port, such as `0xffff`. */
  readonly pKeys: readonly string[];
}

/** A vDPA device and who serves it. */
export interface VdpaDevice {
  /** `vdpa0`. */
  readonly name: string;
  /** `vhost` gives a character device for user space, `virtio` a link of the node. */
  readonly type: "vhost" | "virtio";
  /** Name of the character device below /dev, `vhost-vdpa-0`. */
  readonly node?: string;
  /** Name of the device on the virtio bus, `virtio5`. */
  readonly virtioDevice?: string;
}

/** How often a function reported errors over PCI Express (Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats). */
export interface PciErrorCounts {
  readonly fatal: number;
  readonly nonFatal: number;
  readonly correctable: number;
}

/**
 * What sysfs tells of one PCI function, or of one auxiliary device (a sub-function) of one. What is not told is left
 * out. Sources: Documentation/ABI/testing/sysfs-bus-pci, -class-net, -class-infiniband, -vfio-dev; drivers/base/auxiliary.c.
 */
export interface FunctionFacts {
  readonly bus: "pci" | "auxiliary";
  /** Its name on its bus: `0000:86:00.1`, or `mlx5_core.sf.2`. */
  readonly name: string;
  /** Its own PCI address, or that of the function the auxiliary device belongs to. */
  readonly pciAddress: string;
  /** Four hexadecimal digits each, in lower case, of the PCI function. */
  readonly vendor: string;
  readonly device: string;
  /** Six hexadecimal digits: class, subclass, interface; `020000` is an Ethernet card, `120000` an accelerator. */
  readonly class: string;
  /** Undefined while none is bound. */
  readonly driver?: string;
  readonly numaNode?: number;
  /** The PCI hierarchy it hangs on, `pci0000:80`. */
  readonly pcieRoot?: string;
  /** PCI address of the PF of a VF or sub-function. */
  readonly pf?: string;
  /** Number of the VF on its PF, from 0. */
  readonly vfIndex?: number;
  /** Number of the sub-function. */
  readonly sfNumber?: number;
  /** The most VFs it can have, and how many it has; undefined for a function that can have none. */
  readonly mostVfs?: number;
  readonly vfCount?: number;
  readonly iommuGroup?: number;
  /** The group protects nothing: vfio runs without an IOMMU. */
  readonly isNoIommu: boolean;
  /** Name of its file below /dev/vfio/devices, `vfio3`, on a kernel that has them. */
  readonly vfioDevice?: string;
  /** Name of its file below /dev, `uio0`. */
  readonly uio?: string;
  readonly acpiIndex?: number;
  /** Names of its links in the network namespace that sysfs shows, sorted. */
  readonly links: readonly string[];
  readonly rdma: readonly RdmaDevice[];
  readonly vdpa?: VdpaDevice;
  readonly pciErrors?: PciErrorCounts;
}
