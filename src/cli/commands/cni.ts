import { readAgentConfig } from "../../agent/config-file.ts";
import { uninstall } from "../../cni/uninstall.ts";
import { ControlClient } from "../../control/client.ts";
import { LanyardError } from "../../model/errors.ts";
import { isListening } from "../../rpc/socket-file.ts";
import { defineCommand, EXIT, UsageError } from "../command.ts";
import { configOption } from "../config-option.ts";
import { socketOption } from "../socket-option.ts";

export default defineCommand({
  description:
    "Removes the network file and the program that the agent installed for the container runtime. Pods that run keep\n" +
    "their interfaces. Stop the agent first, or set cni.enabled: false and start it anew.",
  options: { config: configOption, socket: socketOption },
  positionals: { usage: "uninstall", min: 1, max: 1 },
  async run({ values, positionals: [what], stdout }) {
    if (what !== "uninstall") throw new UsageError(`cni: no "${what}" here; expected uninstall`);
    const { config } = await readAgentConfig(values.config);
    await refuseWhileServed(values.socket);
    for (const sentence of await uninstall(config.cni)) stdout.write(`${sentence}\n`);
    return EXIT.done;
  },
});

/** An agent would put back what is taken away. */
async function refuseWhileServed(socket: string): Promise<void> {
  if (!(await isListening(socket))) return;
  const { cni, processId } = await new ControlClient(socket).status();
  if (cni === undefined) return;
  const text = `the agent at ${socket} (process ${processId}) serves the container runtime; stop it first, or set cni.enabled: false and start it anew`;
  throw new LanyardError("conflict", text);
}
