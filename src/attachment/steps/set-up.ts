import type { StepHandler } from "./step.ts";

/** The pod's link is set up. */
export interface SetUpStep {
  readonly kind: "setUp";
  readonly link: string;
}

export const setUp: StepHandler<SetUpStep, null> = {
  kind: "setUp",

  async observe() {
    return null;
  },

  async apply({ pod, podLinks }, step) {
    await pod.links.set((await podLinks.get(step.link)).index, { isUp: true });
  },

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod !== undefined && link !== undefined) await pod.links.set(link.index, { isUp: false });
  },

  livesOn: (step) => step.link,
};
