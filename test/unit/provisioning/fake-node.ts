import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { NodeLink } from "../../../src/inventory/link.ts";
import { EBUSY, EINVAL, EOPNOTSUPP } from "../../../src/linux/errno.ts";
import type { LinkEvent } from "../../../src/linux/link-events.ts";
import { NetlinkError } from "../../../src/linux/netlink/error.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import type { VfAttributes } from "../../../src/linux/route/vf.ts";
import type { VfSettings } from "../../../src/linux/route/vf-settings.ts";
import type { FunctionFacts } from "../../../src/linux/sysfs/function-facts.ts";
import { LanyardError, NotFoundError } from "../../../src/model/errors.ts";
import type { DeviceUse, DeviceUses } from "../../../src/model/ports.ts";
import type { PfFiles } from "../../../src/provisioning/pf-files.ts";
import type { PfKernel, PfSource } from "../../../src/provisioning/surface.ts";

interface FakeLink {
  readonly index: number;
  readonly name: string;
  mtu: number;
  isUp: boolean;
  hasCarrier: boolean;
}

interface FakeVf {
  readonly address: string;
  driver: string | undefined;
  override: string | undefined;
  link: FakeLink | undefined;
  isElsewhere: boolean;
  attributes: VfAttributes;
}

const NEW_VF: VfAttributes = {
  mac: "00:00:00:00:00:00",
  broadcastMac: undefined,
  vlan: { id: 0, qos: 0, protocol: "802.1Q" },
  rate: { min: 0, max: 0 },
  isSpoofChecked: true,
  isTrusted: false,
  linkState: "auto",
  canQueryRss: undefined,
  nodeGuid: undefined,
  portGuid: undefined,
};

/** A PF that refuses what its driver would. */
export class FakePf {
  readonly address: string;
  readonly driver: string;
  readonly link: FakeLink;
  eswitchMode: "legacy" | "switchdev" | undefined;
  autoprobe = true;
  readonly mostVfs = 8;
  vfs: FakeVf[] = [];
  /** A cable is plugged in. */
  hasCable = true;
  /** The node tells of it: it is there, and its links have their last names. */
  isTold = true;
  /** Its link is on the node. */
  hasLink = true;
  device = "10c9";

  constructor(number: number, driver = "igb", eswitchMode: "legacy" | "switchdev" | undefined = undefined) {
    this.address = `0000:0${number}:00.0`;
    this.driver = driver;
    this.eswitchMode = eswitchMode;
    this.link = { index: number, name: `eth${number}`, mtu: 1500, isUp: false, hasCarrier: false };
  }

  /** Makes VFs as an administrator would before anything is provisioned. */
  makeVfs(count: number, node: FakeNode): void {
    this.vfs = Array.from({ length: count }, (_, index) => {
      const vf: FakeVf = {
        address: this.address.replace("00.0", `10.${index}`),
        driver: undefined,
        override: undefined,
        link: undefined,
        isElsewhere: false,
        attributes: NEW_VF,
      };
      if (this.autoprobe) node.drive(this, vf, index);
      return vf;
    });
  }
}

/** A node with PFs, of which every change is written down in `calls`. */
export class FakeNode implements PfSource, DeviceUses, PfFiles {
  readonly pfs: readonly FakePf[];
  /** What was done, in order: `eth1 setVfCount 2`. */
  readonly calls: string[] = [];
  readonly kernel: PfKernel;
  readonly protections = new Map<string, string>();
  /** Called before every change; may throw. */
  beforeChange: (call: string) => void | Promise<void> = () => {};
  #uses: readonly DeviceUse[] = [];
  /** Whether the kubelet has told who has what. */
  isComplete = true;
  #coming = 0;
  readonly #changes = new EventEmitter();
  readonly #events = new EventEmitter();

  constructor(...pfs: readonly FakePf[]) {
    this.pfs = pfs;
    this.kernel = this.#makeKernel();
  }

  functions(): readonly FunctionFacts[] {
    const told = this.pfs.filter(({ isTold }) => isTold);
    return told.map((pf) => ({
      bus: "pci",
      name: pf.address,
      pciAddress: pf.address,
      vendor: "8086",
      device: pf.device,
      class: "020000",
      driver: pf.driver,
      mostVfs: pf.mostVfs,
      vfCount: pf.vfs.length,
      isNoIommu: false,
      links: pf.hasLink ? [pf.link.name] : [],
      rdma: [],
    }));
  }

