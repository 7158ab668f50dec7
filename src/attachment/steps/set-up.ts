import type { SettingHandler } from "./step.ts";

/** The pod's link is set up. */
export interface SetUpStep {
  readonly kind: "setUp";
  readonly link: string;
}

export const setUp: SettingHandler<SetUpStep> = {
  kind: "setUp",

  prepare: (pod, _step, link) => [pod.links.prepareSet(link.index, { isUp: true })],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod !== undefined && link !== undefined) await pod.links.set(link.index, { isUp: false });
  },
};
