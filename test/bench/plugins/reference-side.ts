import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { MissingProgramError } from "../benchmark.ts";
import type { Launcher } from "./launcher.ts";
import { type BenchPod, type Side, UPLINK } from "./pods.ts";

const DEBIAN_PACKAGE = "containernetworking-plugins";
/** Where Debian puts the plugins. */
const DEBIAN_FOLDER = "/usr/lib/cni";

/**
 * The reference plugins, called as a container runtime calls them (CNI specification 1.0.0, sections 2 and 4): a process for
 * each interface, one after the other for one pod; a DEL is given the result of the ADD. Throws MissingProgramError.
 */
export function makeReferenceSide(launcher: Launcher, folder = DEBIAN_FOLDER): Side {
  for (const plugin of ["macvlan", "static"]) {
    try {
      accessSync(join(folder, plugin), constants.X_OK);
    } catch {
      throw new MissingProgramError(join(folder, plugin), DEBIAN_PACKAGE);
    }
  }
  const results = new Map<string, unknown>();
  const call = async (command: "ADD" | "DEL", pod: BenchPod): Promise<number> => {
    let milliseconds = 0;
    for (const { name, address } of pod.interfaces) {
      const key = `${pod.id}/${name}`;
      const configuration = {
        cniVersion: "1.0.0",
        name: "bench",
        type: "macvlan",
        master: UPLINK,
        mode: "bridge",
        ipam: { type: "static", addresses: [{ address }] },
        ...(command === "DEL" && { prevResult: results.get(key) }),
      };
      const ended = await launcher.run({
        program: join(folder, "macvlan"),
        environment: {
          CNI_COMMAND: command,
          CNI_CONTAINERID: pod.id,
          CNI_NETNS: pod.namespacePath,
          CNI_IFNAME: name,
          CNI_PATH: folder,
        },
        input: JSON.stringify(configuration),
      });
      if (ended.code !== 0)
        throw new Error(`${key}: macvlan ${command} ended with exit code ${ended.code}: ${ended.output}`);
      if (command === "ADD") results.set(key, JSON.parse(ended.output));
      milliseconds += ended.milliseconds;
    }
    return milliseconds;
  };
  return {
    name: `${DEBIAN_PACKAGE} ${readVersion()}`,
    add: (pod) => call("ADD", pod),
    delete: (pod) => call("DEL", pod),
  };
}

function readVersion(): string {
  const format = "-f=$" + "{Version}";
  const query = spawnSync("dpkg-query", ["-W", format, DEBIAN_PACKAGE], { encoding: "utf8" });
  return query.status === 0 ? query.stdout : "of unknown version";
}
