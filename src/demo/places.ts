import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a demo keeps its files: all of them lie in one folder, which goes with it. */
export interface DemoPlaces {
  readonly folder: string;
  /** Manifests the agent follows, copied from deploy/standalone/manifests. */
  readonly manifests: string;
  readonly config: string;
  readonly state: string;
  readonly kubelet: string;
  readonly agentSocket: string;
  readonly metricsSocket: string;
  readonly agentLog: string;
  /** Which process holds the private world, for a later demo that finds this one's folder. */
  readonly worldFile: string;
}

/** The places below a demo's folder. */
export function placesIn(folder: string): DemoPlaces {
  return {
    folder,
    manifests: join(folder, "manifests"),
    config: join(folder, "config.yaml"),
    state: join(folder, "state"),
    kubelet: join(folder, "device-plugins"),
    agentSocket: join(folder, "agent.sock"),
    metricsSocket: join(folder, "metrics.sock"),
    agentLog: join(folder, "agent.log"),
    worldFile: join(folder, "world.json"),
  };
}

/** A file of the project, by its path from the root. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
