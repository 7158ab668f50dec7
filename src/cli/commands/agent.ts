import { once } from "node:events";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { Agent } from "../../agent/agent.ts";
import { type ConfigurationPaths, readConfiguration } from "../../agent/configuration.ts";
import type { Folders } from "../../agent/folders.ts";
import { parseListenAddress } from "../../model/agent-config.ts";
import { DEVICE_INFO_FOLDERS } from "../../model/device-info.ts";
import { defineCommand, EXIT, UsageError } from "../command.ts";
import { configOption } from "../config-option.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export default defineCommand({
  description:
    "Runs the agent until SIGTERM or SIGINT. With --standalone it needs no cluster: pods and networks are read\n" +
    "from a folder of manifests, and an embedded kubelet plays the kubelet's part.",
  options: {
    config: configOption,
    "device-plugin-config": {
      type: "string",
      argument: "FILE",
      summary: "offer what this configuration of the SR-IOV network device plugin says, too",
    },
    "resource-prefix": {
      type: "string",
      argument: "PREFIX",
      summary: "with --device-plugin-config: for resources that name none (default: intel.com)",
    },
    standalone: {
      type: "string",
      argument: "DIR",
      summary: "run without a cluster, on the manifests in DIR",
    },
    "take-over": {
      type: "boolean",
      summary: "ask an agent that runs to leave the node to this one; without it, this one ends then",
    },
    manifests: {
      type: "string",
      argument: "DIR",
      summary: "without --standalone: read policies, networks and classes from the manifests in DIR",
    },
    "kubelet-dir": {
      type: "string",
      argument: "DIR",
      summary:
        "folder of kubelet.sock (default: /var/lib/kubelet/device-plugins; standalone: device-plugins in the state folder)",
    },
    "pod-resources-socket": {
      type: "string",
      argument: "PATH",
      summary: "who has which device (default: pod-resources/kubelet.sock beside the kubelet's folder)",
    },
    "state-dir": {
      type: "string",
      argument: "DIR",
      default: "/var/lib/lanyard",
      summary: "what survives a restart",
    },
    "run-dir": {
      type: "string",
      argument: "DIR",
      default: "/run/lanyard",
      summary: "the agent's own socket",
    },
    "metrics-address": {
      type: "string",
      argument: "ADDRESS",
      summary: "instead of metrics.address of the configuration",
    },
    "log-level": { type: "string", argument: "LEVEL", default: "info", summary: LOG_LEVELS.join(", ") },
  },
  async run({ values }) {
    const level = values["log-level"];
    if (!LOG_LEVELS.includes(level)) {
      throw new UsageError(`--log-level "${level}": expected one of ${LOG_LEVELS.join(", ")}`);
    }
    const log = pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ fd: 2, sync: true }),
    );
    const paths = pathsOf(values);
    const configuration = await readConfiguration(paths);
    const { isThere, path, problems } = configuration;
    if (!isThere && values["device-plugin-config"] === undefined && values.manifests === undefined) {
      log.warn(`${path} is not there: no pool is configured, and nothing is offered`);
    }
    for (const problem of problems) log.warn(problem);
    const address = values["metrics-address"];
    const { standalone, manifests } = values;
    if (standalone !== undefined && manifests !== undefined) {
      throw new UsageError(
        "agent: --manifests goes without --standalone, whose folder holds the same and pods",
      );
    }
    const agent = new Agent({
      configuration,
      paths,
      ...(address !== undefined && { metricsAddress: parseListenAddress(address, "--metrics-address") }),
      takesOver: values["take-over"] ?? false,
      ...(standalone !== undefined && { standalone }),
      ...(manifests !== undefined && { manifests }),
      folders: foldersOf(values, configuration.agent.deviceInfo.directory),
      log,
    });
    const told = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
    await agent.start();
    log.info("the agent is ready");
    await told;
    log.info("the agent stops; pods keep their interfaces");
    await agent.stop();
    return EXIT.done;
  },
});

interface FileOptions {
  readonly config?: string | undefined;
  readonly "device-plugin-config"?: string | undefined;
  readonly "resource-prefix"?: string | undefined;
}

function pathsOf(values: FileOptions): ConfigurationPaths {
  const { config, "device-plugin-config": devicePluginConfig, "resource-prefix": resourcePrefix } = values;
  if (resourcePrefix !== undefined && devicePluginConfig === undefined) {
    throw new UsageError("agent: --resource-prefix goes with --device-plugin-config FILE");
  }
  return {
    ...(config !== undefined && { config }),
    ...(devicePluginConfig !== undefined && { devicePluginConfig }),
    ...(resourcePrefix !== undefined && { resourcePrefix }),
  };
}

interface FolderOptions {
  readonly "state-dir": string;
  readonly "run-dir": string;
  readonly "kubelet-dir"?: string | undefined;
  readonly "pod-resources-socket"?: string | undefined;
  readonly standalone?: string | undefined;
}

/** Without a cluster nobody else reads the kubelet's folders or device-info files: they are kept with the state. */
function foldersOf(values: FolderOptions, deviceInfo: string | undefined): Folders {
  const state = values["state-dir"];
  const isAlone = values.standalone !== undefined;
  const kubelet =
    values["kubelet-dir"] ?? (isAlone ? join(state, "device-plugins") : "/var/lib/kubelet/device-plugins");
  return {
    state,
    run: values["run-dir"],
    kubelet,
    podResourcesSocket:
      values["pod-resources-socket"] ?? join(dirname(kubelet), "pod-resources", "kubelet.sock"),
    deviceInfo: deviceInfo ?? (isAlone ? join(state, "device-info") : DEVICE_INFO_FOLDERS.devices),
    attachmentInfo: isAlone ? join(state, "attachment-info") : DEVICE_INFO_FOLDERS.attachments,
  };
}
