import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, pino } from "pino";
import { AttachmentEngine } from "../../../src/attachment/engine.ts";
import { Journal } from "../../../src/attachment/journal/journal.ts";
import { readBootId } from "../../../src/linux/boot-id.ts";
import { probeCapabilities } from "../../../src/linux/capabilities.ts";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { NetworkReference } from "../../../src/model/attachment.ts";
import { parseNetworkConfiguration } from "../../../src/model/cni/network-configuration.ts";
import { type LinkProfile, parseLinkProfile } from "../../../src/model/link-profile.ts";
import type { AssignedDevice, PodIdentity } from "../../../src/model/pod.ts";
import { type PodNetwork, parsePodNetwork } from "../../../src/model/pod-network.ts";
import type { NetworkCatalog, PluginRunner } from "../../../src/model/ports.ts";
import { parseQosClass, type QosClass } from "../../../src/model/qos-class.ts";

const PAUSE = fileURLToPath(new URL("../../../native/build/pause", import.meta.url));

/** A process that holds a network namespace, as a pod's sandbox does. */
export class PodSandbox {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(): Promise<PodSandbox> {
    const child = spawn(PAUSE, ["sandbox of a test"], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    return new PodSandbox(child);
  }

  get namespacePath(): string {
    return `/proc/${this.#process.pid}/ns/net`;
  }

  /** Ends the process, and with it the namespace, unless something else holds it. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}

/** Objects of the API by name, as a door would hold them. */
export class Catalog implements NetworkCatalog {
  readonly #objects = new Map<string, PodNetwork | LinkProfile | QosClass>();

  /** A network and its profile, both called `name`. */
  network(name: string, profile: Record<string, unknown>): this {
    const document = (kind: string, spec: unknown) => ({
      apiVersion: "lanyard.dev/v1alpha1",
      kind,
      metadata: { name },
      spec,
    });
    const parametersRefs = [{ group: "lanyard.dev", kind: "LinkProfile", name }];
    this.#objects.set(
      `PodNetwork ${name}`,
      parsePodNetwork(document("PodNetwork", { parametersRefs }), "test"),
    );
    this.#objects.set(`LinkProfile ${name}`, parseLinkProfile(document("LinkProfile", profile), "test"));
    return this;
  }

  class(name: string, spec: Record<string, unknown>): this {
    const document = { apiVersion: "lanyard.dev/v1alpha1", kind: "QosClass", metadata: { name }, spec };
    this.#objects.set(`QosClass ${name}`, parseQosClass(document, "test"));
    return this;
  }

  podNetwork(name: string) {
    return this.#objects.get(`PodNetwork ${name}`) as PodNetwork | undefined;
  }

  linkProfile(name: string) {
    return this.#objects.get(`LinkProfile ${name}`) as LinkProfile | undefined;
  }

  qosClass(name: string) {
    return this.#objects.get(`QosClass ${name}`) as QosClass | undefined;
  }

  podNetworkAttachment() {
    return undefined;
  }

  networkAttachmentDefinition() {
    return undefined;
  }

  onChange() {
    return () => {};
  }
}

/** A folder for one test's journal, gone afterwards. */
export function makeStateFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "lanyard-attachment-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface EngineSetup {
  readonly kernel: Kernel;
  readonly journal: Journal;
  readonly catalog: Catalog;
  /** What the kubelet gave to any pod. */
  readonly assigned?: readonly AssignedDevice[];
  /** Where other programs are run; nowhere unless said. */
  readonly programs?: PluginRunner;
  /** Says nothing unless told otherwise. */
  readonly log?: Logger;
}

const noPrograms: PluginRunner = {
  add: async ({ program }) => assert.fail(`the program ${program.type} is run`),
  delete: async ({ program }) => assert.fail(`the program ${program.type} is run`),
  check: async ({ program }) => assert.fail(`the program ${program.type} is run`),
};

/** An engine whose host devices are called as their links. */
export async function makeEngine({
  kernel,
  journal,
  catalog,
  assigned = [],
  programs = noPrograms,
  log = pino({ level: "silent" }),
}: EngineSetup): Promise<AttachmentEngine> {
  await using scratch = await kernel.makeNamespace();
  return new AttachmentEngine({
    kernel,
    journal,
    capabilities: await probeCapabilities(scratch),
    sources: {
      catalog,
      networks: { place: "nowhere", networkConfiguration: async () => undefined },
      links: {
        defaultLink: async () => undefined,
        linkWithMac: () => undefined,
        linkOfDevice: async () => undefined,
      },
      assignments: { assignedTo: async () => assigned },
      devices: {
        findDevice: (_resource, id) => ({
          kind: "hostDevice",
          id,
          link: id,
          topology: [],
          access: { nodes: [], mounts: [], info: {} },
          health: { isHealthy: true },
        }),
        findFunction: () => undefined,
        functionOfLink: () => undefined,
        bandwidthResource: () => undefined,
      },
    },
    programs,
    log,
  });
}

export function openJournal(folder: string): Journal {
  return new Journal(join(folder, "attachments.sqlite"), readBootId());
}

export function makePod(name: string): PodIdentity {
  return { namespace: "default", name, uid: `uid-of-${name}` };
}

/** A reference to a network, with what a test does not care about filled in. */
export function refer(
  network: string,
  interfaceName: string,
  more: Partial<Pick<NetworkReference, "ips" | "qosClassName" | "mac" | "isDefaultGateway">> = {},
): NetworkReference {
  return {
    target: { kind: "PodNetwork", name: network },
    interfaceName,
    ips: [],
    isDefaultGateway: false,
    ...more,
  };
}

/** A reference to a network that the caller brings, of these plugins. */
export function referPlugins(
  interfaceName: string,
  plugins: readonly Record<string, unknown>[],
  more: Partial<Pick<NetworkReference, "ips" | "qosClassName" | "mac" | "isDefaultGateway">> = {},
): NetworkReference {
  const text = JSON.stringify({ cniVersion: "1.0.0", name: "brought", plugins });
  const configuration = parseNetworkConfiguration(text, "test");
  return {
    target: { kind: "NetworkConfiguration", configuration },
    interfaceName,
    ips: [],
    isDefaultGateway: false,
    ...more,
  };
}
