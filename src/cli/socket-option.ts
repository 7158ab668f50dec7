/** The option of every command that asks a running agent. */
export const socketOption = {
  type: "string",
  default: "/run/lanyard/agent.sock",
  argument: "PATH",
  summary: "the agent's socket",
} as const;
