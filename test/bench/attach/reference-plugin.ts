import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { MissingProgramError } from "../benchmark.ts";
import { Launcher } from "./launcher.ts";
import { type BenchPod, INTERFACE, type Side, UPLINK } from "./side.ts";

const DEBIAN_PACKAGE = "containernetworking-plugins";
/** Where Debian puts the plugins. */
const DEBIAN_FOLDER = "/usr/lib/cni";

const network = (address: string) => ({
  cniVersion: "1.0.0",
  name: "bench",
  type: "macvlan",
  master: UPLINK,
  mode: "bridge",
  ipam: { type: "static", addresses: [{ address }] },
});

/**
 * The reference plugins, called as a container runtime calls them (CNI specification 1.0.0, sections 2 and 4):
 * a process per call, parameters in the environment, the network's configuration on standard input; a DEL is
 * given the result of the ADD. Throws MissingProgramError.
 */
export function makeReferenceSide(folder = DEBIAN_FOLDER): Side & AsyncDisposable {
  for (const plugin of ["macvlan", "static"]) {
    try {
      accessSync(join(folder, plugin), constants.X_OK);
    } catch {
      throw new MissingProgramError(join(folder, plugin), DEBIAN_PACKAGE);
    }
  }
  const launcher = new Launcher(join(folder, "macvlan"));
  const results = new Map<string, unknown>();
  const call = async (command: "ADD" | "DEL", pod: BenchPod, configuration: unknown) => {
    const variables = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod.name,
      CNI_NETNS: pod.sandbox.namespacePath,
      CNI_IFNAME: INTERFACE,
      CNI_PATH: folder,
    };
    const { code, output } = await launcher.run(variables, JSON.stringify(configuration));
    if (code === 0) return output;
    throw new Error(`${pod.name}: macvlan ${command} ended with exit code ${code}: ${output}`);
  };
  return {
    name: `${DEBIAN_PACKAGE} ${readVersion()}`,
    attach: async (pod) => {
      results.set(pod.name, JSON.parse(await call("ADD", pod, network(pod.address))));
    },
    detach: async (pod) => {
      await call("DEL", pod, { ...network(pod.address), prevResult: results.get(pod.name) });
      results.delete(pod.name);
    },
    [Symbol.asyncDispose]: () => launcher[Symbol.asyncDispose](),
  };
}

function readVersion(): string {
  const format = "-f=$" + "{Version}";
  const query = spawnSync("dpkg-query", ["-W", format, DEBIAN_PACKAGE], { encoding: "utf8" });
  return query.status === 0 ? query.stdout : "of unknown version";
}
