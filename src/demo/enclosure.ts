import { spawnSync } from "node:child_process";
import { LanyardError } from "../model/errors.ts";

const NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/**
 * A shell is the first process of the world and stays there, to collect orphans, which Node would not do.
 * sysfs shows the links of the network namespace it was mounted in, so it is mounted afresh; without -n, mount
 * would leave a folder /run/mount on machines that have none.
 */
const ENTER = 'mount -n -t sysfs sysfs /sys || exit\n"$@"\nexit $?';

/**
 * A command line that runs another in a world with its own network, processes and mounts, which the kernel
 * removes with everything in it when that command ends. Each way is tried in earnest, since only the kernel
 * knows whether it allows it: directly as root, otherwise in a user namespace.
 * @throws LanyardError that names what to install or to allow
 */
export function findEnclosure(): readonly [string, ...string[]] {
  const refusals: string[] = [];
  for (const extra of possibleWays()) {
    const args = [...extra, ...NAMESPACES, "--", "sh", "-c", ENTER, "sh"];
    const trial = spawnSync("unshare", [...args, "nsenter", "--version"], { encoding: "utf8" });
    if (trial.status === 0) return ["unshare", ...args];
    const isMissing = (trial.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    if (isMissing || trial.status === 127) {
      const message = "unshare and nsenter are needed; install with: apt-get install -y util-linux";
      throw new LanyardError("unavailable", message, { cause: trial.error });
    }
    refusals.push(
      trial.error?.message ?? (trial.stderr.trim().split("\n")[0] || `exit code ${trial.status}`),
    );
  }
  throw new LanyardError(
    "unavailable",
    `this machine allows no private network (${[...new Set(refusals)].join("; ")}); run as root, or let users ` +
      "make namespaces: sysctl -w user.max_user_namespaces=10000",
  );
}

function possibleWays(): string[][] {
  const inUserNamespace = ["--user", "--map-root-user"];
  return process.getuid?.() === 0 ? [[], inUserNamespace] : [inUserNamespace];
}
