import { spawnSync } from "node:child_process";
import { findPrivateWorld } from "../linux/private-world.ts";
import { LanyardError } from "../model/errors.ts";

/**
 * The command line that runs another in the demo's own world.
 * @throws LanyardError that names what to install or to allow
 */
export function findEnclosure(): readonly [string, ...string[]] {
  for (const tool of ["unshare", "nsenter"]) {
    if (spawnSync(tool, ["--version"]).error === undefined) continue;
    const message = `${tool} is needed; install it with: apt-get install -y util-linux`;
    throw new LanyardError("unavailable", message);
  }
  const world = findPrivateWorld({ hasOwnRun: false, diesWithParent: false });
  if ("command" in world) return world.command;
  throw new LanyardError(
    "unavailable",
    `this machine allows no private network (${world.reason}); run as root, or let users make namespaces: ` +
      "sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1",
  );
}
