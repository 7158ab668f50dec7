import { join } from "node:path";
import {
  type ErrorCode,
  errorText,
  InvalidValueError,
  LanyardError,
  NotFoundError,
} from "../../model/errors.ts";
import { EAGAIN, EBUSY, ENODEV, ENOENT, EOPNOTSUPP, ERANGE } from "../errno.ts";
import { JobError, type JobRunner } from "../worker/pool.ts";
import { isThere, PCI_ADDRESS, readNumber, readText } from "./files.ts";
import { PCI_DEVICES, readPciFunction } from "./pci-function.ts";
import { readVirtfnLinks } from "./virtual-functions.ts";

/** One function of a PCI device as sysfs tells of it (Documentation/ABI/testing/sysfs-bus-pci). */
export interface PciFunction {
  /** For example `0000:86:00.1`. */
  readonly address: string;
  /** Four hexadecimal digits each, for example `8086`. */
  readonly vendor: string;
  readonly device: string;
  /** Six hexadecimal digits: class, subclass, interface; `020000` is an Ethernet card. */
  readonly class: string;
  /** Undefined while none is bound. */
  readonly driver: string | undefined;
  /** The only driver that may be bound; undefined where any may. */
  readonly driverOverride: string | undefined;
  /** Number of the IOMMU group; undefined where there is no IOMMU. */
  readonly iommuGroup: number | undefined;
  readonly numaNode: number | undefined;
  /** Names of its links in the network namespace that sysfs shows. */
  readonly links: readonly string[];
  /** Address of the PF when this is a VF. */
  readonly pf: string | undefined;
  /** Undefined for a function that cannot have VFs. */
  readonly sriov: Sriov | undefined;
}

/** The VFs of a PF. */
export interface Sriov {
  readonly mostVfs: number;
  /** Their PCI addresses in the order of their numbers. */
  readonly vfs: readonly string[];
  /** Whether VFs get a driver when they are made; without, a driver only binds one that is kept for it. */
  readonly autoprobe: boolean;
}

const IFF_UP = 0x1;
const ENOTTY = 25;

/**
 * The PCI functions below a sysfs root. Reading is done off the main thread, and so is writing, in the lane `device`: a
 * driver makes VFs for seconds.
 */
export class PciDevices {
  readonly #root: string;
  readonly #runner: JobRunner;

  /** `root` is `/sys`, or a laid-out tree. */
  constructor(root: string, runner: JobRunner) {
    this.#root = root;
    this.#runner = runner;
  }

