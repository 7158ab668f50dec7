import { fileURLToPath } from "node:url";
import type { ResolverSources } from "../attachment/resolve/sources.ts";
import { NodeNetworkFolders } from "../clients/node-networks.ts";
import { PluginPrograms } from "../clients/plugin-programs.ts";
import { TuningAllowlist } from "../clients/tuning-allowlist.ts";
import { OWN_FILE } from "../cni/conflist.ts";
import { NodeLinkFinder } from "../inventory/node-links.ts";
import type { CniConfig } from "../model/agent-config.ts";
import { LanyardError } from "../model/errors.ts";
import type { DeviceAssignments, NetworkCatalog, PluginRunner } from "../model/ports.ts";
import type { DeviceParts } from "./devices.ts";
import type { Folders } from "./folders.ts";

/** Starts the programs of plugins (native/run-plugin.c). */
const STARTER = fileURLToPath(new URL("../../native/build/run-plugin", import.meta.url));

/** Where nobody keeps objects, no name means anything. */
const NO_OBJECTS: NetworkCatalog = {
  podNetwork: () => undefined,
  linkProfile: () => undefined,
  qosClass: () => undefined,
  podNetworkAttachment: () => undefined,
  networkAttachmentDefinition: () => undefined,
  onChange: () => () => {},
};

export interface SourceOptions {
  readonly cni: CniConfig;
  readonly folders: Folders;
  readonly catalog: NetworkCatalog | undefined;
  readonly assignments: DeviceAssignments;
  /** The inventory wants to know which links the engine holds, and comes after it. */
  readonly devices: () => DeviceParts | undefined;
}

/** What names in references mean, wherever that is known. */
export function resolverSources({
  cni,
  folders,
  catalog,
  assignments,
  devices,
}: SourceOptions): ResolverSources {
  const started = () => {
    const parts = devices();
    if (parts === undefined) throw new LanyardError("unavailable", "the agent is starting; ask again");
    return parts;
  };
  return {
    catalog: catalog ?? NO_OBJECTS,
    networks: new NodeNetworkFolders({ directories: [cni.confDirectory], ignored: [OWN_FILE] }),
    assignments,
    devices: {
      findDevice: (resource, id) => started().inventory.findDevice(resource, id),
      findFunction: (pciAddress) => started().inventory.findFunction(pciAddress),
      functionOfLink: (link) => started().inventory.functionOfLink(link),
      bandwidthResource: (link) => started().inventory.bandwidthResource(link),
    },
    links: new NodeLinkFinder(
      {
        get reading() {
          return started().node.reading;
        },
      },
      "/",
    ),
    sysctls: new TuningAllowlist(),
    isolation: { enabled: cni.namespaceIsolation, globalNamespaces: cni.globalNamespaces },
    deviceInfo: { devices: folders.deviceInfo, attachments: folders.attachmentInfo },
  };
}

/** Runs the programs of plugins, as the configuration says where they are and how long they may take. */
export function pluginRunner({ binDirectory, pluginDirectories, programTimeoutMs }: CniConfig): PluginRunner {
  return new PluginPrograms({
    starter: STARTER,
    directories: [binDirectory, ...pluginDirectories],
    timeoutMs: programTimeoutMs,
  });
}
