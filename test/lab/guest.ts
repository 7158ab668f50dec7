import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** What the lab's guest can be asked for: modules of its kernel, and devices that netdevsim plays. */

/** Loads a module of the guest's kernel: nothing loads one by itself there, but for what rtnetlink and tc ask for. */
export function loadModule(name: string): void {
  execFileSync("modprobe", [name]);
}

const BUS = "/sys/bus/netdevsim";

/** Leaves the two emulated cards as the guest has them at its start: down, so that the next file finds no carrier. */
export function setCardsDown(): void {
  for (const card of ["eth0", "eth1"]) execFileSync("ip", ["link", "set", card, "down"]);
}

/**
 * A device of netdevsim, which plays a network card with VFs, an eswitch and devlink for the kernel's own tests: it is
 * no hardware, and its VFs have no links. Gone at the end: `using device = new Netdevsim(10)`.
 */
export class Netdevsim implements Disposable {
  readonly #id: number;
  /** `netdevsim/netdevsim10`: bus and name, as devlink names it. */
  readonly devlinkName: string;

  constructor(id: number, ports = 1, queues = 4) {
    loadModule("netdevsim");
    this.#id = id;
    this.devlinkName = `netdevsim/netdevsim${id}`;
    writeFileSync(`${BUS}/new_device`, `${id} ${ports} ${queues}`);
  }

  /** Names of the links of its ports that are in the guest's own network namespace, in their order. */
  get linkNames(): string[] {
    return readdirSync(`${this.folder}/net`).sort();
  }

  /** Its folder in sysfs, with `sriov_numvfs`. */
  get folder(): string {
    return `${BUS}/devices/netdevsim${this.#id}`;
  }

  /** Its folder in debugfs, where its behaviour is set. */
  get debugFolder(): string {
    return `/sys/kernel/debug/netdevsim/netdevsim${this.#id}`;
  }

  /** How many VFs it plays; goes through 0, because another number is refused while there are some. */
  set vfCount(count: number) {
    const path = `${this.folder}/sriov_numvfs`;
    if (readFileSync(path, "utf8").trim() !== "0") writeFileSync(path, "0");
    if (count === 0) return;
    const limit = `${this.debugFolder}/max_vfs`;
    if (Number(readFileSync(limit, "utf8")) < count) writeFileSync(limit, String(count));
    writeFileSync(path, String(count));
  }

  [Symbol.dispose](): void {
    writeFileSync(`${BUS}/del_device`, String(this.#id));
  }
}
