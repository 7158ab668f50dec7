import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How long a limit is counted over, in microseconds. */
const PERIOD_US = 100_000;

/**
 * A control group that holds processes to a part of one core. The kernel's hierarchy is mounted in `folder`, because the
 * world of a benchmark has a /sys of its own without it; both go at the end.
 */
export class ProcessorLimit implements Disposable {
  readonly #mounted: string;
  readonly #group: string;

  /** @param cores for example 0.5 */
  constructor(folder: string, cores: number) {
    this.#mounted = join(folder, "cgroup");
    mkdirSync(this.#mounted);
    const isUnified = isUnifiedHierarchy();
    const kind = isUnified ? ["cgroup2"] : ["cgroup", "-o", "cpu"];
    execFileSync("mount", ["-n", "-t", ...kind, "none", this.#mounted]);
    if (isUnified) writeFileSync(join(this.#mounted, "cgroup.subtree_control"), "+cpu");
    this.#group = join(this.#mounted, `lanyard-bench-${process.pid}`);
    mkdirSync(this.#group);
    const quota = Math.round(cores * PERIOD_US);
    if (isUnified) writeFileSync(join(this.#group, "cpu.max"), `${quota} ${PERIOD_US}`);
    else {
      writeFileSync(join(this.#group, "cpu.cfs_period_us"), String(PERIOD_US));
      writeFileSync(join(this.#group, "cpu.cfs_quota_us"), String(quota));
    }
  }

  /** Holds a process with all its threads, and whatever it starts from now on. */
  hold(processId: number): void {
    writeFileSync(join(this.#group, "cgroup.procs"), String(processId));
  }

  /** The processes that were held are free again. */
  [Symbol.dispose](): void {
    const held = readFileSync(join(this.#group, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
    for (const each of held) writeFileSync(join(this.#mounted, "cgroup.procs"), each);
    rmdirSync(this.#group);
    execFileSync("umount", ["-n", this.#mounted]);
    rmdirSync(this.#mounted);
  }
}

/** Whether the controller of processor time is in the one hierarchy of version 2; otherwise it has its own. */
function isUnifiedHierarchy(): boolean {
  return !readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .some((line) => /^[1-9]\d*:([^:]*,)?cpu[,:]/.test(line));
}
