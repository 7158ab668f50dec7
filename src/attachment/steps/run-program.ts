import { errorText } from "../../model/errors.ts";
import type { PluginCall, PluginProgram } from "../../model/ports.ts";
import type { ActionHandler, CheckContext, UndoContext } from "./step.ts";

/** Another program makes the pod's link, or changes it. */
export interface RunProgramStep {
  readonly kind: "runProgram";
  /** The pod's link. */
  readonly name: string;
  readonly program: PluginProgram;
  /** Whether it makes the link; otherwise it goes on from what is there. */
  readonly makesLink: boolean;
  /** CNI_CONTAINERID. */
  readonly containerId: string;
  /** CNI_ARGS. */
  readonly args: string;
}

export const runProgram: ActionHandler<RunProgramStep, null> = {
  kind: "runProgram",
  outlivesReboot: true,

  async apply({ programs, namespacePath, podLinks, outcome }, step) {
    const previous = step.makesLink ? {} : { previous: await outcome.soFar() };
    const result = await programs.add({ ...callOf(step), namespacePath, ...previous });
    // It may have made the link, or changed it.
    podLinks.forget(step.name);
    outcome.replace(result);
  },

  undo: (context, step) => endCall(context, callOf(step)),

  check: (context, step) => checkCall(context, callOf(step)),

  brings: (step) => (step.makesLink ? step.name : undefined),
};

function callOf({ program, containerId, name, args }: RunProgramStep): PluginCall {
  return { program, containerId, interfaceName: name, args };
}

/** Has a program take back what a call came to; fine when the namespace is gone. */
export async function endCall(context: UndoContext, call: PluginCall): Promise<void> {
  const { programs, namespacePath, result } = context;
  await programs.delete({
    ...call,
    ...(namespacePath === undefined ? {} : { namespacePath }),
    ...(result === undefined ? {} : { previous: result }),
  });
}

/** Has a program compare what a call came to with what is there. */
export async function checkCall(context: CheckContext, call: PluginCall): Promise<readonly string[]> {
  const { programs, namespacePath, result } = context;
  try {
    await programs.check({ ...call, namespacePath, previous: result });
    return [];
  } catch (error) {
    return [errorText(error)];
  }
}
