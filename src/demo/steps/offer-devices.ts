import type { DevicesReport, StatusReport } from "../../control/report.ts";
import type { Pool } from "../../model/device.ts";
import { formatRate } from "../../model/quantity.ts";
import type { Scene } from "../scene.ts";
import { until } from "../until.ts";

/** Step 1: the agent finds the node's links and offers them, and the kubelet knows of it. */
export async function showOffer({ agent, tell, signal }: Scene): Promise<void> {
  tell.heading("1. The agent finds the node's links and offers them");
  let seen: { status: StatusReport; devices: DevicesReport } | undefined;
  const { status, devices } = await until(
    "the agent offers its pools and has registered them",
    async () => {
      seen = { status: await agent.status(), devices: await agent.devices() };
      const { resources } = seen.status;
      const isOffered =
        seen.status.isReady &&
        resources.length > 0 &&
        resources.length === seen.devices.pools.length &&
        resources.every(({ isRegistered }) => isRegistered);
      return isOffered ? seen : undefined;
    },
    { signal, lastSeen: () => JSON.stringify(seen?.status.resources) },
  );
  tell.rows(devices.pools.map((pool) => [pool.resource, ...describePool(pool)]));
  tell.say(
    `Registered with the embedded kubelet at ${status.kubeletDirectory}/kubelet.sock, over gRPC; it has called`,
    "each plugin back on its own socket and has its options and its list of devices:",
  );
  tell.rows(status.resources.map(({ resource, socket }) => [resource, socket]));
  for (const note of status.notes) tell.say(`Note: ${note}`);
  for (const lack of status.kernelLacks) tell.say(`Note: ${lack}`);
}

function describePool({ kind, devices }: Pool): [string, string] {
  const healthy = devices.filter(({ health }) => health.isHealthy).length;
  const health = healthy === devices.length ? "all healthy" : `${healthy} of ${devices.length} healthy`;
  if (kind === "hostDevice") {
    return ["a pool of host devices:", `${devices.map(({ id }) => id).join(", ")} (${health})`];
  }
  const [share] = devices;
  const size = share?.kind === "bandwidthShare" ? ` of ${formatRate(share.rate)} of ${share.link}` : "";
  return ["a pool of bandwidth shares:", `${devices.length}${size} (${health})`];
}
