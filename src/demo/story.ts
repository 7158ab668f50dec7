import { LanyardError } from "../model/errors.ts";
import type { Scene } from "./scene.ts";
import { compareCounters } from "./steps/compare-counters.ts";
import { measureClasses } from "./steps/measure-classes.ts";
import { showOffer } from "./steps/offer-devices.ts";
import { plugAndUnplug } from "./steps/plug-and-unplug.ts";
import { serve } from "./steps/serve.ts";
import { showPods } from "./steps/start-pods.ts";
import { FAR_ADDRESSES, GATEWAYS, NICS, UPLINKS } from "./world.ts";

export interface StoryOptions {
  readonly isServing: boolean;
  readonly metricsUrl: string | undefined;
  /** Aborts when the user wants the end. */
  readonly stop: AbortSignal;
}

/**
 * Tells and does every step.
 * @returns whether every figure holds
 * @throws whatever went wrong
 */
export async function tellStory(scene: Scene, options: StoryOptions): Promise<boolean> {
  introduce(scene);
  await showOffer(scene);
  await showPods(scene);
  const measured = await measureClasses(scene);
  await plugAndUnplug(scene);
  await compareCounters(scene, measured);
  const holds = conclude(scene);
  if (options.isServing) await serve(scene, options);
  return holds;
}

function introduce({ tell }: Scene): void {
  tell.heading("Lanyard: a node, its pods and their network, on this machine's kernel");
  tell.rows([
    ["Real:", "the agent and its sockets, the device-plugin protocol, the kernel's links and queues, TCP"],
    [
      "Stands in:",
      "pairs of virtual links for cables, a bridge for the switch, the embedded kubelet for the kubelet,",
    ],
    ["", "a small process that holds a network namespace for a pod's containers"],
  ]);
  tell.say("All of it lives in namespaces of its own; this machine's network is not touched.");
  tell.say(
    `The fabric: a bridge with ${GATEWAYS.join(", ")}; behind it ${Object.values(FAR_ADDRESSES).join(" and ")}.`,
    `The node: ${UPLINKS.join(" and ")}, which are up, and ${NICS.join(", ")}, which are spare.`,
  );
}

function conclude({ tell, figures }: Scene): boolean {
  tell.heading("What was expected and what was measured");
  tell.figures(figures);
  if (figures.length === 0) throw new LanyardError("internal", "nothing was measured");
  const wrong = figures.filter(({ holds }) => !holds);
  tell.say("");
  if (wrong.length === 0) tell.say("Every figure is inside its tolerance: rates 3 %, counters 1 %.");
  else
    tell.say(
      `Outside their tolerance (rates 3 %, counters 1 %): ${wrong.map(({ what }) => what).join("; ")}.`,
    );
  return wrong.length === 0;
}
