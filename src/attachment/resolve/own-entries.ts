import type { NetworkConfiguration, PluginConfiguration } from "../../model/cni/network-configuration.ts";
import { OWN_TYPE, type OwnRole, parseOwnRole } from "../../model/cni/own-plugin.ts";
import { LanyardError } from "../../model/errors.ts";

/** What a network's entries of our own plugin come to. */
export type OwnEntries =
  /** The network is one of our own objects. */
  | Extract<OwnRole, { readonly kind: "network" }>
  /** What the others make is held to a class. */
  | { readonly kind: "class"; readonly qosClassName: string; readonly others: NetworkConfiguration };

/**
 * Reads what a network says to our own plugin; undefined where it says nothing. It is done here: the plugin's program would
 * ask this agent, which would let it wait for the very call that waits for the program. Throws LanyardError. `place`
 * begins every message.
 */
export function readOwnEntries(network: NetworkConfiguration, place: string): OwnEntries | undefined {
  const { plugins } = network;
  const own = plugins.filter(isOwn);
  if (own.length === 0) return undefined;
  const roles = own.map(({ written }) => parseOwnRole(written, `${place}, plugin ${OWN_TYPE}`));
  const last = roles.at(-1);
  if (last?.kind === "network" && plugins.length === 1) return last;
  const others = plugins.filter((plugin) => !isOwn(plugin));
  if (last?.kind === "shaping" && roles.every(({ kind }) => kind === "shaping") && others[0] === plugins[0]) {
    return { kind: "class", qosClassName: last.qosClassName, others: { ...network, plugins: others } };
  }
  const text =
    `${place}: the plugin ${OWN_TYPE} stands alone with podNetworkName or podNetworkAttachmentName, or behind others with ` +
    "qosClassName alone; attachPodNetworks is for the cluster's network";
  throw new LanyardError("invalid", text);
}

function isOwn({ type }: PluginConfiguration): boolean {
  return type === OWN_TYPE;
}
