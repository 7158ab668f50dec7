import { firstAddress } from "../../model/address.ts";
import type { RangeIpam, TuningPlugin } from "../../model/cni/known-plugin.ts";
import type {
  NetworkConfiguration,
  PluginConfiguration,
  RuntimeConfiguration,
} from "../../model/cni/network-configuration.ts";
import { unknownKeys } from "../../model/cni/plugins/readers.ts";
import { executionConfiguration, runtimeConfigurationOf } from "../../model/cni/runtime-configuration.ts";
import { LanyardError } from "../../model/errors.ts";
import type { PluginProgram } from "../../model/ports.ts";
import type { QosClass } from "../../model/qos-class.ts";
import type { AttachmentRequest } from "../request.ts";
import { withDefaultRoutes, withStaticAddresses } from "./addresses.ts";
import { divideChain, type PluginChain } from "./chain.ts";
import { commonOf, withPodArgs } from "./common.ts";
import { type LinkPlugin, linkOfPlugin } from "./plugin-link.ts";
import { classOfLimits, classOfReference } from "./qos.ts";
import type { Resolving } from "./sources.ts";
import { tune } from "./tuning.ts";

/** The request for a network that its plugins' configurations describe. Throws LanyardError. */
export async function resolvePlugins(
  name: string,
  configuration: NetworkConfiguration,
  resolving: Resolving,
): Promise<AttachmentRequest> {
  const { reference, device, who } = resolving;
  const common = commonOf(name, resolving);
  const runtime = runtimeOf(configuration, common.deviceInfo?.path, resolving);
  const chain = divideChain(configuration, runtime, `${who}: network ${name}`, resolving);
  const { first, maker, changes, rest } = chain;
  const notes = configuration.plugins.flatMap(unknownKeys).map((sentence) => `network ${name}: ${sentence}`);
  const programOf = (plugin: PluginConfiguration): PluginProgram => ({
    type: plugin.type,
    configuration: executionConfiguration(configuration, plugin, runtime),
  });

  const made: AttachmentRequest =
    maker === undefined
      ? {
          ...common,
          link: { type: "plugin", program: programOf(first), ...(device !== undefined && { device }) },
        }
      : withAddresses(
          { ...common, link: await linkOfPlugin(maker, resolving), ...settingsOf(maker) },
          maker,
          programOf(first),
        );
  const tunings = changes.filter((change) => change.type === "tuning");
  await refuseForbidden(tunings, who, resolving);
  const tuned = tunings.reduce((request, change) => tune(request, change), made);
  const qosClass = classOf(name, chain, resolving);
  const request: AttachmentRequest = {
    ...tuned,
    ...(qosClass !== undefined && { qosClass }),
    ...(rest.length > 0 && { programs: rest.map(programOf) }),
    ...(notes.length > 0 && { notes }),
  };
  const expected = `network ${name} names no gateway; expected one in ipam.addresses[].gateway`;
  const isDefaultGateway = reference.isDefaultGateway || (maker?.type === "bridge" && maker.isDefaultGateway);
  return withPodArgs(withDefaultRoutes(request, { ...reference, isDefaultGateway }, who, expected));
}

/** Throws LanyardError for a sysctl that networks may not set on this node. */
async function refuseForbidden(
  tunings: readonly TuningPlugin[],
  who: string,
  { sources: { sysctls } }: Resolving,
): Promise<void> {
  const names = tunings.flatMap(({ sysctl }) => Object.keys(sysctl));
  if (sysctls === undefined || names.length === 0) return;
  const forbidden = await sysctls.forbidden(names);
  if (forbidden.length === 0) return;
  const text = `${who}: networks may not set ${forbidden.join(", ")} on this node; ${sysctls.place} says which they may`;
  throw new LanyardError("invalid", text);
}

/** What is wished for this attachment. Throws InvalidObjectError for wishes that nothing of the network fulfils. */
function runtimeOf(
  configuration: NetworkConfiguration,
  deviceInfoFile: string | undefined,
  { reference, device, who }: Resolving,
): RuntimeConfiguration {
  const { bandwidth: _, ...others } = reference;
  const wishes = holdsToBandwidth(configuration) ? reference : others;
  return {
    ...runtimeConfigurationOf(wishes, configuration, who),
    ...(device !== undefined && { deviceID: device.id }),
    ...(deviceInfoFile !== undefined && { CNIDeviceInfoFile: deviceInfoFile }),
  };
}

/** Whether the network itself cares for bandwidth: then what a pod wishes of it is the network's to grant. */
function holdsToBandwidth({ plugins }: NetworkConfiguration): boolean {
  return plugins.some(({ type, capabilities }) => type === "bandwidth" || capabilities.bandwidth === true);
}

function settingsOf(maker: LinkPlugin): Pick<AttachmentRequest, "mac" | "mtu" | "dns" | "staysDown"> {
  const { mac, mtu, dns } = maker;
  return {
    ...(mac !== undefined && { mac }),
    ...(mtu !== undefined && { mtu }),
    ...(dns !== undefined && { dns }),
    ...(maker.type === "bridge" && maker.disableContainerInterface && { staysDown: true }),
  };
}

/** The request with what its IPAM gives; `program` is what the program that gives it is told. */
function withAddresses(
  request: AttachmentRequest,
  maker: LinkPlugin,
  program: PluginProgram,
): AttachmentRequest {
  const { ipam } = maker;
  switch (ipam?.type) {
    case undefined:
      return request;
    case "static":
      return withStaticAddresses(request, ipam);
    case "range": {
      const isGateway = maker.type === "bridge" && maker.isGateway;
      return { ...request, ipam: isGateway ? withRangeGateway(ipam) : ipam };
    }
    case "program": {
      const { configuration } = program;
      return { ...request, ipam: { type: "program", program: { type: ipam.program, configuration } } };
    }
  }
}

/** A bridge that is the gateway has the first address, which the range then gives to nobody. */
function withRangeGateway(ipam: RangeIpam): RangeIpam {
  return { ...ipam, gateway: ipam.gateway ?? firstAddress(ipam.subnet) };
}

/**
 * The class of the interface: the one that the pod names, then the network's own limits, then what the pod wishes of a
 * network that has none. Throws LanyardError.
 */
function classOf(
  name: string,
  { first, maker, changes, rest }: PluginChain,
  resolving: Resolving,
): QosClass | undefined {
  const { reference, sources, who } = resolving;
  const asked = classOfReference(reference, sources.catalog, who);
  if (reference.qosClassName !== undefined) return asked;
  const limits = changes.findLast((change) => change.type === "bandwidth");
  if (limits !== undefined) return classOfLimits(`bandwidth of ${name}`, limits);
  const programs = maker === undefined ? [first, ...rest] : rest;
  return programs.some(({ capabilities }) => capabilities.bandwidth === true) ? undefined : asked;
}
