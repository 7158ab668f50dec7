import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Logger } from "pino";
import type { Attachments, NetworkReference } from "../model/attachment.ts";
import { type CniEnvironment, parseEnvironment, podOf } from "../model/cni/environment.ts";
import { CNI_CODES, CniFailure } from "../model/cni/error.ts";
import { type NetworkConfiguration, parseNetworkConfiguration } from "../model/cni/network-configuration.ts";
import { type CniResult, EMPTY_RESULT } from "../model/cni/result.ts";
import { parseResult } from "../model/cni/versions.ts";
import { errorText, NotFoundError } from "../model/errors.ts";
import type { NodeNetworks } from "../model/ports.ts";
import { logCall } from "./call-log.ts";
import { type MultusCall, readClusterNetwork, refuseUnserved } from "./multus-call.ts";
import { type PluginInput, parsePluginInput, readValidAttachments, readWishes } from "./plugin-input.ts";
import { ownerOf, type PodCall, refuseDifferences, refuseOwnNamespace } from "./pod-call.ts";
import { type ReferenceSources, readReferences } from "./references.ts";

/** The interface by which a runtime speaks of a pod. What is plugged in later goes with that one's DEL, too. */
const POD_INTERFACE = "eth0";

export interface MultusOptions extends ReferenceSources {
  readonly attachments: Pick<
    Attachments,
    "attach" | "releaseOwned" | "releaseInterface" | "check" | "releaseOthers"
  >;
  readonly networks: NodeNetworks;
  /** Whether pods are kept from networks of other namespaces. */
  readonly isIsolated: boolean;
  readonly log: Logger;
}

/**
 * What the Multus daemon does for its shim and for the dynamic-networks controller, done by this agent. Both methods give
 * the result of an ADD and nothing for the others; they throw LanyardError.
 */
export class Multus {
  readonly #options: MultusOptions;

  constructor(options: MultusOptions) {
    this.#options = options;
  }

  /** `/cni`, about a pod as a whole: the cluster's network where nobody made it yet, and those of its annotations. */
  servePod({ environment, configuration }: MultusCall): Promise<CniResult | undefined> {
    const { attachments, log } = this.#options;
    return logCall(log, environment, async () => {
      const call = parseEnvironment(environment);
      if (call.command === "ADD") return await this.#addPod(call, parsePluginInput(configuration));
      if (call.command === "DEL") await attachments.releaseOwned(ownerOf(call));
      else if (call.command === "CHECK") refuseDifferences(await attachments.check(ownerOf(call)));
      else if (call.command === "GC") {
        const input = parsePluginInput(configuration);
        await attachments.releaseOthers(input.name, readValidAttachments(input));
      }
      return undefined;
    });
  }

  /** `/delegate`, about one interface of a pod that runs: a network's configuration, and what is wished of the interface. */
  serveInterface({ environment, configuration, attributes }: MultusCall): Promise<CniResult | undefined> {
    const { attachments, log } = this.#options;
    return logCall(log, environment, async () => {
      const call = parseEnvironment(environment);
      const place = "interfaceName" in call ? `network of ${call.interfaceName}` : "network";
      switch (call.command) {
        case "ADD": {
          const network = parseNetworkConfiguration(configuration, place);
          const reference = { ...referenceTo(network, call.interfaceName), ...attributes };
          return await this.#attach(call, [reference], {
            interfaceName: POD_INTERFACE,
            network: network.name,
          });
        }
        case "DEL":
          // As the journal has it: the configuration may be another one by now.
          await attachments.releaseInterface(call.containerId, call.interfaceName);
          return undefined;
        case "CHECK": {
          const all = await attachments.check({ sandbox: call.containerId, interfaceName: POD_INTERFACE });
          refuseDifferences(all.filter(({ interfaceName }) => interfaceName === call.interfaceName));
          return undefined;
        }
        default:
          throw notForInterfaces(call.command);
      }
    });
  }

  async #addPod(call: PodCall, input: PluginInput): Promise<CniResult> {
    refuseUnserved(input.document, this.#options.isIsolated);
    const wishes = readWishes(input);
    const isMade = wishes.previous !== undefined;
    // An interface that is made here is held to its bandwidth by the plugins of its own network.
    const own = await readReferences(
      call,
      { kind: "podNetworks", shapesInterface: isMade },
      wishes,
      this.#options,
    );
    const owner = { interfaceName: call.interfaceName, network: input.name };
    if (!isMade) {
      const cluster = referenceTo(await this.#clusterNetwork(input), call.interfaceName);
      return await this.#attach(call, [cluster, ...own], owner);
    }
    if (own.length > 0) await this.#attach(call, own, owner);
    return parseResult(wishes.previous, "prevResult", input.version);
  }

  /** Gives what the first of the references came to. */
  async #attach(
    call: PodCall,
    references: readonly NetworkReference[],
    owner: { readonly interfaceName: string; readonly network: string },
  ): Promise<CniResult> {
    refuseOwnNamespace(call);
    const [first] = await this.#options.attachments.attach({
      pod: podOf(call),
      namespacePath: call.netns,
      references,
      owner: { sandbox: call.containerId, ...owner },
    });
    return first?.result ?? EMPTY_RESULT;
  }

  async #clusterNetwork({ document }: PluginInput): Promise<NetworkConfiguration> {
    const named = readClusterNetwork(document);
    if (named.kind === "configuration") return named.configuration;
    if (named.kind === "path") return await readNetwork(named.name);
    const { networks } = this.#options;
    const configuration = await networks.networkConfiguration(named.name);
    if (configuration !== undefined) return configuration;
    throw new NotFoundError(
      `configuration of multus clusterNetwork: no network is called "${named.name}" in ${networks.place}`,
    );
  }
}

function referenceTo(configuration: NetworkConfiguration, interfaceName: string): NetworkReference {
  return {
    target: { kind: "NetworkConfiguration", configuration },
    interfaceName,
    ips: [],
    isDefaultGateway: false,
  };
}

async function readNetwork(path: string): Promise<NetworkConfiguration> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const message = `configuration of multus clusterNetwork: ${path} cannot be read: ${errorText(error)}`;
    throw new NotFoundError(message, { cause: error });
  }
  return parseNetworkConfiguration(text, basename(path));
}

function notForInterfaces(command: CniEnvironment["command"]): CniFailure {
  const msg = `${command} is not for one interface; expected ADD, DEL or CHECK`;
  return new CniFailure("invalid", { code: CNI_CODES.invalidEnvironment, msg });
}