  /** Throws NotFoundError when there is no such function, InvalidValueError when it is no address. */
  async get(address: string): Promise<PciFunction> {
    const folder = this.#folderOf(address);
    const [facts, override, autoprobe] = await Promise.all([
      readPciFunction(this.#root, address),
      readText(join(folder, "driver_override")),
      readText(join(folder, "sriov_drivers_autoprobe")),
    ]);
    if (facts === undefined) throw new NotFoundError(`no PCI function ${address} in ${this.#root}`);
    const { vendor, device, driver, iommuGroup, numaNode, links, pf, mostVfs } = facts;
    const vfs = mostVfs === undefined ? undefined : [...(await readVirtfnLinks(folder)).values()];
    return {
      address,
      vendor,
      device,
      class: facts.class,
      driver,
      // The kernel writes this when there is none (driver_override_show, drivers/pci/pci-sysfs.c).
      driverOverride: override === "(null)" || override === "" ? undefined : override,
      iommuGroup,
      numaNode,
      links,
      pf,
      sriov:
        mostVfs === undefined || vfs === undefined
          ? undefined
          : { mostVfs, vfs, autoprobe: autoprobe !== "0" },
    };
  }

  /**
   * Makes a PF have this many VFs; one that has them keeps them. The kernel changes between two numbers only by way of
   * none, so that all VFs go before the new ones come, and none is there when these are refused. `probes` tells whether
   * the VFs' own driver takes them; it stays so for VFs made later.
   */
  async setVfCount(address: string, count: number, probes = true): Promise<void> {
    const { mostVfs } = await this.#sriovOf(address, count);
    if (!Number.isInteger(count) || count < 0 || count > mostVfs)
      throw new InvalidValueError(
        `number of VFs of ${address}`,
        count,
        `a whole number from 0 to ${mostVfs}`,
      );
    const file = join(this.#folderOf(address), "sriov_numvfs");
    const present = await readNumber(file);
    if (present !== count && present !== 0) await this.#write(file, "0");
    await this.setAutoprobe(address, probes);
    if (present !== count && count > 0) await this.#write(file, String(count));
  }

  /** Sets whether the VFs' own driver takes them when they are made. */
  async setAutoprobe(address: string, probes: boolean): Promise<void> {
    const { autoprobe } = await this.#sriovOf(address, probes);
    if (autoprobe === probes) return;
    await this.#write(join(this.#folderOf(address), "sriov_drivers_autoprobe"), probes ? "1" : "0");
  }

  /**
   * Gives a function to `driver`, away from the one it has, also where that is the same. Throws NotFoundError when the
   * kernel has no such driver now, before anything is changed, and LanyardError `conflict` when that driver does not
   * take the function: it then has the driver again that it had, as far as the kernel allows, which the error tells.
   */
  async bind(address: string, driver: string): Promise<void> {
    const before = await this.get(address);
    if (!/^[A-Za-z0-9_-]+$/.test(driver))
      throw new InvalidValueError(
        `driver of ${address}`,
        driver,
        "a name of letters, digits, - and _, such as vfio-pci",
      );
    if (!(await isThere(join(this.#root, "bus/pci/drivers", driver))))
      throw new NotFoundError(
        `PCI function ${address} cannot be bound to ${driver}: there is no such driver now; load its module first (modprobe ${driver})`,
      );
    const refusal = await this.#offer(before, driver);
    if (refusal === undefined) return;
    const { outcome, trouble } = await this.#giveBack(before);
    throw new LanyardError(
      "conflict",
      `the driver ${driver} does not take the PCI function ${address} (${refusal.reason}); ${outcome}`,
      { cause: trouble === undefined ? refusal.cause : new AggregateError([refusal.cause, trouble]) },
    );
  }

  /** Takes a function from its driver, and leaves it without one. What it is kept for stays so. */
  async unbind(address: string): Promise<void> {
    const { driver } = await this.get(address);
    if (driver !== undefined) await this.#write(join(this.#folderOf(address), "driver/unbind"), address);
  }

  /** Takes a function from its driver and lets the drivers that know it have it again. */
  async release(address: string): Promise<void> {
    await this.#probe(await this.get(address), "");
  }

  /**
   * Resets a function alone (FLR or what it has instead), so that nothing of its last user is left in it. Throws
   * LanyardError `unsupported` when it cannot be reset alone, and `conflict` when its link is down, or in another network
   * namespace where that is not seen: igbvf then waits for ever in its reset, and the write never comes back. The link
   * must first be set up, or the function be taken from its driver.
   */
  async reset(address: string): Promise<void> {
    const { driver, links } = await this.get(address);
    const file = join(this.#folderOf(address), "reset");
    if (!(await isThere(file)))
      throw new LanyardError("unsupported", `PCI function ${address} cannot be reset: it has no way to be`);
    const fault = await this.#faultOfLinks(address, links);
    if (fault !== undefined)
      throw new LanyardError(
        "conflict",
        `PCI function ${address} is not reset under its driver ${driver}: ${fault}; set the link up or unbind the driver first`,
      );
    await this.#write(file, "1");
  }

  /** Why a driver may wait for its link for ever; undefined when it does not. */
  async #faultOfLinks(address: string, links: readonly string[]): Promise<string | undefined> {
    for (const link of links) {
      const flags = await readNumber(join(this.#root, "class/net", link, "flags"));
      if (flags === undefined || (flags & IFF_UP) === 0) return `its link ${link} is down`;
    }
    // The folder stays while a link is in it, and shows those of this network namespace alone (get_device_parent,
    // drivers/base/core.c).
    const isElsewhere = links.length === 0 && (await isThere(join(this.#folderOf(address), "net")));
    return isElsewhere ? "its link is in another network namespace and may be down" : undefined;
  }

  async #sriovOf(address: string, wanted: unknown): Promise<Sriov> {
    const { sriov } = await this.get(address);
    if (sriov !== undefined) return sriov;
    throw new InvalidValueError(`VFs of ${address}`, wanted, "a PF: this function cannot have VFs");
  }

  /** @returns why the driver has not taken the function; undefined when it has */
  async #offer(before: PciFunction, driver: string): Promise<Trouble | undefined> {
    try {
      await this.#probe(before, driver);
      const { driver: bound } = await this.get(before.address);
      if (bound === driver) return undefined;
      const reason = `after it was offered it has ${bound ?? "none"}; the kernel's log may say why`;
      return { reason, cause: new LanyardError("conflict", reason) };
    } catch (error) {
      return { reason: errorText(error), cause: error };
    }
  }

  /** Makes a function's driver and what it is kept for as they were. Says how that went. */
  async #giveBack({
    address,
    driver,
    driverOverride = "",
  }: PciFunction): Promise<{ outcome: string; trouble?: unknown }> {
    try {
      const { driver: bound } = await this.get(address);
      if (driver !== undefined && bound !== driver) {
        // Kept for it meanwhile: without, VFs of a PF that does not probe get no driver (pci_device_can_probe,
        // drivers/pci/pci-driver.c), and another driver could be first.
        await this.#keepFor(address, driver);
        await this.#write(join(this.#root, "bus/pci/drivers_probe"), address);
      }
      await this.#keepFor(address, driverOverride);
      const { driver: now } = await this.get(address);
      return {
        outcome: now === driver ? `it has ${now ?? "no driver"} again` : `it has ${now ?? "no driver"} now`,
      };
    } catch (error) {
      return { outcome: `what it had could not be given back: ${errorText(error)}`, trouble: error };
    }
  }

  async #probe({ address, driver }: PciFunction, override: string): Promise<void> {
    await this.#keepFor(address, override);
    if (driver !== undefined) await this.#write(join(this.#folderOf(address), "driver/unbind"), address);
    await this.#write(join(this.#root, "bus/pci/drivers_probe"), address);
  }

  /** Lets only this driver be bound; any when empty. */
  async #keepFor(address: string, driver: string): Promise<void> {
    await this.#write(join(this.#folderOf(address), "driver_override"), `${driver}\n`);
  }

  #folderOf(address: string): string {
    if (!PCI_ADDRESS.test(address))
      throw new InvalidValueError("PCI address", address, "domain:bus:device.function, such as 0000:86:00.1");
    return join(this.#root, PCI_DEVICES, address);
  }

  async #write(path: string, text: string): Promise<void> {
    const task = { job: { do: "writeFile", path, text }, namespaceFd: undefined } as const;
    try {
      await this.#runner.run([task], { lane: "device", key: path });
    } catch (error) {
      const refusal = error instanceof JobError ? REFUSALS.get(error.errno ?? 0) : undefined;
      const reason = refusal?.reason ?? errorText(error);
      throw new LanyardError(refusal?.code ?? "kernel", `write "${text.trim()}" to ${path}: ${reason}`, {
        cause: error,
      });
    }
  }
}

interface Trouble {
  readonly reason: string;
  readonly cause: unknown;
}

/** What an error number means for a file of a PCI function. */
const REFUSALS: ReadonlyMap<number, { readonly code: ErrorCode; readonly reason: string }> = new Map([
  [
    EBUSY,
    { code: "conflict", reason: "it is in use: a VF is held by a program or a virtual machine (EBUSY)" },
  ],
  [EAGAIN, { code: "conflict", reason: "it is in use: something else is done with it just now (EAGAIN)" }],
  // sriov_numvfs_store (drivers/pci/iov.c) says so of a PF without a driver, or with one that makes no VFs.
  [ENOENT, { code: "conflict", reason: "the function is gone, or has no driver that does that (ENOENT)" }],
  [ERANGE, { code: "kernel", reason: "the card cannot have so many VFs (ERANGE)" }],
  [ENODEV, { code: "kernel", reason: "the driver does not take this function (ENODEV)" }],
  [ENOTTY, { code: "unsupported", reason: "the function has no way to do that (ENOTTY)" }],
  [EOPNOTSUPP, { code: "unsupported", reason: "the driver cannot do that (EOPNOTSUPP)" }],
]);
