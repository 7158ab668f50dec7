import { spawnSync } from "node:child_process";

/** A command line that runs another one in a private world, or why there can be none. */
export type World = { command: readonly [string, ...string[]] } | { reason: string };

const NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/**
 * The shell is the first process of the world and stays there to collect orphans, which Node would not do.
 * sysfs shows the links of the network namespace it was mounted in, so it is mounted afresh; /run is empty, so
 * that tests neither see nor touch the machine's /run/netns.
 */
const ENTER = [
  "mount -t sysfs sysfs /sys && mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/netns || exit",
  "if command -v ip >/dev/null; then ip link set lo up; fi",
  '"$@"; exit $?',
].join("\n");

/**
 * Finds how to make a world with its own network, processes, mounts, /sys and /run: as root directly, otherwise
 * in a user namespace. Each way is tried in earnest, since only the kernel knows whether it allows it.
 *
 * @param candidates the ways to try, each the extra arguments of unshare(1)
 */
export function findWorld(candidates: readonly string[][] = possibleWays()): World {
  const refusals: string[] = [];
  for (const extra of candidates) {
    // Should the runner be killed, its world ends with it.
    const command = [
      "setpriv",
      "--pdeathsig",
      "KILL",
      "unshare",
      ...extra,
      ...NAMESPACES,
      "sh",
      "-c",
      ENTER,
      "sh",
    ];
    const [program = "", ...args] = command;
    const trial = spawnSync(program, [...args, "true"], { encoding: "utf8" });
    if (trial.status === 0) return { command: [program, ...args] };
    refusals.push(
      trial.error?.message ?? (trial.stderr.trim().split("\n")[0] || `exit code ${trial.status}`),
    );
  }
  return { reason: [...new Set(refusals)].join("; ") };
}

function possibleWays(): string[][] {
  const inUserNamespace = ["--user", "--map-root-user"];
  return process.getuid?.() === 0 ? [[], inUserNamespace] : [inUserNamespace];
}
