import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";

/** Files below a folder, by path. */
type Files = Readonly<Record<string, string>>;

/** What a PCI function tells; what is left out, it does not. */
export interface TreePciFunction {
  /** `8086`, `154c` and `020000` unless said. */
  readonly vendor?: string;
  readonly device?: string;
  readonly class?: string;
  /** Bound; its folder is made among the drivers, too. */
  readonly driver?: string;
  readonly numaNode?: number;
  readonly iommuGroup?: number;
  /** The most VFs it can have; it has none until some are added. */
  readonly mostVfs?: number;
  /** `pci0000:00` unless said. */
  readonly pcieRoot?: string;
  /** More files in its folder. */
  readonly files?: Files;
}

/** What a link tells; what is left out, it does not. */
export interface TreeLink {
  /** Name of its function: a PCI address or a sub-function, or a path below it (`0000:00:03.0/virtio2`). */
  readonly on?: string;
  readonly index?: number;
  readonly mac?: string;
  readonly mtu?: number;
  readonly isUp?: boolean;
  readonly hasCarrier?: boolean;
  /** The bridge or bond it is a port of, and links it stands on; both must be there. */
  readonly master?: string;
  readonly lowers?: readonly string[];
  /** `vlan`, `bridge`. */
  readonly kind?: string;
  /** More files in its folder. */
  readonly files?: Files;
}

/**
 * A folder laid out as the kernel lays out sysfs: devices below `sys/devices`, and links to them by bus and class. It
 * stands for `/`, and is gone at the end: `using tree = new SysfsTree().pci("0000:03:00.0").link("eth0", { on: ... })`.
 */
export class SysfsTree implements Disposable {
  /** Stands for `/`. */
  readonly root = mkdtempSync(join(tmpdir(), "lanyard-sysfs-"));
  /** Folders of functions by their names. */
  readonly #functions = new Map<string, string>();
  readonly #vfCounts = new Map<string, number>();

  /** Stands for `/sys`. */
  get sysfs(): string {
    return join(this.root, "sys");
  }

  /** A PCI function: `0000:03:00.0`. */
  pci(address: string, facts: TreePciFunction = {}): this {
    const folder = `sys/devices/${facts.pcieRoot ?? "pci0000:00"}/${address}`;
    this.#functions.set(address, folder);
    this.files(folder, {
      vendor: `0x${facts.vendor ?? "8086"}`,
      device: `0x${facts.device ?? "154c"}`,
      class: `0x${facts.class ?? "020000"}`,
      numa_node: String(facts.numaNode ?? -1),
      driver_override: "(null)",
      ...facts.files,
    });
    this.symlink(`sys/bus/pci/devices/${address}`, folder);
    if (facts.driver !== undefined) this.driver(facts.driver).bind(address, facts.driver);
    if (facts.iommuGroup !== undefined)
      this.symlink(`${folder}/iommu_group`, `sys/kernel/iommu_groups/${facts.iommuGroup}`);
    if (facts.mostVfs !== undefined)
      this.files(folder, {
        sriov_totalvfs: String(facts.mostVfs),
        sriov_numvfs: "0",
        sriov_drivers_autoprobe: "1",
      });
    return this;
  }

  /** A VF of a PF that is there, with the PF's next number. */
  vf(pf: string, address: string, facts: TreePciFunction = {}): this {
    this.pci(address, facts);
    const number = this.#vfCounts.get(pf) ?? 0;
    this.#vfCounts.set(pf, number + 1);
    this.symlink(`${this.folderOf(pf)}/virtfn${number}`, this.folderOf(address));
    this.symlink(`${this.folderOf(address)}/physfn`, this.folderOf(pf));
    return this.files(this.folderOf(pf), { sriov_numvfs: String(number + 1) });
  }

  /** A sub-function of a PCI function that is there: `mlx5_core.sf.2`. */
  subfunction(parent: string, name: string, number: number, facts: { driver?: string } = {}): this {
    const folder = `${this.folderOf(parent)}/${name}`;
    this.#functions.set(name, folder);
    this.files(folder, { sfnum: String(number) });
    this.symlink(`sys/bus/auxiliary/devices/${name}`, folder);
    if (facts.driver !== undefined)
      this.symlink(`${folder}/driver`, `sys/bus/auxiliary/drivers/${facts.driver}`);
    return this;
  }

  /** A driver for PCI functions that bind nothing yet. */
  driver(name: string): this {
    return this.folder(`sys/bus/pci/drivers/${name}`);
  }

  /** Binds a function to a driver that is there. */
  bind(address: string, driver: string): this {
    return this.symlink(`${this.folderOf(address)}/driver`, `sys/bus/pci/drivers/${driver}`);
  }

  /** A link of the node. */
  link(name: string, facts: TreeLink = {}): this {
    const [owner, ...between] = facts.on?.split("/") ?? [];
    const device =
      owner === undefined ? "sys/devices/virtual" : join(this.folderOf(owner), between.join("/"));
    const folder = `${device}/net/${name}`;
    const isUp = facts.isUp ?? true;
    this.files(folder, {
      flags: isUp ? "0x1003" : "0x1002",
      ...(facts.index === undefined ? {} : { ifindex: String(facts.index) }),
      ...(facts.mac === undefined ? {} : { address: facts.mac }),
      ...(facts.mtu === undefined ? {} : { mtu: String(facts.mtu) }),
      ...(facts.hasCarrier === undefined ? {} : { carrier: facts.hasCarrier ? "1" : "0" }),
      ...(facts.kind === undefined ? {} : { uevent: `DEVTYPE=${facts.kind}\nINTERFACE=${name}` }),
      ...facts.files,
    });
    this.symlink(`sys/class/net/${name}`, folder);
    if (owner !== undefined) this.symlink(`${folder}/device`, device);
    for (const lower of facts.lowers ?? [])
      this.symlink(`${folder}/lower_${lower}`, `sys/class/net/${lower}`);
    if (facts.master !== undefined) this.symlink(`${folder}/master`, `sys/class/net/${facts.master}`);
    return this;
  }

  /** Files in a folder, made where they are missing; all paths are below the root. */
  files(folder: string, files: Files): this {
    this.folder(folder);
    for (const [path, text] of Object.entries(files)) this.file(join(folder, path), text);
    return this;
  }

  /** A file with a line feed behind its text. */
  file(path: string, text: string): this {
    this.folder(dirname(path));
    writeFileSync(join(this.root, path), `${text}\n`);
    return this;
  }

  folder(path: string): this {
    mkdirSync(join(this.root, path), { recursive: true });
    return this;
  }

  /** A symbolic link to a path below the root, written as the kernel does: the way up, then down to the name. */
  symlink(path: string, target: string): this {
    this.folder(dirname(path));
    this.remove(path);
    symlinkSync(join(relative(dirname(path), dirname(target)), basename(target)), join(this.root, path));
    return this;
  }

  /** Takes away whatever is there. */
  remove(path: string): this {
    const full = join(this.root, path);
    if (lstatSync(full, { throwIfNoEntry: false }) !== undefined) rmSync(full, { recursive: true });
    return this;
  }

  /** The folder of a function that is there, below the root. */
  folderOf(name: string): string {
    const folder = this.#functions.get(name);
    if (folder === undefined) throw new Error(`no function ${name} was laid out`);
    return folder;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
