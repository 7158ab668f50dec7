import {
  type Device,
  type DeviceAccess,
  type FunctionDevice,
  isFunctionDevice,
  type Pool,
} from "../model/device.ts";
import { compareIds } from "./device-list.ts";
import { splitResource } from "./names.ts";

/** What every spec file of this program is called at its beginning. */
export const cdiFilePrefix = "lanyard-";

/** The first version with `hostPath` of a device node and with names that begin with a digit. */
const cdiVersion = "0.5.0";

const classOfKind: Readonly<Record<FunctionDevice["kind"], string>> = {
  netDevice: "net-pci",
  auxNetDevice: "net-sf",
  accelerator: "net-accel",
};

/** A spec file of the Container Device Interface: the file's name and its content. */
export interface CdiFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A pool as a CDI spec, one file for each pool. A device that needs no file of the node is left out, because the
 * specification allows no device without edits, and a runtime refuses the whole file for one.
 * @returns undefined for a pool of which no device needs any
 */
export function cdiFileOf(pool: Pool): CdiFile | undefined {
  const kind = cdiKind(pool);
  if (kind === undefined) return undefined;
  const devices = pool.devices.filter(hasEdits).toSorted((a, b) => compareIds(a.id, b.id));
  if (devices.length === 0) return undefined;
  const [prefix, name] = splitResource(pool.resource);
  const spec = {
    cdiVersion,
    kind,
    devices: devices.map(({ id, access }) => ({ name: id, containerEdits: editsOf(access) })),
  };
  const className = kind.slice(prefix.length + 1);
  return {
    name: `${cdiFilePrefix}${prefix}-${className}-${name}.json`,
    text: `${JSON.stringify(spec, undefined, 2)}\n`,
  };
}

/**
 * Full names of devices in the pool's spec, `intel.com/net-pci=0000:86:00.1`, without those that are not in it.
 * @returns undefined for a pool that is not told by CDI: links, shares of one, and a prefix that CDI does not take
 */
export function cdiNames(pool: Pool, ids: readonly string[]): string[] | undefined {
  const kind = cdiKind(pool);
  if (kind === undefined) return undefined;
  const known = new Set(pool.devices.filter(hasEdits).map((device) => device.id));
  return ids
    .filter((id) => known.has(id))
    .sort(compareIds)
    .map((id) => `${kind}=${id}`);
}

function cdiKind({ resource, kind }: Pool): string | undefined {
  if (kind === "hostDevice" || kind === "bandwidthShare") return undefined;
  const [prefix] = splitResource(resource);
  // A vendor begins with a letter (CDI specification, "Kind"): a runtime refuses the whole file otherwise.
  return /^[A-Za-z]/.test(prefix) ? `${prefix}/${classOfKind[kind]}` : undefined;
}

function hasEdits(device: Device): boolean {
  return isFunctionDevice(device) && device.access.nodes.length + device.access.mounts.length > 0;
}

function editsOf({ nodes, mounts }: DeviceAccess): object {
  return {
    ...(nodes.length > 0 && {
      deviceNodes: nodes.map(({ hostPath, containerPath, permissions }) => ({
        path: containerPath,
        hostPath,
        permissions,
      })),
    }),
    ...(mounts.length > 0 && {
      mounts: mounts.map(({ hostPath, containerPath, isReadOnly }) => ({
        hostPath,
        containerPath,
        options: ["rbind", isReadOnly ? "ro" : "rw"],
      })),
    }),
  };
}
