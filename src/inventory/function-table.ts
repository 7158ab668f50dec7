import type { Logger } from "pino";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import { readFunction, readFunctions } from "../linux/sysfs/functions.ts";
import type { Uevent } from "../linux/uevent.ts";
import { errorText } from "../model/errors.ts";
import { SerialTask } from "../model/serial-task.ts";

/** Kinds of devices whose coming and going changes what is known of the function they belong to. */
const SUBSYSTEMS: ReadonlySet<string> = new Set([
  "pci",
  "net",
  "auxiliary",
  "infiniband",
  "infiniband_verbs",
  "infiniband_mad",
  "vdpa",
  "uio",
  "vfio-dev",
]);

/** Network controllers and processing accelerators (PCI Code and ID Assignment). */
const CLASSES = /^(?:02|12)/;

/** Every PCI address in a path of sysfs, the nearest to the device last. */
const ADDRESSES = /(?<=\/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\/|$)/g;

/** The node's functions, read once and then again where the kernel tells that something happened. */
export class FunctionTable {
  readonly #root: string;
  readonly #log: Logger;
  readonly #onChange: () => void;
  readonly #task = new SerialTask(() => this.#read());
  readonly #dirty = new Set<string>();
  #isAllDirty = false;
  #functions = new Map<string, FunctionFacts>();

  /** @param onChange called after something was read again, whether or not it is different */
  constructor(root: string, log: Logger, onChange: () => void) {
    this.#root = root;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** By their names, in no order. */
  get functions(): ReadonlyMap<string, FunctionFacts> {
    return this.#functions;
  }

  /** Reads everything again; resolves when that is done. */
  readAll(): Promise<void> {
    this.#isAllDirty = true;
    return this.#task.request();
  }

  /** Reads again what an event is about. */
  take({ subsystem, devicePath }: Uevent): void {
    if (subsystem === undefined || !SUBSYSTEMS.has(subsystem)) return;
    const address = devicePath.match(ADDRESSES)?.at(-1);
    if (address === undefined) return;
    if (subsystem === "auxiliary") {
      void this.readAll();
      return;
    }
    this.#dirty.add(address);
    const pf = this.#functions.get(address)?.pf;
    if (pf !== undefined) this.#dirty.add(pf);
    void this.#task.request();
  }

  async #read(): Promise<void> {
    const addresses = [...this.#dirty];
    const isAll = this.#isAllDirty || addresses.some((address) => this.#hasAuxiliary(address));
    this.#dirty.clear();
    this.#isAllDirty = false;
    try {
      if (isAll) {
        this.#functions = new Map((await readFunctions(this.#root)).map((facts) => [facts.name, facts]));
      } else {
        const pfs = await this.#readEach(addresses);
        // A VF that has come: the number of VFs is its PF's to tell.
        await this.#readEach(pfs.filter((pf) => !addresses.includes(pf)));
      }
    } catch (error) {
      this.#log.error({ err: error }, `the node's PCI functions could not be read: ${errorText(error)}`);
    }
    this.#onChange();
  }

  /** Gives the PFs of those that were not known. */
  async #readEach(addresses: readonly string[]): Promise<string[]> {
    const found = await Promise.all(
      addresses.map(async (address) => [address, await readFunction(this.#root, address)] as const),
    );
    return found.flatMap(([address, facts]) => {
      const isNew = !this.#functions.has(address);
      if (facts === undefined || !CLASSES.test(facts.class)) this.#functions.delete(address);
      else this.#functions.set(address, facts);
      return isNew && facts?.pf !== undefined ? [facts.pf] : [];
    });
  }

  #hasAuxiliary(address: string): boolean {
    return [...this.#functions.values()].some(
      ({ bus, pciAddress }) => bus === "auxiliary" && pciAddress === address,
    );
  }
}
