import { spawnSync } from "node:child_process";

/** A command line that runs another one in a private world, or why there can be none. */
export type PrivateWorld = { readonly command: readonly [string, ...string[]] } | { readonly reason: string };

/** What is done in the new world before the command runs; a failure ends it. */
export interface PrivateWorldOptions {
  /** An empty /run, so that nothing of the machine's is seen or touched there. */
  readonly hasOwnRun: boolean;
  /** The world ends with the process that started it, also when that is killed. */
  readonly diesWithParent: boolean;
  /** The ways to try, each the extra arguments of unshare(1). */
  readonly ways?: readonly (readonly string[])[];
}

const NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/**
 * Finds how to run a command in a world with its own network, processes and mounts, which the kernel removes with
 * everything in it when that command ends: as root directly, otherwise in a user namespace. Each way is tried in
 * earnest, since only the kernel knows whether it allows it.
 *
 * A shell is the first process of the world and stays there to collect orphans, which Node would not do. sysfs
 * shows the links of the network namespace it was mounted in, so it is mounted afresh.
 */
export function findPrivateWorld(options: PrivateWorldOptions): PrivateWorld {
  const refusals: string[] = [];
  for (const extra of options.ways ?? possibleWays()) {
    const [program, ...args] = commandLine(extra, options);
    const trial = spawnSync(program, [...args, "true"], { encoding: "utf8" });
    if (trial.status === 0) return { command: [program, ...args] };
    refusals.push(
      trial.error?.message ?? (trial.stderr.trim().split("\n")[0] || `exit code ${trial.status}`),
    );
  }
  return { reason: [...new Set(refusals)].join("; ") };
}

function commandLine(
  extra: readonly string[],
  { hasOwnRun, diesWithParent }: PrivateWorldOptions,
): [string, ...string[]] {
  const enter = [
    // -n: no note of it in /run/mount, which is the machine's
    "mount -n -t sysfs sysfs /sys || exit",
    ...(hasOwnRun ? ["mount -n -t tmpfs -o mode=755 tmpfs /run && mkdir /run/netns || exit"] : []),
    "if command -v ip >/dev/null; then ip link set lo up; fi",
    '"$@"; exit $?',
  ].join("\n");
  const unshare = ["unshare", ...extra, ...NAMESPACES, "--", "sh", "-c", enter, "sh"] as const;
  return diesWithParent ? ["setpriv", "--pdeathsig", "KILL", ...unshare] : [...unshare];
}

function possibleWays(): string[][] {
  const inUserNamespace = ["--user", "--map-root-user"];
  return process.getuid?.() === 0 ? [[], inUserNamespace] : [inUserNamespace];
}
