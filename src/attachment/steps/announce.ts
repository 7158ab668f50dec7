import type { PreparedHandler } from "./step.ts";

/**
 * The kernel is told to announce the link's addresses to the neighbours when it comes up, so that nobody goes
 * on sending to a former owner (arp_notify, ndisc_notify: Documentation/networking/ip-sysctl.rst). Must stand
 * before the step that sets the link up. The settings end with the link, or with its stay in the pod.
 */
export interface AnnounceStep {
  readonly kind: "announce";
  readonly link: string;
  readonly families: readonly ("ipv4" | "ipv6")[];
}

export const announce: PreparedHandler<AnnounceStep, null> = {
  kind: "announce",

  prepare: async ({ pod }, step) =>
    step.families.map((family) => {
      const setting = family === "ipv4" ? "arp_notify" : "ndisc_notify";
      return pod.prepareSetSysctl(`${family}/conf/${step.link}/${setting}`, "1");
    }),

  async undo() {},
};
