import { readFile } from "node:fs/promises";
import type { AgentConfig } from "../model/agent-config.ts";
import { PLUGIN_PREFIX } from "../model/device-plugin-config.ts";
import { errorText, InvalidValueError, LanyardError } from "../model/errors.ts";
import { isExtendedResourceName } from "../model/names.ts";
import type { PoolConfig } from "../model/pool-config.ts";
import { readAgentConfig, readDevicePluginConfig } from "./config-file.ts";

/** Where the agent's configuration is. */
export interface ConfigurationPaths {
  /** The agent's own file; undefined for the default path, which may be missing. */
  readonly config?: string;
  /** The default path where it is another one than the agent's, as below a laid-out tree. */
  readonly defaultConfig?: string;
  /** A configuration of the SR-IOV network device plugin, whose pools are offered besides. */
  readonly devicePluginConfig?: string;
  /** For resources of that file which name no prefix, in place of the device plugin's own. */
  readonly resourcePrefix?: string;
}

/** What all of the files say together. */
export interface Configuration {
  readonly agent: AgentConfig;
  /** Path of the agent's own file, and whether it was there. */
  readonly path: string;
  readonly isThere: boolean;
  /** Of all files; each resource once. */
  readonly pools: readonly PoolConfig[];
  /** What was left out and why, one sentence each. */
  readonly problems: readonly string[];
}

/** Reads the configuration. Throws LanyardError for a file, or a prefix, that cannot be used at all. */
export async function readConfiguration(paths: ConfigurationPaths): Promise<Configuration> {
  const { config: agent, path, isThere } = await readAgentConfig(paths.config, paths.defaultConfig);
  const own = agent.problems.map(({ message }) => message);
  if (paths.devicePluginConfig === undefined) {
    return { agent, path, isThere, pools: agent.pools, problems: own };
  }
  const { resourcePrefix } = paths;
  if (resourcePrefix !== undefined && !isExtendedResourceName(`${resourcePrefix}/x`)) {
    throw new InvalidValueError("--resource-prefix", resourcePrefix, PLUGIN_PREFIX);
  }
  const text = await readOther(paths.devicePluginConfig);
  const other = readDevicePluginConfig(paths.devicePluginConfig, text, {
    prefix: resourcePrefix ?? agent.devicePluginPrefix,
    health: agent.health,
  });
  const resources = new Set(agent.pools.map(resourceOf));
  const twice = other.pools.filter((pool) => resources.has(resourceOf(pool)));
  return {
    agent,
    path,
    isThere,
    pools: [...agent.pools, ...other.pools.filter((pool) => !twice.includes(pool))],
    problems: [
      ...own,
      ...other.problems.map(({ message }) => message),
      ...twice.map((pool) => {
        const place = paths.devicePluginConfig;
        return `${place}: ${resourceOf(pool)} is left out, because ${path} has a pool of that name`;
      }),
    ],
  };
}

async function readOther(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const text = `the device plugin's configuration ${path} cannot be read: ${errorText(error)}`;
    throw new LanyardError("not-found", text, { cause: error });
  }
}

function resourceOf({ prefix, name }: PoolConfig): string {
  return `${prefix}/${name}`;
}
