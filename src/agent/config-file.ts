import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { type AgentConfig, parseAgentConfig } from "../model/agent-config.ts";
import { errorText, LanyardError } from "../model/errors.ts";

/** Where the agent looks when it is told nothing. */
export const DEFAULT_CONFIG_PATH = "/etc/lanyard/config.yaml";

/**
 * Reads the agent's configuration. The default path may be missing, and then means the defaults; a path that
 * somebody named may not. Throws LanyardError that names the file and every field at fault.
 */
export async function readAgentConfig(path: string | undefined): Promise<AgentConfig> {
  const file = path ?? DEFAULT_CONFIG_PATH;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isAbsent && path === undefined) return parseAgentConfig(undefined, file);
    throw new LanyardError("not-found", `the configuration ${file} cannot be read: ${errorText(error)}`, {
      cause: error,
    });
  }
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined)
    throw new LanyardError("invalid", `${file}: not YAML: ${fault.message}`, { cause: fault });
  return parseAgentConfig(document.toJS(), file);
}