  links(): readonly NodeLink[] {
    const shown = this.pfs.filter(({ hasLink }) => hasLink);
    return shown.map(({ link }) => ({
      ...link,
      altNames: [`alt-${link.name}`],
      mac: "02:00:00:00:00:01",
      linkType: "ether",
      operState: "up",
      lowers: [],
      hasDefaultRoute: false,
      isLoopback: false,
    }));
  }

  whyProtected(linkName: string): string | undefined {
    return this.protections.get(linkName);
  }

  onChange(listener: () => void): () => void {
    this.#changes.on("change", listener);
    return () => this.#changes.off("change", listener);
  }

  uses(): readonly DeviceUse[] {
    return this.#uses;
  }

  /** Gives devices, by their ids, to `user`, and nothing else to anybody. */
  use(user: string, ...ids: readonly string[]): void {
    this.#uses = ids.map((id) => ({ resource: "lanyard.dev/vfs", id, user }));
    this.change();
  }

  /** Tells that something of the node has changed. */
  change(): void {
    this.#changes.emit("change");
  }

  async hasLink(address: string): Promise<boolean> {
    const pf = this.pfs.find((each) => each.address === address);
    if (pf !== undefined) return pf.hasLink;
    const { vf } = this.#findVf(address);
    return vf.link !== undefined || vf.isElsewhere;
  }

