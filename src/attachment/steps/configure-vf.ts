import { isDeepStrictEqual } from "node:util";
import type { Kernel } from "../../linux/kernel.ts";
import type { VfSettings } from "../../linux/route/vf-settings.ts";
import { LanyardError } from "../../model/errors.ts";
import { differenceOf } from "../difference.ts";
import { refuseOtherFunction } from "../link/identity.ts";
import { NO_MAC, setOwnMac } from "../vf/own-mac.ts";
import { findPf, linkOfPf, type VfPlace, whereVfIs } from "../vf/place.ts";
import { isTaken, patiently } from "../vf/refusals.ts";
import type { ActionHandler } from "./step.ts";

/**
 * What a VF's PF sets for it, and the MAC address of its own link where it has one on the node. A driver takes the address
 * that the PF gives only when it starts, so that both are set.
 */
export interface ConfigureVfStep extends VfPlace {
  readonly kind: "configureVf";
  /** Name of the VF's link on the node; absent for one that a program drives. */
  readonly link?: string;
  readonly settings: VfSettings;
}

/** What the VF was like. */
export interface ConfiguredVf {
  /** PCI address of the PF, by which it is found when its link has another name. */
  readonly pfAddress: string;
  /** What the PF told of what is set; absent what it does not tell. */
  readonly settings: VfSettings;
  /** The VF's own MAC address, where that is set. */
  readonly mac?: string;
}

/**
 * In this order, one message each and all in one trip: some drivers reset a VF that comes into another VLAN, and what is
 * set after that holds.
 */
const ORDER = [
  "vlan",
  "mac",
  "rate",
  "isSpoofChecked",
  "isTrusted",
  "linkState",
  "canQueryRss",
  "nodeGuid",
  "portGuid",
] as const;

export const configureVf: ActionHandler<ConfigureVfStep, ConfiguredVf> = {
  kind: "configureVf",

  async observe({ kernel, hostLinks }, step) {
    const { pf, pfAddress } = await whereVfIs(kernel, hostLinks, step);
    const told = (await kernel.host.vfs.get(pf, step.vfIndex)).attributes;
    const settings = Object.fromEntries(
      keysOf(step.settings).flatMap((key) => (told?.[key] === undefined ? [] : [[key, told[key]]])),
    );
    if (step.settings.mac === undefined || step.link === undefined) return { pfAddress, settings };
    const own = await hostLinks.get(step.link);
    refuseOtherFunction(own, step.pciAddress);
    return { pfAddress, settings, mac: own.mac };
  },

  async apply({ kernel, hostLinks }, step, { pfAddress }) {
    const pf = await linkOfPf(kernel, hostLinks, step, pfAddress);
    const { vfIndex, settings, link } = step;
    await patiently(() => setAll(kernel, pf, vfIndex, settings));
    if (settings.mac !== undefined && link !== undefined) {
      const { index } = await hostLinks.get(link);
      await setOwnMac(kernel, { pf, vfIndex, link: index }, settings.mac);
      hostLinks.forget(link);
    }
    const differences = await differencesOf(kernel, pf, step);
    if (differences.length === 0) return;
    throw new LanyardError("kernel", `the driver took what it does not hold: ${differences.join("; ")}`);
  },

  async undo({ kernel, tell }, step, before) {
    const pf = await findPf(kernel, step, before.pfAddress);
    // A VF that was unmade, or is another PF's by now, begins anew.
    if (pf === undefined) return;
    const { vfIndex } = step;
    const now = (await kernel.host.vfs.get(pf, vfIndex)).attributes;
    for (const key of keysOf(before.settings)) {
      for (const settings of waysBack(key, before.settings)) {
        if (isDeepStrictEqual(now?.[key], settings[key])) break;
        if (await isTaken(() => kernel.host.vfs.set(pf, vfIndex, settings), tell)) break;
      }
    }
    if (before.mac !== undefined) await restoreOwnMac(kernel, pf, step, before, tell);
  },

  async check({ kernel }, step, before) {
    const pf = await findPf(kernel, step, before.pfAddress);
    if (pf === undefined)
      return [`VF ${step.vfIndex} of ${step.pf} (${step.pciAddress}) was set, and is gone`];
    return await differencesOf(kernel, pf, step);
  },
};

function keysOf(settings: VfSettings) {
  return ORDER.filter((key) => settings[key] !== undefined);
}

/** What is given back, and what if the driver does not take that: it may hold the limit without the guarantee. */
function waysBack(key: keyof VfSettings, settings: VfSettings): VfSettings[] {
  const { rate } = settings;
  return key === "rate" && rate !== undefined
    ? [{ rate }, { rate: { max: rate.max } }]
    : [{ [key]: settings[key] }];
}

async function setAll(kernel: Kernel, pf: number, vf: number, settings: VfSettings): Promise<void> {
  await kernel.perform(
    keysOf(settings).map((key) => kernel.host.vfs.prepareSet(pf, vf, { [key]: settings[key] })),
  );
}

async function restoreOwnMac(
  kernel: Kernel,
  pf: number,
  { pciAddress, vfIndex }: ConfigureVfStep,
  { mac = NO_MAC }: ConfiguredVf,
  tell: (sentence: string) => void,
): Promise<void> {
  const { links } = await kernel.host.links.list();
  const own = links.find(({ device, kind }) => device?.name === pciAddress && kind === undefined);
  // A program may drive it by now, or a pod have it.
  if (own !== undefined) await isTaken(() => setOwnMac(kernel, { pf, vfIndex, link: own.index }, mac), tell);
}

/** What the PF tells otherwise than it was set. */
async function differencesOf(
  kernel: Kernel,
  pf: number,
  { pf: name, vfIndex, settings }: ConfigureVfStep,
): Promise<string[]> {
  const told = (await kernel.host.vfs.get(pf, vfIndex)).attributes;
  const whose = `VF ${vfIndex} of ${name}`;
  return keysOf(settings).flatMap((key) => {
    const found = told?.[key];
    // What the driver does not tell cannot be compared.
    return found === undefined
      ? []
      : differenceOf(whose, WORDS[key], whole(key, settings), comparable(key, found, settings));
  });
}

const WORDS = {
  vlan: "VLAN",
  mac: "MAC address",
  rate: "rate",
  isSpoofChecked: "spoof check",
  isTrusted: "trust",
  linkState: "link state",
  canQueryRss: "RSS query",
  nodeGuid: "node GUID",
  portGuid: "port GUID",
} as const;

/** A setting with the values that stand for what it leaves out. */
function whole(key: keyof VfSettings, { vlan, ...settings }: VfSettings): unknown {
  if (key !== "vlan" || vlan === undefined) return { vlan, ...settings }[key];
  return { id: vlan.id, qos: vlan.qos ?? 0, protocol: vlan.protocol ?? "802.1Q" };
}

/** What was found, without what was not set. */
function comparable(key: keyof VfSettings, found: unknown, { rate }: VfSettings): unknown {
  if (key !== "rate" || rate?.min !== undefined) return found;
  return { max: (found as { readonly max: number }).max };
}
