import { join } from "node:path";
import { countIn, linkTarget, listFolder, readText } from "./files.ts";

/** How a function is reached by vfio. */
export interface VfioFacts {
  readonly iommuGroup: number | undefined;
  /** The group protects nothing: vfio runs without an IOMMU. */
  readonly isNoIommu: boolean;
  /** `vfio3`, its file below /dev/vfio/devices. */
  readonly vfioDevice: string | undefined;
}

/** What vfio calls a group that it made up because there is no IOMMU (vfio_noiommu_group_alloc, drivers/vfio/group.c). */
const NO_IOMMU_GROUP = "vfio-noiommu";

/** Reads it from a function's folder, whose entries are known. */
export async function readVfio(folder: string, entries: readonly string[]): Promise<VfioFacts> {
  const [group, groupName, devices] = await Promise.all([
    entries.includes("iommu_group") ? linkTarget(join(folder, "iommu_group")) : undefined,
    entries.includes("iommu_group") ? readText(join(folder, "iommu_group/name")) : undefined,
    entries.includes("vfio-dev") ? listFolder(join(folder, "vfio-dev")) : [],
  ]);
  return {
    iommuGroup: countIn(group ?? ""),
    isNoIommu: groupName === NO_IOMMU_GROUP,
    vfioDevice: devices.find((name) => /^vfio\d+$/.test(name)),
  };
}
