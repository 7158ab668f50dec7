import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What tells this run of the kernel from every other (random/boot_id, proc_sys_kernel(5)). */
export function readBootId(procRoot = "/proc"): string {
  return readFileSync(join(procRoot, "sys/kernel/random/boot_id"), "latin1").trim();
}
