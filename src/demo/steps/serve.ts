import { once } from "node:events";
import type { Scene } from "../scene.ts";
import { podsFile } from "../scene.ts";

/** Step 6: goes on until somebody wants the end; says what to try meanwhile. Throws when the agent ends by itself. */
export async function serve(
  scene: Scene,
  { metricsUrl, stop }: { metricsUrl: string | undefined; stop: AbortSignal },
): Promise<void> {
  const { tell, places, signal } = scene;
  tell.heading("6. Serving until Ctrl-C. What to try next, in another terminal:");
  tell.rows([
    [`npm run lanyard -- status --socket ${places.agentSocket}`, "pods, interfaces, how they are shaped"],
    [`npm run lanyard -- devices --socket ${places.agentSocket}`, "what is offered to the kubelet"],
    [
      metricsUrl === undefined
        ? `curl --unix-socket ${places.metricsSocket} http://agent/metrics`
        : `curl ${metricsUrl}/metrics`,
      "counters and rates, with the pods' labels",
    ],
    [`edit ${podsFile(scene)}`, "other classes, one network more, one less: the pods follow"],
    [`tail -f ${places.agentLog}`, "what the agent says"],
  ]);
  if (!signal.aborted) await once(signal, "abort");
  if (!stop.aborted) signal.throwIfAborted();
}
