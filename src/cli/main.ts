// The lanyard command. What follows the compile cache is imported after it is on, so that it is cached too.
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import type { CommandTable } from "./command.ts";

// Not in the shared /tmp, where others could lay down code for root to load.
enableCompileCache(fileURLToPath(new URL("../../node_modules/.cache/compile", import.meta.url)));

const commands: CommandTable = {
  agent: {
    summary: "run the agent of this node",
    load: () => import("./commands/agent.ts"),
  },
  cni: {
    summary: "take the CNI plugin and its network off this node",
    load: () => import("./commands/cni.ts"),
  },
  demo: {
    summary: "show the whole road on this machine: agent, kubelet, pods, real traffic",
    load: () => import("./commands/demo.ts"),
  },
  devices: {
    summary: "show what the agent offers to the kubelet",
    load: () => import("./commands/devices.ts"),
  },
  status: {
    summary: "show pods, their interfaces and how they are shaped",
    load: () => import("./commands/status.ts"),
  },
  version: {
    summary: "show which Lanyard this is, and what it runs on",
    load: () => import("./commands/version.ts"),
  },
};

// Whoever reads us through a pipe may stop reading: "lanyard devices | head -1".
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const { dispatch } = await import("./dispatch.ts");
process.exitCode = await dispatch(process.argv.slice(2), commands, process);
