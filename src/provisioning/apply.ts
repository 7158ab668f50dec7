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
  userOf(vf: number | undefined): Promise<string | undefined>;
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
 * Does steps in order. What fails for one VF ends the steps of that VF; what fails for the PF ends all, and VFs that were
 * taken from their drivers for it get them back. Never throws.
 */
export async function applySteps(
  context: ApplyContext,
  steps: readonly ProvisioningStep[],
): Promise<Applied> {
  const failures: string[] = [];
  const waits: string[] = [];
  const ended = new Set<number>();
  const pf = new PfAtWork(context);
  for (const step of steps) {
    const vf = "vf" in step ? step.vf : undefined;
    if (context.signal.aborted) {
      failures.push(...(await pf.giveBack()));
      break;
    }
    if (vf !== undefined && ended.has(vf)) continue;
    try {
      const user = tearsDown(step) ? await context.userOf(vf) : undefined;
      if (user === undefined) {
        await pf.apply(step);
        continue;
      }
      waits.push(`not done, ${describeStep(step)}: ${user}`);
    } catch (error) {
      failures.push(`${describeStep(step)}: ${errorText(error)}`);
    }
    if (vf === undefined) {
      failures.push(...(await pf.giveBack()));
      break;
    }
    ended.add(vf);
  }
  return { failures, waits };
}

/** One PF while steps are done to it. What was found of it is kept until a step may have changed it. */
class PfAtWork {
  readonly #context: ApplyContext;
  #link: Promise<Link> | undefined;
  #vfs: Promise<readonly string[]> | undefined;
  /** Drivers that VFs had before these steps, by the VFs' numbers, until they have one again. */
  readonly #taken = new Map<number, string>();

  constructor(context: ApplyContext) {
    this.#context = context;
  }

  async apply(step: ProvisioningStep): Promise<void> {
    const { kernel, address } = this.#context;
    const { links, vfs, devlink } = kernel.host;
    switch (step.kind) {
      case "setMtu":
        return await links.set(await this.#pfLink(), { mtu: step.mtu });
      case "setAdminState":
        return await links.set(await this.#pfLink(), { isUp: step.isUp });
      case "setEswitchMode":
        // A new mode may take the PF's link away and bring another.
        this.#link = undefined;
        return await devlink.eswitches.set(devlinkNameOf(address), { mode: step.mode });
      case "setVfCount":
        this.#link = undefined;
        this.#vfs = undefined;
        this.#taken.clear();
        return await kernel.pci.setVfCount(address, step.count, step.probes);
      case "setVfProbing":
        return await kernel.pci.setAutoprobe(address, step.probes);
      case "unbindDriver":
        return await this.#unbind(step.vf);
      case "resetVf":
        return await this.#reset(await this.#vfAddress(step.vf));
      case "setVfAttributes":
        return await vfs.set(await this.#pfLink(), step.vf, step.settings);
      case "bindDriver":
        return await this.#bind(step.vf, step.driver);
      case "setVfMtu":
        // A driver may make its link some time after it was bound.
        return await links.set(await this.#linkOf(await this.#vfAddress(step.vf)), { mtu: step.mtu });
    }
  }

  /** Gives the VFs that have none now the drivers they had before. Says what failed of that. */
  async giveBack(): Promise<string[]> {
    const failures: string[] = [];
    for (const [vf, driver] of this.#taken) {
      try {
        await this.#context.kernel.pci.bind(await this.#vfAddress(vf), driver);
      } catch (error) {
        failures.push(`give VF ${vf} back to ${driver}: ${errorText(error)}`);
      }
    }
    return failures;
  }

  async #unbind(vf: number): Promise<void> {
    const { pci } = this.#context.kernel;
    const address = await this.#vfAddress(vf);
    const { driver } = await pci.get(address);
    await pci.unbind(address);
    if (driver !== undefined) this.#taken.set(vf, driver);
  }

  /** A function that cannot be reset alone is left to its next driver, which may have other ways. */
  async #reset(vf: string): Promise<void> {
    try {
      await this.#context.kernel.pci.reset(vf);
    } catch (error) {
      if (!(error instanceof LanyardError) || error.code !== "unsupported") throw error;
      this.#context.note(error.message);
    }
  }

  async #bind(vf: number, driver: string | undefined): Promise<void> {
    const { pci } = this.#context.kernel;
    const address = await this.#vfAddress(vf);
    this.#taken.delete(vf);
    if (driver !== undefined) return await pci.bind(address, driver);
    await pci.release(address);
    if ((await pci.get(address)).driver !== undefined) return;
    const text = `no driver of the kernel took ${address}; is the module of the VFs' driver loaded?`;
    throw new LanyardError("conflict", text);
  }

  /** Index of the PF's link. */
  async #pfLink(): Promise<number> {
    this.#link ??= this.#awaitLink(this.#context.address);
    return (await this.#link).index;
  }

  async #linkOf(address: string): Promise<number> {
    return (await this.#awaitLink(address)).index;
  }

  #awaitLink(address: string): Promise<Link> {
    const { kernel } = this.#context;
    const look = async () => {
      const { links: names } = await kernel.pci.get(address);
      if (names.length === 0) return undefined;
      const { links } = await kernel.host.links.list();
      return findUplink(links.filter(({ name }) => names.includes(name)));
    };
    return awaitLinks(kernel.linkEvents, look, `the link of ${address}`, this.#context);
  }

  async #vfAddress(vf: number): Promise<string> {
    const { kernel, address } = this.#context;
    this.#vfs ??= kernel.pci.get(address).then(({ sriov }) => sriov?.vfs ?? []);
    const found = (await this.#vfs)[vf];
    if (found === undefined) throw new NotFoundError(`${address} has no VF ${vf}`);
    return found;
  }
}
