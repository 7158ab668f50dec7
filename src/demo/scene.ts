import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { StatusReport } from "../control/report.ts";
import { LanyardError, NotFoundError } from "../model/errors.ts";
import type { QosClass } from "../model/qos-class.ts";
import { readManifestFile } from "../standalone/manifest-file.ts";
import { type AgentView, findAttachment, findPod } from "./agent-view.ts";
import type { Figure } from "./figure.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoPlaces } from "./places.ts";
import type { Endpoint } from "./traffic.ts";
import type { World } from "./world.ts";

/** What every step of the demo works with. */
export interface Scene {
  readonly places: DemoPlaces;
  readonly world: World;
  readonly agent: AgentView;
  readonly tell: Narrator;
  /** Aborts when the user wants the end, or the agent has ended by itself. */
  readonly signal: AbortSignal;
  /** Where every step puts what the closing table shows. */
  readonly figures: Figure[];
}

/** The file of the manifest folder that holds the pods. */
export function podsFile({ places }: Pick<Scene, "places">): string {
  return join(places.manifests, "pods.yaml");
}

/** What a class allows as it is written down, in bits per second: what measurements are held against. */
export function configuredRate(scene: Scene, className: string, direction: "egress" | "ingress"): number {
  const name = "qos-classes.yaml";
  const { entries } = readManifestFile(name, readFileSync(join(scene.places.manifests, name), "utf8"));
  const found = entries
    .map(({ manifest }) => manifest)
    .find((manifest): manifest is QosClass => manifest.kind === "QosClass" && manifest.name === className);
  const rate = found?.[direction].ceiling;
  if (rate === undefined) throw new NotFoundError(`${name}: no ${direction} ceiling of a class ${className}`);
  return rate;
}

/** An interface of a pod as an end of a transfer, at its first address. */
export function endpointOf(status: StatusReport, pod: string, interfaceName: string): Endpoint {
  const name = `${pod} ${interfaceName}`;
  const namespacePath = findPod(status, pod)?.namespacePath;
  const [address] = findAttachment(status, pod, interfaceName)?.addresses ?? [];
  if (namespacePath === undefined || address === undefined) {
    throw new LanyardError("not-found", `${name} has no network namespace or no address`);
  }
  return { name, namespacePath, address: withoutPrefix(address) };
}

/** `10.77.1.1` of `10.77.1.1/24`. */
export function withoutPrefix(address: string): string {
  return address.split("/")[0] ?? address;
}
