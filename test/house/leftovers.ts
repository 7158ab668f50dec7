import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Where to look for what tests leave behind. */
export interface Places {
  /** A folder that only these tests write to. */
  temporary: string;
  /** The variable, `NAME=value`, that the environment of every process of these tests carries. */
  marker: string;
  /** Look at every process and at all of /run: only in a private world, where nobody else has any. */
  isPrivate: boolean;
}

/**
 * What there is at this moment, one line for a thing: links of this network namespace, named or mounted
 * network namespaces, files, and processes of the tests.
 */
export function takeTraces(places: Places): Set<string> {
  return new Set([
    ...linkNames().map((name) => `link ${name}`),
    ...namesIn("/run/netns").map((name) => `network namespace /run/netns/${name}`),
    ...namespaceMounts(),
    ...filesIn(places.temporary),
    ...(places.isPrivate ? filesIn("/run") : []),
    ...processes(places),
  ]);
}

/**
 * What is there now and was not before. The kernel takes links down some time after their namespace is gone,
 * and a killed process takes a moment to end, so a difference is looked at again until it is gone or
 * `patience` (milliseconds) is over.
 */
export async function findLeftovers(
  before: ReadonlySet<string>,
  places: Places,
  patience: number,
): Promise<string[]> {
  const deadline = performance.now() + patience;
  for (;;) {
    const leftovers = [...takeTraces(places)].filter((trace) => !before.has(trace));
    if (leftovers.length === 0 || performance.now() >= deadline) return leftovers;
    await delay(50);
  }
}

function namesIn(folder: string): string[] {
  return readUnlessGone(() => readdirSync(folder)) ?? [];
}

function filesIn(folder: string): string[] {
  return namesIn(folder).map((name) => `file ${join(folder, name)}`);
}

/** Each link is a symbolic link there; `bonding_masters`, which the bonding driver puts there too, is a file. */
function linkNames(): string[] {
  const folder = "/sys/class/net";
  return namesIn(folder).filter(
    (name) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.isSymbolicLink() === true,
  );
}

function namespaceMounts(): string[] {
  // proc_pid_mountinfo(5): the fifth field is the mount point, the type follows a lone dash.
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines
    .filter((line) => line.includes(" - nsfs "))
    .map((line) => `mounted namespace ${line.split(" ")[4]}`);
}

function processes({ marker, isPrivate }: Places): string[] {
  const found: string[] = [];
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    if (pid === String(process.pid)) continue;
    const command = readUnlessGone(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
    // A process that has ended but is not yet collected, and a thread of the kernel, have no command line.
    if (command === "") continue;
    const environment = readUnlessGone(() => readFileSync(`/proc/${pid}/environ`, "utf8")) ?? "";
    if (isPrivate || environment.split("\0").includes(marker)) {
      found.push(`process ${pid} (${command.split("\0").join(" ").trim().slice(0, 120)})`);
    }
  }
  return found;
}

/** Processes and namespaces go while we look, and other people's may not be read: neither is ours. */
function readUnlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== undefined && ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) return undefined;
    throw error;
  }
}
