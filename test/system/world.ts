import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const CGROUPS = "/sys/fs/cgroup";

/** Begins the name of the cgroup in which a run keeps its sandboxes. */
const CGROUP_PREFIX = "lanyard-system-";

/** A cgroup for sandboxes as a runtime is told it, which nobody else has. */
export function chooseCgroup(): string {
  return `/${CGROUP_PREFIX}${randomBytes(4).toString("hex")}`;
}

/**
 * Makes a private world fit for a container runtime: an empty /var/lib, where runtimes and plugins keep what must not meet
 * the machine's; a folder for shims' sockets; and the cgroups, which the world's own sysfs hides.
 */
export function furnishWorld(): void {
  mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/var/lib");
  mkdirSync("/run/containerd");
  mountCgroups();
}

/** Removes the cgroups that are left when their sandboxes are gone. A cgroup with processes in it cannot be removed. */
export function removeStaleCgroups(): void {
  for (const hierarchy of hierarchies()) {
    const folder = join(CGROUPS, hierarchy);
    for (const name of namesIn(folder).filter((name) => name.startsWith(CGROUP_PREFIX))) {
      removeCgroup(join(folder, name));
    }
  }
}

/** A line of /proc/self/cgroup is `number:controllers:path`; version 2 has number 0 and no controllers. */
function mountCgroups(): void {
  const controllers = hierarchies();
  if (controllers.length === 0) {
    mount("-t", "cgroup2", "cgroup2", CGROUPS);
    return;
  }
  mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", CGROUPS);
  for (const each of controllers) {
    const folder = join(CGROUPS, each);
    mkdirSync(folder);
    mount("-t", "cgroup", "-o", each, "cgroup", folder);
  }
}

/** Controllers of each hierarchy of version 1, as they are mounted; none where only version 2 is in use. */
function hierarchies(): string[] {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  return lines.flatMap((line) => {
    const controllers = line.split(":")[1] ?? "";
    return controllers === "" || controllers.startsWith("name=") ? [] : [controllers];
  });
}

function removeCgroup(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EBUSY", "ENOENT"].includes(code)) throw error;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** -n: no note of it in /run/mount. */
function mount(...words: readonly string[]): void {
  execFileSync("mount", ["-n", ...words], { stdio: ["ignore", "inherit", "inherit"] });
}
