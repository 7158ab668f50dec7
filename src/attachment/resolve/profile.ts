import { LanyardError } from "../../model/errors.ts";
import type { BridgeProfile, LinkProfile, SriovProfile } from "../../model/link-profile.ts";
import type { PluginProgram } from "../../model/ports.ts";
import { gatewayOf } from "../lease/leased.ts";
import type { AttachmentRequest, IpamRequest, LinkRequest, SriovRequest } from "../request.ts";
import { withDefaultRoutes, withStaticAddresses } from "./addresses.ts";
import { commonOf, routeOf, withPodArgs } from "./common.ts";
import { hostDeviceAt, placeOfDevice, vfAt } from "./device.ts";
import { classOfReference, findClass } from "./qos.ts";
import { type Resolving, required } from "./sources.ts";

/** What a program is told to speak that stands in a profile, where no network says it: what all of them know. */
const CNI_VERSION = "1.0.0";

/** The request for a network that a LinkProfile describes. Throws LanyardError. */
export async function resolveProfile(
  network: string,
  profile: LinkProfile,
  resolving: Resolving,
): Promise<AttachmentRequest> {
  const { reference, sources, who } = resolving;
  const mac = reference.mac ?? profile.mac;
  const className = profile.qosClassName;
  const qosClass =
    classOfReference(reference, sources.catalog, who) ??
    (className === undefined ? undefined : findClass(className, sources.catalog, who));
  const request: AttachmentRequest = {
    ...commonOf(network, resolving),
    link: await linkOf(profile, resolving),
    routes: profile.routes.map(routeOf),
    ...(mac !== undefined && { mac }),
    ...(profile.mtu !== undefined && { mtu: profile.mtu }),
    ...(qosClass !== undefined && { qosClass }),
  };
  const expected = `LinkProfile "${profile.name}" names no gateway; expected one in ${gatewayField(profile)}`;
  return withPodArgs(
    withDefaultRoutes(withAddresses(request, profile, reference.ips), reference, who, expected),
  );
}

async function linkOf(profile: LinkProfile, resolving: Resolving): Promise<LinkRequest> {
  switch (profile.type) {
    case "macvlan":
      return { type: "macvlan", parent: profile.parent, mode: profile.mode };
    case "ipvlan":
      return { type: "ipvlan", parent: profile.parent, mode: profile.mode };
    case "vlan":
      return { type: "vlan", parent: profile.parent, vlan: profile.vlan };
    case "bridge":
      return portOf(profile, resolving.who);
    case "hostDevice":
      return hostDeviceAt(await placeOfDevice(given(resolving), resolving), resolving);
    case "sriov":
      return vfAt(await placeOfDevice(given(resolving), resolving), settingsOf(profile), resolving);
  }
}

function given({ device, who }: Resolving) {
  return required(device, `${who}: it has no device`);
}

/** A port of a bridge that is there and stays as it is. */
function portOf({ name, parent, vlan }: BridgeProfile, who: string): LinkRequest {
  if (vlan === undefined) return { type: "bridge", parent };
  if (vlan.qos === 0 && vlan.protocol === "802.1Q") {
    return { type: "bridge", parent, vlan: vlan.id, keepsDefaultVlan: false };
  }
  throw new LanyardError(
    "unsupported",
    `${who}: LinkProfile "${name}" sets qos or protocol in vlan, which the port of a bridge does not have; expected id alone`,
  );
}

function settingsOf({ vlan, spoofCheck, trust, linkState }: SriovProfile): SriovRequest["settings"] {
  return {
    ...(vlan !== undefined && { vlan }),
    ...(spoofCheck !== undefined && { isSpoofChecked: spoofCheck }),
    ...(trust !== undefined && { isTrusted: trust }),
    ...(linkState !== undefined && { linkState }),
  };
}

/** Addresses that the pod names come in place of the profile's, with the gateways that the profile knows. */
function withAddresses(
  request: AttachmentRequest,
  { ipam }: LinkProfile,
  own: readonly string[],
): AttachmentRequest {
  if (ipam.type === "program") return { ...request, ipam: programOf(ipam, request.podNetworkName, own) };
  if (ipam.type === "range" && own.length === 0) return { ...request, ipam };
  const known = ipam.type === "range" ? [ipam] : ipam.addresses;
  const gateways = known.flatMap(({ gateway }) => gateway ?? []);
  const addresses =
    own.length === 0 && ipam.type === "static"
      ? ipam.addresses
      : own.map((address) => {
          const gateway = gatewayOf(address, gateways);
          return { address, ...(gateway !== undefined && { gateway }) };
        });
  return withStaticAddresses(request, { addresses, routes: ipam.routes, dns: ipam.dns });
}

/** The program decides what becomes of addresses that the pod names. */
function programOf(
  { program, written }: { readonly program: string; readonly written: PluginProgram["configuration"] },
  network: string,
  ips: readonly string[],
): IpamRequest {
  const configuration = {
    cniVersion: CNI_VERSION,
    name: network,
    type: "lanyard",
    ipam: written,
    ...(ips.length > 0 && { runtimeConfig: { ips } }),
  };
  return { type: "program", program: { type: program, configuration } };
}

function gatewayField({ ipam }: LinkProfile): string {
  return ipam.type === "range" ? "spec.ipam.gateway" : "spec.ipam.addresses[].gateway";
}
