import type { NetworkReference } from "../attachment.ts";
import { isMapping } from "../device-plugin-reading.ts";
import { InvalidValueError } from "../errors.ts";
import { InvalidObjectError } from "../validation.ts";
import type {
  BandwidthLimits,
  NetworkConfiguration,
  PluginConfiguration,
  RuntimeConfiguration,
} from "./network-configuration.ts";

/** What is told to one plugin besides its configuration. */
export interface PluginRuntime extends RuntimeConfiguration {
  /** CNI_ARGS. */
  readonly args?: ReadonlyMap<string, string>;
}

/** Wishes that fail the attachment where no plugin of the network takes them (multi-network specification, 1.3). */
const BINDING_WISHES = ["ips", "mac", "bandwidth", "infinibandGUID", "portMappings"] as const;

/**
 * What a reference wishes for, as the plugins of its network are told. `place` is where the reference stands, for example
 * `pod default/alpha net1`. Throws InvalidObjectError with every wish that no plugin of the network takes.
 */
export function runtimeConfigurationOf(
  reference: NetworkReference,
  configuration: NetworkConfiguration,
  place: string,
): RuntimeConfiguration {
  const { ips, mac, bandwidth, portMappings, infinibandGuid, deviceId } = reference;
  const wishes: RuntimeConfiguration = {
    ...(ips.length > 0 && { ips }),
    ...(mac !== undefined && { mac }),
    ...(bandwidth !== undefined && holdsSomething(bandwidth) && { bandwidth }),
    ...(portMappings !== undefined && portMappings.length > 0 && { portMappings }),
    ...(infinibandGuid !== undefined && { infinibandGUID: infinibandGuid }),
    ...(deviceId !== undefined && { deviceID: deviceId }),
  };
  const mistakes = BINDING_WISHES.filter((wish) => wish in wishes && !isTaken(configuration, wish)).map(
    (wish) => new InvalidValueError(`${place} ${wish}`, wishes[wish], wouldTake(configuration, wish)),
  );
  if (mistakes.length > 0) throw new InvalidObjectError(mistakes);
  return wishes;
}

/** The part of these wishes that a plugin says it takes. */
export function takenBy(plugin: PluginConfiguration, runtime: RuntimeConfiguration): RuntimeConfiguration {
  const taken = Object.entries(runtime).filter(
    ([capability, wish]) => plugin.capabilities[capability] === true && wish !== undefined,
  );
  return Object.fromEntries(taken);
}

/** The plugin with more in its `args.cni`; what it has there under the same names is replaced. */
export function withCniArgs(
  plugin: PluginConfiguration,
  cniArgs: Readonly<Record<string, unknown>> | undefined,
): PluginConfiguration {
  if (cniArgs === undefined || Object.keys(cniArgs).length === 0) return plugin;
  const args = isMapping(plugin.written.args) ? plugin.written.args : {};
  const cni = isMapping(args.cni) ? args.cni : {};
  return { ...plugin, written: { ...plugin.written, args: { ...args, cni: { ...cni, ...cniArgs } } } };
}

/**
 * What a plugin's program gets on its standard input, but for the results of those before it (specification 1.1.0,
 * "Deriving execution configuration from plugin configuration").
 */
export function executionConfiguration(
  network: Pick<NetworkConfiguration, "cniVersion" | "name">,
  plugin: PluginConfiguration,
  runtime: RuntimeConfiguration,
): Readonly<Record<string, unknown>> {
  const { capabilities: _, ...written } = plugin.written;
  const runtimeConfig = takenBy(plugin, runtime);
  return {
    ...written,
    cniVersion: network.cniVersion,
    name: network.name,
    ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
  };
}

function holdsSomething(limits: BandwidthLimits): boolean {
  return Object.values(limits).some((limit) => limit !== undefined && limit !== 0);
}

function isTaken(configuration: NetworkConfiguration, capability: string): boolean {
  return configuration.plugins.some(({ capabilities }) => capabilities[capability] === true);
}

function wouldTake({ name, plugins }: NetworkConfiguration, capability: string): string {
  const types = plugins.map(({ type }) => type).join(", ");
  return `a network with a plugin that declares {"capabilities": {"${capability}": true}}, as none of network ${name} does (${types})`;
}
