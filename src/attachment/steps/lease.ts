import type { PluginCall, PluginProgram } from "../../model/ports.ts";
import { checkCall, endCall } from "./run-program.ts";
import type { ActionHandler } from "./step.ts";

/**
 * Another program gives out addresses for the pod's link, and what it gave is the outcome. Nothing is set on the link: the
 * engine puts this step behind those that make it, and plans the others when it knows what was given.
 */
export interface LeaseStep {
  readonly kind: "lease";
  /** The pod's link. */
  readonly link: string;
  readonly program: PluginProgram;
  /** CNI_CONTAINERID. */
  readonly containerId: string;
  /** CNI_ARGS. */
  readonly args: string;
}

export const lease: ActionHandler<LeaseStep, null> = {
  kind: "lease",
  outlivesReboot: true,

  async apply({ programs, namespacePath, outcome }, step) {
    outcome.replace(await programs.add({ ...callOf(step), namespacePath }));
  },

  undo: (context, step) => endCall(context, callOf(step)),

  check: (context, step) => checkCall(context, callOf(step)),
};

function callOf({ program, containerId, link, args }: LeaseStep): PluginCall {
  return { program, containerId, interfaceName: link, args };
}
