import { join } from "node:path";
import { errorText, InvalidValueError, LanyardError, NotFoundError } from "../../model/errors.ts";
import { EBUSY, ENODEV, ERANGE } from "../errno.ts";
import { JobError, type JobRunner } from "../worker/pool.ts";
import { linkTarget, listFolder, PCI_ADDRESS, readNumber, readText } from "./files.ts";

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
  readonly sriov: { readonly mostVfs: number; readonly vfs: readonly string[] } | undefined;
}

/**
 * The PCI functions below a sysfs root. Reading is done off the main thread, and so is writing, in the lane `slow`: a
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
    const [vendor, device, deviceClass] = await Promise.all(
      ["vendor", "device", "class"].map((name) => readHex(join(folder, name))),
    );
    if (vendor === undefined || device === undefined || deviceClass === undefined)
      throw new NotFoundError(`no PCI function ${address} in ${this.#root}`);
    const [driver, override, group, node, links, pf, mostVfs, vfs] = await Promise.all([
      linkTarget(join(folder, "driver")),
      readText(join(folder, "driver_override")),
      linkTarget(join(folder, "iommu_group")),
      readNumber(join(folder, "numa_node")),
      listFolder(join(folder, "net")),
      linkTarget(join(folder, "physfn")),
      readNumber(join(folder, "sriov_totalvfs")),
      this.#vfsOf(folder),
    ]);
    return {
      address,
      vendor,
      device,
      class: deviceClass,
      driver,
      // The kernel writes this when there is none (driver_override_show, drivers/pci/pci-sysfs.c).
      driverOverride: override === "(null)" || override === "" ? undefined : override,
      iommuGroup: group === undefined ? undefined : Number(group),
      numaNode: node === undefined || node < 0 ? undefined : node,
      links,
      pf,
      sriov: mostVfs === undefined ? undefined : { mostVfs, vfs },
    };
  }

  /**
   * Makes a PF have this many VFs. The kernel changes between two numbers only by way of none, so that all VFs go
   * before the new ones come. `probes` tells whether the VFs' own driver takes them; it stays so for VFs made later.
   */
  async setVfCount(address: string, count: number, probes = true): Promise<void> {
    const { sriov } = await this.get(address);
    const place = `number of VFs of ${address}`;
    if (sriov === undefined) throw new InvalidValueError(place, count, "a PF: this function cannot have VFs");
    if (!Number.isInteger(count) || count < 0 || count > sriov.mostVfs)
      throw new InvalidValueError(place, count, `a whole number from 0 to ${sriov.mostVfs}`);
    const folder = this.#folderOf(address);
    if (sriov.vfs.length > 0) await this.#write(join(folder, "sriov_numvfs"), "0");
    await this.#write(join(folder, "sriov_drivers_autoprobe"), probes ? "1" : "0");
    if (count > 0) await this.#write(join(folder, "sriov_numvfs"), String(count));
  }

  /**
   * Gives a function to `driver`, away from the one it has, also where that is the same. Throws LanyardError when that
   * driver does not take it: the function then has none, and is kept for that one until it is released.
   */
  async bind(address: string, driver: string): Promise<void> {
    await this.#probe(address, driver);
    const { driver: bound } = await this.get(address);
    if (bound === driver) return;
    throw new LanyardError(
      "conflict",
      `PCI function ${address} was offered to the driver ${driver}, but has ${bound ?? "none"}; is its module loaded?`,
    );
  }

  /** Takes a function from its driver and lets the drivers that know it have it again. */
  async release(address: string): Promise<void> {
    await this.#probe(address, "");
  }

  async #probe(address: string, override: string): Promise<void> {
    const folder = this.#folderOf(address);
    const { driver } = await this.get(address);
    await this.#write(join(folder, "driver_override"), `${override}\n`);
    if (driver !== undefined) await this.#write(join(folder, "driver/unbind"), address);
    await this.#write(join(this.#root, "bus/pci/drivers_probe"), address);
  }

  #folderOf(address: string): string {
    if (!PCI_ADDRESS.test(address))
      throw new InvalidValueError("PCI address", address, "domain:bus:device.function, such as 0000:86:00.1");
    return join(this.#root, "bus/pci/devices", address);
  }

  async #vfsOf(folder: string): Promise<string[]> {
    const vfs: string[] = [];
    for (;;) {
      const vf = await linkTarget(join(folder, `virtfn${vfs.length}`));
      if (vf === undefined) return vfs;
      vfs.push(vf);
    }
  }

  async #write(path: string, text: string): Promise<void> {
    const task = { job: { do: "writeFile", path, text }, namespaceFd: undefined } as const;
    try {
      await this.#runner.run([task], { lane: "slow", key: path });
    } catch (error) {
      const reason = error instanceof JobError ? explanations.get(error.errno ?? 0) : undefined;
      throw new LanyardError("kernel", `write ${text.trim()} to ${path}: ${reason ?? errorText(error)}`, {
        cause: error,
      });
    }
  }
}

const explanations = new Map([
  [EBUSY, "it is in use: a VF is held by a program or a virtual machine (EBUSY)"],
  [ERANGE, "the card cannot have so many VFs (ERANGE)"],
  [ENODEV, "the driver does not take this function (ENODEV)"],
]);

async function readHex(path: string): Promise<string | undefined> {
  return (await readText(path))?.replace(/^0x/, "");
}
