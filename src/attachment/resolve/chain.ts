import type { BandwidthPlugin, KnownPlugin, TuningPlugin } from "../../model/cni/known-plugin.ts";
import type {
  NetworkConfiguration,
  PluginConfiguration,
  RuntimeConfiguration,
} from "../../model/cni/network-configuration.ts";
import { parseKnownPlugin } from "../../model/cni/plugins/readers.ts";
import { withCniArgs } from "../../model/cni/runtime-configuration.ts";
import { LanyardError } from "../../model/errors.ts";
import { isPciDevice, linkWithoutAddress } from "./device.ts";
import type { LinkPlugin } from "./plugin-link.ts";
import type { Resolving } from "./sources.ts";

/** Known plugins that change the interface which those before them made. */
type ChangingPlugin = TuningPlugin | BandwidthPlugin;

/** A network's plugins, each told what is wished for this attachment, as they are done. */
export interface PluginChain {
  readonly first: PluginConfiguration;
  /** Absent where the first plugin's program makes the link. */
  readonly maker?: LinkPlugin;
  /** What is done in process behind the first. */
  readonly changes: readonly ChangingPlugin[];
  /** What programs do behind that. */
  readonly rest: readonly PluginConfiguration[];
}

/**
 * The first plugin makes the link; known ones that change it follow, and from the first other one on all are programs, so
 * that they keep their order. Throws LanyardError. `place` begins every message.
 */
export function divideChain(
  { plugins }: NetworkConfiguration,
  runtime: RuntimeConfiguration,
  place: string,
  resolving: Resolving,
): PluginChain {
  const read = (plugin: PluginConfiguration) =>
    parseKnownPlugin(plugin, runtime, `${place}, plugin ${plugin.type}`);
  const [first, ...others] = plugins.map((plugin) => withDevice(plugin, resolving));
  if (first === undefined) throw new LanyardError("invalid", `${place} has no plugin`);
  const maker = read(first);
  if (maker !== undefined && isChange(maker)) {
    const text = `${place}: the plugin ${first.type} stands first, but makes no interface; expected one before it that does`;
    throw new LanyardError("invalid", text);
  }
  const changes: ChangingPlugin[] = [];
  for (const plugin of others) {
    const known = read(plugin);
    if (known === undefined || !isChange(known)) break;
    changes.push(known);
  }
  const rest = others.slice(changes.length);
  return { first, ...(maker !== undefined && { maker }), changes, rest };
}

function isChange(plugin: KnownPlugin): plugin is ChangingPlugin {
  return plugin.type === "tuning" || plugin.type === "bandwidth";
}

/** The plugin with the device and what else it is told beyond its network's words, as Multus tells them to each of a list. */
function withDevice(plugin: PluginConfiguration, resolving: Resolving): PluginConfiguration {
  const { device, reference } = resolving;
  const told = withCniArgs(plugin, reference.cniArgs);
  if (device === undefined) return told;
  const { id } = device;
  const named = isPciDevice(device, resolving) ? { deviceID: id, pciBusID: id } : { deviceID: id };
  return { ...told, written: { ...told.written, ...named, ...linkFor(plugin, resolving) } };
}

/** A device that has no PCI address is known to `host-device` by its link, unless its configuration names another. */
function linkFor(plugin: PluginConfiguration, resolving: Resolving): { readonly device?: string } {
  const { device } = resolving;
  if (device === undefined || plugin.type !== "host-device" || isPciDevice(device, resolving)) return {};
  const fields = Object.keys(plugin.written).map((field) => field.toLowerCase());
  if (fields.some((field) => ["device", "hwaddr", "kernelpath"].includes(field))) return {};
  const link = linkWithoutAddress(device, resolving);
  return link === undefined ? {} : { device: link };
}
