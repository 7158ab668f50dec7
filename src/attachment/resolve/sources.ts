import type { AttachmentOwner, NetworkReference } from "../../model/attachment.ts";
import type { DeviceInfoFolders } from "../../model/device-info.ts";
import { errorText, LanyardError, NotFoundError } from "../../model/errors.ts";
import type { PodIdentity } from "../../model/pod.ts";
import type {
  DeviceAssignments,
  DeviceDirectory,
  NetworkCatalog,
  NodeLinks,
  NodeNetworks,
  SysctlRules,
} from "../../model/ports.ts";
import type { LinkRequest, UsedDevice } from "../request.ts";

/** What names mean, handed in by the composition root. */
export interface ResolverSources {
  readonly catalog: NetworkCatalog;
  readonly networks: NodeNetworks;
  readonly assignments: DeviceAssignments;
  readonly devices: DeviceDirectory;
  readonly links: NodeLinks;
  /** All are allowed when absent. */
  readonly sysctls?: SysctlRules;
  /** Whether pods may name NetworkAttachmentDefinitions of their own and of these namespaces only. */
  readonly isolation?: { readonly enabled: boolean; readonly globalNamespaces: readonly string[] };
  /** Where device-info files are; where the field has them when absent. */
  readonly deviceInfo?: DeviceInfoFolders;
}

/** One reference on its way to a request. */
export interface Resolving {
  readonly sources: ResolverSources;
  readonly pod: PodIdentity;
  readonly owner?: AttachmentOwner;
  /** With what a PodNetworkAttachment says in place of what it leaves open. */
  readonly reference: NetworkReference;
  /** `pod default/alpha, interface net1`: begins every message. */
  readonly who: string;
  /** The device it was given. */
  readonly device?: UsedDevice;
  /** What the interface is already. */
  readonly held?: LinkRequest;
}

/** Throws NotFoundError where there is nothing. */
export function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new NotFoundError(message);
  return value;
}

/** An object of the catalog. Throws NotFoundError where there is none, and LanyardError for one that cannot be read. */
export function catalogued<T>(look: () => T | undefined, who: string, otherwise: string): T {
  let found: T | undefined;
  try {
    found = look();
  } catch (error) {
    if (!(error instanceof LanyardError)) throw error;
    throw new LanyardError(error.code, `${who}: ${errorText(error)}`, { cause: error });
  }
  return required(found, `${who}: ${otherwise}`);
}
