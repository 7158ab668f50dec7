import { once } from "node:events";
import { pino } from "pino";
import { Agent } from "../../agent/agent.ts";
import { DEFAULT_CONFIG_PATH, readAgentConfig } from "../../agent/config-file.ts";
import { parseListenAddress } from "../../model/agent-config.ts";
import { defineCommand, EXIT, UsageError } from "../command.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export default defineCommand({
  description:
    "Runs the agent until SIGTERM or SIGINT. With --standalone it needs no cluster: pods and networks are read\n" +
    "from a folder of manifests, and an embedded kubelet plays the kubelet's part.",
  options: {
    config: {
      type: "string",
      argument: "FILE",
      summary: `configuration (default: ${DEFAULT_CONFIG_PATH} if it is there)`,
    },
    standalone: {
      type: "string",
      argument: "DIR",
      summary: "run without a cluster, on the manifests in DIR",
    },
    "kubelet-dir": {
      type: "string",
      argument: "DIR",
      summary:
        "folder of kubelet.sock (default: /var/lib/kubelet/device-plugins; standalone: device-plugins in the state folder)",
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
    const { config, path, isThere } = await readAgentConfig(values.config);
    if (!isThere) log.warn(`${path} is not there: no pool is configured, and nothing is offered`);
    const address = values["metrics-address"];
    const stateDirectory = values["state-dir"];
    const standalone = values.standalone;
    const agent = new Agent({
      config:
        address === undefined
          ? config
          : { ...config, metrics: { address: parseListenAddress(address, "--metrics-address") } },
      ...(standalone === undefined ? {} : { standalone }),
      stateDirectory,
      runDirectory: values["run-dir"],
      kubeletDirectory:
        values["kubelet-dir"] ??
        (standalone === undefined ? "/var/lib/kubelet/device-plugins" : `${stateDirectory}/device-plugins`),
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
