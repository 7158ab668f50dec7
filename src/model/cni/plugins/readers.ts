import type { KnownPlugin } from "../known-plugin.ts";
import type { PluginConfiguration } from "../network-configuration.ts";
import type { PluginRuntime } from "../runtime-configuration.ts";
import { bandwidth } from "./bandwidth.ts";
import { bridge } from "./bridge.ts";
import { hostDevice } from "./host-device.ts";
import { ipvlan } from "./ipvlan.ts";
import { macvlan } from "./macvlan.ts";
import type { PluginReader } from "./plugin-reader.ts";
import { sriov } from "./sriov.ts";
import { tuning } from "./tuning.ts";
import { vlan } from "./vlan.ts";

const READERS: ReadonlyMap<string, PluginReader> = new Map([
  ["macvlan", macvlan],
  ["ipvlan", ipvlan],
  ["vlan", vlan],
  ["bridge", bridge],
  ["host-device", hostDevice],
  ["sriov", sriov],
  ["tuning", tuning],
  ["bandwidth", bandwidth],
]);

/**
 * What a plugin is told, with everything that is wished for this attachment; undefined where its program is to be run:
 * another type, or a field that netlink cannot serve. `place` begins every message. Throws InvalidObjectError.
 */
export function parseKnownPlugin(
  plugin: PluginConfiguration,
  runtime: PluginRuntime,
  place: string = `plugin ${plugin.type}`,
): KnownPlugin | undefined {
  return READERS.get(plugin.type)?.read(plugin, runtime, place);
}

/**
 * Sentences about fields of a known plugin's configuration that it does not have. The plugins themselves pass them over, so
 * that a limit under a misspelt name limits nothing: they are worth a warning.
 */
export function unknownKeys(plugin: PluginConfiguration): readonly string[] {
  return READERS.get(plugin.type)?.unknownFields(plugin) ?? [];
}