  /** The kernel's own driver takes a VF, and its link comes a moment later. */
  drive(pf: FakePf, vf: FakeVf, index: number, driver = "igbvf"): void {
    vf.driver = driver;
    if (driver !== "igbvf") return;
    this.#later(() => {
      const name = `${pf.link.name}v${index}`;
      vf.link = { index: pf.link.index * 100 + index, name, mtu: 1500, isUp: false, hasCarrier: false };
    });
  }

  /** Resolves when every link and carrier that is on its way has come. */
  async settle(): Promise<void> {
    while (this.#coming > 0) await nextTurn();
  }

  /** Something that comes by itself, and is announced then. */
  #later(happen: () => void): void {
    this.#coming += 1;
    setImmediate(() => {
      this.#coming -= 1;
      happen();
      this.#announce();
    });
  }

  #announce(): void {
    this.#events.emit("link");
    this.change();
  }

  async #note(call: string): Promise<void> {
    await this.beforeChange(call);
    this.calls.push(call);
  }

  #findPf(address: string): FakePf {
    const pf = this.pfs.find((each) => each.address === address);
    if (pf === undefined) throw new NotFoundError(`no PCI function ${address}`);
    return pf;
  }

  #findVf(address: string): { pf: FakePf; vf: FakeVf; index: number } {
    for (const pf of this.pfs) {
      const index = pf.vfs.findIndex((vf) => vf.address === address);
      if (index >= 0) return { pf, vf: pf.vfs[index] as FakeVf, index };
    }
    throw new NotFoundError(`no PCI function ${address}`);
  }

  #pfOfLink(index: number): FakePf {
    return this.pfs.find(({ link }) => link.index === index) as FakePf;
  }

  #restart({ link, hasCable }: FakePf): void {
    link.hasCarrier = false;
    if (!link.isUp || !hasCable) return;
    this.#later(() => {
      link.hasCarrier = true;
    });
  }

  #makeKernel(): PfKernel {
    const unbind = (vf: FakeVf) => {
      vf.driver = undefined;
      vf.link = undefined;
    };
    return {
      linkEvents: {
        onChange: (listener: (event: LinkEvent) => void) => {
          const tell = () => listener({} as LinkEvent);
          this.#events.on("link", tell);
          return () => this.#events.off("link", tell);
        },
      },
      pci: {
        get: async (address) => {
          const common = {
            address,
            vendor: "8086",
            device: "10c9",
            class: "020000",
            iommuGroup: undefined,
            numaNode: undefined,
          };
          const pf = this.pfs.find((each) => each.address === address);
          if (pf !== undefined) {
            const { mostVfs, autoprobe, driver } = pf;
            const sriov = { mostVfs, autoprobe, vfs: pf.vfs.map((vf) => vf.address) };
            return {
              ...common,
              driver,
              driverOverride: undefined,
              links: pf.hasLink ? [pf.link.name] : [],
              pf: undefined,
              sriov,
            };
          }
          const { pf: parent, vf } = this.#findVf(address);
          return {
            ...common,
            driver: vf.driver,
            driverOverride: vf.override,
            links: vf.link === undefined || vf.isElsewhere ? [] : [vf.link.name],
            pf: parent.address,
            sriov: undefined,
          };
        },
        setVfCount: async (address, count, probes = true) => {
          const pf = this.#findPf(address);
          await this.#note(`${pf.link.name} setVfCount ${count}${probes ? "" : " unbound"}`);
          pf.autoprobe = probes;
          pf.makeVfs(count, this);
          this.#restart(pf);
          this.#announce();
        },
        setAutoprobe: async (address, probes) => {
          const pf = this.#findPf(address);
          await this.#note(`${pf.link.name} setAutoprobe ${probes}`);
          pf.autoprobe = probes;
        },
        bind: async (address, driver) => {
          const { pf, vf, index } = this.#findVf(address);
          await this.#note(`${pf.link.name} vf ${index} bind ${driver}`);
          vf.override = driver;
          unbind(vf);
          this.drive(pf, vf, index, driver);
        },
        release: async (address) => {
          const { pf, vf, index } = this.#findVf(address);
          await this.#note(`${pf.link.name} vf ${index} release`);
          vf.override = undefined;
          unbind(vf);
          if (pf.autoprobe) this.drive(pf, vf, index);
        },
        unbind: async (address) => {
          const { pf, vf, index } = this.#findVf(address);
          await this.#note(`${pf.link.name} vf ${index} unbind`);
          unbind(vf);
        },
        reset: async (address) => {
          const { pf, vf, index } = this.#findVf(address);
          if (vf.driver !== undefined) throw new LanyardError("conflict", "reset under a driver");
          await this.#note(`${pf.link.name} vf ${index} reset`);
        },
      },
      host: {
        links: {
          list: async () => {
            const all = this.pfs.flatMap(({ link, vfs }) => [link, ...vfs.flatMap((vf) => vf.link ?? [])]);
            return { links: all as unknown as Link[], isInconsistent: false };
          },
          set: async (index, settings) => {
            const pf = this.pfs.find(({ link }) => link.index === index);
            const vfs = this.pfs.flatMap((each) => each.vfs);
            const link = pf?.link ?? (vfs.find((vf) => vf.link?.index === index)?.link as FakeLink);
            await this.#note(`${link.name} ${JSON.stringify(settings)}`);
            Object.assign(link, settings);
            if (pf !== undefined) this.#restart(pf);
          },
        },
        vfs: {
          list: async (index) =>
            this.#pfOfLink(index).vfs.map((vf, number) => ({
              index: number,
              attributes: vf.attributes,
              statistics: undefined,
              pciAddress: vf.address,
            })),
          set: async (index, number, settings: VfSettings) => {
            const pf = this.#pfOfLink(index);
            const vf = pf.vfs[number] as FakeVf;
            if (settings.rate !== undefined && !pf.link.hasCarrier) {
              throw new NetlinkError(`set the rate of VF ${number}`, EINVAL);
            }
            await this.#note(`${pf.link.name} vf ${number} ${JSON.stringify(settings)}`);
            vf.attributes = { ...vf.attributes, ...settings };
          },
        },
        devlink: {
          eswitches: {
            get: async (device) => {
              const { eswitchMode } = this.#findPf(device.slice("pci/".length));
              if (eswitchMode === undefined) throw new NetlinkError("read the eswitch mode", EOPNOTSUPP);
              return { device, mode: eswitchMode };
            },
            set: async (device, { mode }) => {
              const pf = this.#findPf(device.slice("pci/".length));
              const isBusy =
                (pf.driver === "ice" && pf.vfs.length > 0) ||
                (pf.driver === "mlx5_core" && pf.vfs.some(({ driver }) => driver !== undefined));
              if (isBusy) throw new NetlinkError("set the eswitch mode", EBUSY);
              await this.#note(`${pf.link.name} setEswitchMode ${mode}`);
              pf.eswitchMode = mode as "legacy" | "switchdev";
            },
          },
        },
      },
    };
  }
}
