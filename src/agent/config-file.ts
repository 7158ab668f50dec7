import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { type AgentConfig, parseAgentConfig } from "../model/agent-config.ts";
import { errorText, LanyardError } from "../model/errors.ts";

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
 * somebody named may not. Throws LanyardError that names the file and every field at fault. `defaultPath` is for tests.
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
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) {
    // The lines behind the first draw the place, for a terminal.
    const [firstLine = ""] = fault.message.split("\n");
    throw new LanyardError("invalid", `${file}: not YAML: ${firstLine.replace(/:$/, "")}`, { cause: fault });
  }
  return { config: parseAgentConfig(document.toJS(), file), path: file, isThere: true };
}
