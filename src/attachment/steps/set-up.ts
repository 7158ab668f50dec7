import type { PreparedHandler } from "./step.ts";

/** The pod's link is set up. */
export interface SetUpStep {
  readonly kind: "setUp";
  readonly link: string;
}

export const setUp: PreparedHandler<SetUpStep, null> = {
  kind: "setUp",

  prepare: async ({ pod }, _step, link) => [pod.links.prepareSet(link, { isUp: true })],

  async undo({ pod }, step) {
    const link = await pod?.links.find(step.link);
    if (pod !== undefined && link !== undefined) await pod.links.set(link.index, { isUp: false });
  },

  async check({ podLinks }, step) {
    const link = await podLinks.find(step.link);
    return link === undefined || link.isUp ? [] : [`${step.link} was set up, and is down`];
  },
};
