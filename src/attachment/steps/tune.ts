import { ENODEV } from "../../linux/errno.ts";
import { isErrno } from "../../linux/netlink/error.ts";
import type { Link } from "../../linux/route/link.ts";
import type { LinkSettings } from "../../linux/route/link-settings.ts";
import { differenceOf } from "../difference.ts";
import type { TuningRequest } from "../request.ts";
import type { PreparedHandler } from "./step.ts";

/** Settings of the pod's link, and sysctls of its network namespace. */
export interface TuneStep extends TuningRequest {
  readonly kind: "tune";
  readonly link: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
}

/** What was there before; undefined for a link that is made with this step, and goes with all that it has. */
export interface Untuned {
  readonly sysctl: Readonly<Record<string, string>>;
  readonly settings: LinkSettings;
}

const SETTINGS = ["mtu", "mac", "isPromiscuous", "isAllMulticast", "transmitQueueLength"] as const;

export const tune: PreparedHandler<TuneStep, Untuned | null> = {
  kind: "tune",

  async observe({ kernel, pod, podLinks }, step) {
    const names = Object.keys(step.sysctl ?? {});
    const link = await podLinks.find(step.link);
    if (link === undefined) return null;
    const values = await kernel.perform(names.map((name) => pod.prepareSysctl(name)));
    return {
      sysctl: Object.fromEntries(names.map((name, position) => [name, values[position] ?? ""])),
      settings: Object.fromEntries(keysOf(step).map((key) => [key, link[key]])),
    };
  },

  async prepare({ pod, podLinks }, step, link) {
    const settings = settingsOf(step);
    podLinks.forget(step.link);
    return [
      // First: a sysctl may say how the link takes what comes then.
      ...Object.entries(step.sysctl ?? {}).map(([name, value]) => pod.prepareSetSysctl(name, value)),
      ...(Object.keys(settings).length === 0 ? [] : [pod.links.prepareSet(link, settings)]),
    ];
  },

  async undo({ kernel, pod }, step, before) {
    const link = await pod?.links.find(step.link);
    if (pod === undefined || link === undefined || before === null) return;
    const { settings, sysctl } = before;
    try {
      await kernel.perform([
        ...(Object.keys(settings).length === 0 ? [] : [pod.links.prepareSet(link.index, settings)]),
        ...Object.entries(sysctl).map(([name, value]) => pod.prepareSetSysctl(name, value)),
      ]);
    } catch (error) {
      if (!isErrno(error, ENODEV)) throw error;
    }
  },

  async check({ kernel, pod, podLinks }, step) {
    const link = await podLinks.find(step.link);
    if (link === undefined) return [];
    const sysctls = Object.entries(step.sysctl ?? {});
    const values = await kernel.perform(sysctls.map(([name]) => pod.prepareSysctl(name)));
    return [
      ...sysctls.flatMap(([name, value], position) =>
        differenceOf(step.link, `sysctl ${name}`, value, values[position]),
      ),
      ...keysOf(step).flatMap((key) => differenceOf(step.link, WORDS[key], step[key], link[key])),
    ];
  },
};

const WORDS = {
  mtu: "MTU",
  mac: "MAC address",
  isPromiscuous: "promiscuity",
  isAllMulticast: "taking of all multicast",
  transmitQueueLength: "transmit queue length",
} as const;

function keysOf(step: TuneStep) {
  return SETTINGS.filter((key) => step[key] !== undefined);
}

function settingsOf(step: TuneStep): Partial<Pick<Link, (typeof SETTINGS)[number]>> {
  return Object.fromEntries(keysOf(step).map((key) => [key, step[key]]));
}
