import {
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { JobResult, Task } from "../../../../src/linux/worker/jobs.ts";
import { JobError, type JobRunner } from "../../../../src/linux/worker/pool.ts";

/** What was written, by the path below /sys. */
export type Write = readonly [path: string, text: string];

/**
 * Writes into a laid-out tree, and does there what the kernel does when drivers are unbound and functions are offered
 * to them: a function gets the driver that its `driver_override` names, or else the one it is known by.
 */
export class PciBus implements JobRunner {
  readonly writes: Write[] = [];
  /** Drivers that a function is known by, and drivers that take none. */
  readonly knownBy = new Map<string, string>();
  readonly refusing = new Set<string>();
  /** Writes that fail, by the path below /sys, with their error number. */
  readonly failing = new Map<string, number>();
  readonly #sysfs: string;

  constructor(sysfs: string) {
    this.#sysfs = sysfs;
  }

  async run(tasks: readonly Task[]): Promise<readonly JobResult[]> {
    return tasks.map(({ job }, position) => {
      if (job.do !== "writeFile") throw new Error(`nobody does ${job.do} here`);
      const path = job.path.slice(this.#sysfs.length + 1);
      this.writes.push([path, job.text.trim()]);
      const errno = this.failing.get(path);
      if (errno !== undefined)
        throw new JobError({ code: "kernel", message: `errno ${errno}`, errno }, position);
      this.#act(job.path, job.text);
      return { did: "writeFile" };
    });
  }

  #act(path: string, text: string): void {
    if (path.endsWith("/driver/unbind")) {
      rmSync(dirname(path));
      return;
    }
    writeFileSync(path, text);
    if (path.endsWith("/drivers_probe")) this.#probe(text);
  }

  #probe(address: string): void {
    const folder = join(this.#sysfs, "bus/pci/devices", address);
    const link = join(folder, "driver");
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return;
    const override = readFileSync(join(folder, "driver_override"), "utf8").trim();
    const driver = ["", "(null)"].includes(override) ? this.knownBy.get(address) : override;
    if (driver === undefined || this.refusing.has(driver)) return;
    const target = join(this.#sysfs, "bus/pci/drivers", driver);
    if (existsSync(target)) symlinkSync(target, link);
  }
}

/** The driver that a function of the tree has. */
export function driverOf(sysfs: string, address: string): string | undefined {
  const link = join(sysfs, "bus/pci/devices", address, "driver");
  return existsSync(link) ? basename(readlinkSync(link)) : undefined;
}
