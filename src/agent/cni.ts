import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { AttachmentEngine } from "../attachment/engine.ts";
import { ConflistKeeper, removeConflist } from "../cni/conflist-keeper.ts";
import { CniDoor } from "../cni/door.ts";
import { installPlugin } from "../cni/installation.ts";
import { Multus } from "../cni/multus.ts";
import { type MultusRequest, MultusSocket } from "../cni/multus-socket.ts";
import { Plugin } from "../cni/plugin.ts";
import { Spool } from "../cni/spool.ts";
import type { CniReport } from "../control/report.ts";
import { makeFolder } from "../linux/folder.ts";
import type { CniConfig } from "../model/agent-config.ts";
import type { NodeNetworks, PodAnnotations } from "../model/ports.ts";
import type { Folders } from "./folders.ts";

/** The program that the container runtime starts. */
const SHIM = fileURLToPath(new URL("../../native/build/cni-shim", import.meta.url));

export interface CniPartsOptions {
  readonly config: CniConfig;
  readonly folders: Folders;
  readonly attachments: AttachmentEngine;
  /** Undefined where nobody knows the cluster's pods: their annotations must then be handed over by the runtime. */
  readonly pods: PodAnnotations | undefined;
  readonly networks: NodeNetworks;
  readonly onMultusRequest: (request: MultusRequest) => void;
  readonly log: Logger;
}

/**
 * The way in for the container runtime: the plugin's program, the socket it calls, what was queued while no agent was
 * there, and the network file that names it.
 *
 * What was queued is done before the socket opens, so that no ADD finds an address or a device still held by a pod that
 * was deleted. The network file comes last, because the node is ready for pods with it. At the end the sockets close
 * first; program and network file stay, so that pods which are made meanwhile wait for the next agent.
 */
export class CniParts {
  readonly #options: CniPartsOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #socketPath: string;
  readonly #plugin: Plugin;
  readonly #spool: Spool;
  readonly #conflist: ConflistKeeper;

  constructor(options: CniPartsOptions) {
    this.#options = options;
    const { config, folders, log } = options;
    this.#socketPath = socketIn(folders);
    const spool = resolve(folders.state, "cni-spool");
    this.#plugin = new Plugin({ ...this.#references(), whyNotBehind: () => this.#whyNotBehind() });
    this.#spool = new Spool({
      directory: spool,
      work: (request) => this.#plugin.deleteQueued(request),
      log,
    });
    this.#conflist = new ConflistKeeper({
      directory: config.confDirectory,
      ...(config.clusterNetwork !== undefined && { clusterNetwork: config.clusterNetwork }),
      shim: {
        socket: this.#socketPath,
        spool,
        waitMilliseconds: config.waitMs,
        graceMilliseconds: config.graceMs,
        hasDefaultNetworks: config.defaultNetworks.length > 0,
      },
      log,
    });
  }

  async start(): Promise<void> {
    const { config, folders, log } = this.#options;
    if (installPlugin(SHIM, config.binDirectory))
      log.info(`the plugin was installed in ${config.binDirectory}`);
    this.#stack.defer(() => this.#spool.stop());
    await this.#spool.start();
    const door = new CniDoor(this.#plugin, log);
    this.#stack.defer(() => door.stop());
    await door.start(this.#socketPath);
    if (config.multusSocket) await this.#startMultus();
    if (!config.chained) return await removeNetworkFile(config, folders, log);
    this.#stack.defer(() => this.#conflist.stop());
    await this.#conflist.start();
  }

  async stop(): Promise<void> {
    await this.#stack.disposeAsync();
  }

  report(): CniReport {
    const { config } = this.#options;
    const { path, behind, problems } = this.#conflist.status();
    return {
      socket: this.#socketPath,
      ...(config.multusSocket && { multusSocket: join(config.multusDirectory, "multus.sock") }),
      ...(path !== undefined && { networkFile: path }),
      ...(behind !== undefined && { behind }),
      queuedCalls: this.#spool.pending(),
      problems,
    };
  }

  /** What both ways in need to know of what is asked for. */
  #references() {
    const { attachments, pods, config, log } = this.#options;
    const { defaultNetworks, systemNamespaces } = config;
    return { attachments, pods, defaultNetworks, systemNamespaces, log };
  }

  #whyNotBehind(): string | undefined {
    const { behind, problems } = this.#conflist.status();
    if (!this.#options.config.chained || behind !== undefined) return undefined;
    return problems[0] ?? "the agent is starting";
  }

  async #startMultus(): Promise<void> {
    const { config, networks, onMultusRequest, log } = this.#options;
    makeFolder(config.multusDirectory, 0o700);
    const socket = new MultusSocket({
      directory: config.multusDirectory,
      multus: new Multus({ ...this.#references(), networks, isIsolated: config.namespaceIsolation }),
      onRequest: onMultusRequest,
      log,
    });
    this.#stack.defer(() => socket.stop());
    await socket.start();
  }
}

/**
 * Where no network is wanted of us, one that this agent left at an earlier start would send pods to nobody. What another agent
 * keeps there, with other folders, is not ours to take.
 */
export async function removeNetworkFile(
  { confDirectory }: CniConfig,
  folders: Folders,
  log: Logger,
): Promise<void> {
  if (await removeConflist(confDirectory, socketIn(folders))) {
    log.info(`the network file in ${confDirectory} was removed, because the configuration wants none`);
  }
}

/** The whole path: the shim is started in another folder. */
function socketIn({ run }: Folders): string {
  return resolve(run, "cni.sock");
}
