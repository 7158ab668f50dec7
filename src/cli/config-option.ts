import { DEFAULT_CONFIG_PATH } from "../agent/config-file.ts";

/** The option of every command that reads the agent's configuration. */
export const configOption = {
  type: "string",
  argument: "FILE",
  summary: `configuration (default: ${DEFAULT_CONFIG_PATH} if it is there)`,
} as const;
