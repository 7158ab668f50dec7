import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { type AgentConfig, parseAgentConfig } from "../model/agent-config.ts";
import { parseDevicePluginConfig } from "../model/device-plugin-config.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { FunctionPoolConfig } from "../model/pool-config.ts";
import type { ParsedPools, PoolDefaults } from "../model/pool-schema.ts";

/** Where the agent looks when it is told nothing. */
export const DEFAULT_CONFIG_PATH = "/etc/lanyard/config.yaml";

/** What the agent was told. */
export interface ConfigFile {
  readonly config: AgentConfig;
  /** Where it was looked for. */
  readonly path: string;
  /** Whether a file was there; without one `config` holds the defaults. */
  readonly isThere: boolean;
}

/**
 * Reads the agent's configuration. The default path may be missing, and then means the defaults; a path that
 * somebody named may not. Pools with mistakes are left out and told. Throws LanyardError that names the file and every
 * field at fault outside of pools. `defaultPath` is for tests.
 */
export async function readAgentConfig(
  path: string | undefined,
  defaultPath = DEFAULT_CONFIG_PATH,
): Promise<ConfigFile> {
  const file = path ?? defaultPath;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isAbsent && path === undefined) {
      return { config: parseAgentConfig(undefined, file), path: file, isThere: false };
    }
    throw new LanyardError("not-found", `the configuration ${file} cannot be read: ${errorText(error)}`, {
      cause: error,
    });
  }
  return { config: parseAgentConfig(readYaml(text, file), file), path: file, isThere: true };
}

/**
 * Reads the text of a configuration of the SR-IOV network device plugin, `config.json`; `path` begins every message.
 * YAML is taken too. Throws LanyardError for a text that cannot be read as a whole.
 */
export function readDevicePluginConfig(
  path: string,
  text: string,
  defaults: PoolDefaults,
): ParsedPools<FunctionPoolConfig> {
  return parseDevicePluginConfig(readJsonOrYaml(text, path), path, defaults);
}

/** JSON first, because its readers take a key twice and YAML's do not. What begins as JSON is most likely meant as JSON. */
function readJsonOrYaml(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    try {
      return readYaml(text, path, "neither JSON nor YAML");
    } catch (other) {
      if (!/^\s*[[{]/.test(text)) throw other;
      throw new LanyardError("invalid", `${path}: not JSON: ${errorText(error)}`, { cause: error });
    }
  }
}

function readYaml(text: string, path: string, complaint = "not YAML"): unknown {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault === undefined) return document.toJS();
  // The lines behind the first draw the place, for a terminal.
  const [firstLine = ""] = fault.message.split("\n");
  throw new LanyardError("invalid", `${path}: ${complaint}: ${firstLine.replace(/:$/, "")}`, {
    cause: fault,
  });
}
