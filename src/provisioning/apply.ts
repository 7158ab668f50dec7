import { findUplink } from "../inventory/uplink.ts";
import type { Link } from "../linux/route/link.ts";
import { errorText, LanyardError, NotFoundError } from "../model/errors.ts";
import { awaitLinks } from "./await-links.ts";
import { describeStep, type ProvisioningStep, tearsDown } from "./steps.ts";
import { devlinkNameOf, type PfKernel } from "./surface.ts";

/** What steps need beside themselves. */
export interface ApplyContext {
  readonly kernel: PfKernel;
  /** The PF's. */
  readonly address: string;
  /** How long to wait for a link, in milliseconds. */
  readonly patienceMs: number;
  /** Who uses the VF of this number now, or with undefined anything of the PF: it may have changed since the plan. */
  userOf(vf: number | undefined): string | undefined;
  /** Told what was left out, in words for people. */
  note(text: string): void;
  /** Set when no further step shall begin. */
  readonly signal: AbortSignal;
}

/** How steps went. */
export interface Applied {
  /** One sentence for each that failed. */
  readonly failures: readonly string[];
  /** What was not begun, because somebody took the device meanwhile. */
  readonly waits: readonly string[];
}

/**
 * Does steps in order. What fails for one VF ends the steps of that VF; what fails for the PF ends all. Never throws.
 */
export async function applySteps(
  context: ApplyContext,
  steps: readonly ProvisioningStep[],
): Promise<Applied> {
  const failures: string[] = [];
  const waits: string[] = [];
  const given = new Set<number>();
  for (const step of steps) {
    const vf = "vf" in step ? step.vf : undefined;
    if (context.signal.aborted) break;
    if (vf !== undefined && given.has(vf)) continue;
    const user = tearsDown(step) ? context.userOf(vf) : undefined;
    if (user !== undefined) waits.push(`not done, ${describeStep(step)}: ${user}`);
    else {
      try {
        await applyStep(context, step);
        continue;
      } catch (error) {
        failures.push(`${describeStep(step)}: ${errorText(error)}`);
      }
    }
    if (vf === undefined) break;
    given.add(vf);
  }
  return { failures, waits };
}

async function applyStep(context: ApplyContext, step: ProvisioningStep): Promise<void> {
  const { kernel, address } = context;
  const { links, vfs, devlink } = kernel.host;
  switch (step.kind) {
    case "setMtu":
      return await links.set((await pfLink(context)).index, { mtu: step.mtu });
    case "setAdminState":
      return await links.set((await pfLink(context)).index, { isUp: step.isUp });
    case "setEswitchMode":
      return await devlink.eswitches.set(devlinkNameOf(address), { mode: step.mode });
    case "setVfCount":
      return await kernel.pci.setVfCount(address, step.count, step.probes);
    case "setVfProbing":
      return await kernel.pci.setAutoprobe(address, step.probes);
    case "awaitCarrier":
      return await awaitCarrier(context);
    case "unbindDriver":
      return await kernel.pci.unbind(await vfAddress(context, step.vf));
    case "resetVf":
      return await resetVf(context, step.vf);
    case "setVfAttributes":
      return await vfs.set((await pfLink(context)).index, step.vf, step.settings);
    case "bindDriver":
      return await bindDriver(context, step);
    case "setVfMtu":
      return await links.set((await vfLink(context, step.vf)).index, { mtu: step.mtu });
  }
}

/** A function that cannot be reset alone has its next driver to clean it, as vfio-pci does with its bus. */
async function resetVf(context: ApplyContext, vf: number): Promise<void> {
  try {
    await context.kernel.pci.reset(await vfAddress(context, vf));
  } catch (error) {
    if (!(error instanceof LanyardError) || error.code !== "unsupported") throw error;
    context.note(error.message);
  }
}

async function bindDriver(
  context: ApplyContext,
  { vf, driver }: Extract<ProvisioningStep, { kind: "bindDriver" }>,
): Promise<void> {
  const { pci } = context.kernel;
  const address = await vfAddress(context, vf);
  if (driver !== undefined) return await pci.bind(address, driver);
  await pci.release(address);
  if ((await pci.get(address)).driver !== undefined) return;
  const text = `no driver of the kernel took ${address}; is the module of the VFs' driver loaded?`;
  throw new LanyardError("conflict", text);
}

/**
 * A card that was just brought up, or restarted for a new MTU or new VFs, has no carrier for a moment. Where there is no
 * cable, none comes: what the kernel says to the next step is then the better explanation.
 */
async function awaitCarrier(context: ApplyContext): Promise<void> {
  const look = async () => ((await findPfLink(context))?.hasCarrier === true ? true : undefined);
  try {
    await awaitLinks(context.kernel.linkEvents, look, "the carrier", context);
  } catch (error) {
    if (!(error instanceof LanyardError) || error.code !== "timeout") throw error;
  }
}

/** A new eswitch mode may take the PF's link away and bring another. */
function pfLink(context: ApplyContext): Promise<Link> {
  const { kernel, address } = context;
  return awaitLinks(kernel.linkEvents, () => findPfLink(context), `the link of ${address}`, context);
}

async function findPfLink({ kernel, address }: ApplyContext): Promise<Link | undefined> {
  return findUplink(await linksOf(kernel, address));
}

/** A driver may make its link some time after it was bound. */
async function vfLink(context: ApplyContext, vf: number): Promise<Link> {
  const { kernel } = context;
  const address = await vfAddress(context, vf);
  const look = async () => (await linksOf(kernel, address))[0];
  return awaitLinks(kernel.linkEvents, look, `the link of ${address}`, context);
}

async function linksOf({ pci, host }: PfKernel, address: string): Promise<Link[]> {
  const { links: names } = await pci.get(address);
  if (names.length === 0) return [];
  const { links } = await host.links.list();
  return links.filter(({ name }) => names.includes(name));
}

async function vfAddress({ kernel, address }: ApplyContext, vf: number): Promise<string> {
  const found = (await kernel.pci.get(address)).sriov?.vfs[vf];
  if (found === undefined) throw new NotFoundError(`${address} has no VF ${vf}`);
  return found;
}
