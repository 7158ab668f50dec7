import { z } from "zod";
import { parseMac } from "./address.ts";
import { type ProfileIpam, profileIpam, type Route, route } from "./link-profile-ipam.ts";
import { parseLinkName, parseObjectName, parseResourceName } from "./names.ts";
import { clusterObject } from "./object.ts";
import { fields, listOf, oneOf, parsedBy, validate, variants, wholeNumber, yesOrNo } from "./validation.ts";
import type { Vlan } from "./vlan.ts";

interface CommonProfile {
  readonly kind: "LinkProfile";
  readonly name: string;
  /** Bytes; the parent's or the device's own where absent. */
  readonly mtu?: number;
  readonly mac?: string;
  readonly ipam: ProfileIpam;
  readonly routes: readonly Route[];
  /** The class of pods that name none themselves. */
  readonly qosClassName?: string;
}

/** A function of an SR-IOV NIC, given by the kubelet. */
export interface SriovProfile extends CommonProfile {
  readonly type: "sriov";
  /** With the prefix, for example `lanyard.dev/vfs`. */
  readonly resourceName: string;
  readonly vlan?: Vlan;
  readonly spoofCheck?: boolean;
  readonly trust?: boolean;
  readonly linkState?: "auto" | "enable" | "disable";
}

/** A link of the node, given by the kubelet and moved into the pod whole. */
export interface HostDeviceProfile extends CommonProfile {
  readonly type: "hostDevice";
  /** With the prefix, for example `lanyard.dev/nics`. */
  readonly resourceName: string;
}

/** An own Ethernet address on a link of the node. */
export interface MacvlanProfile extends CommonProfile {
  readonly type: "macvlan";
  /** Name of the node's link. */
  readonly parent: string;
  readonly mode: "bridge" | "private" | "vepa" | "passthru";
}

/** An own IP address behind the Ethernet address of a link of the node. */
export interface IpvlanProfile extends CommonProfile {
  readonly type: "ipvlan";
  readonly parent: string;
  readonly mode: "l2" | "l3" | "l3s";
}

/** One VLAN of a link of the node. */
export interface VlanProfile extends CommonProfile {
  readonly type: "vlan";
  readonly parent: string;
  readonly vlan: Vlan;
}

/** A pair of virtual Ethernet links, one end in the pod, the other a port of the node's bridge. */
export interface BridgeProfile extends CommonProfile {
  readonly type: "bridge";
  /** Name of the bridge link. */
  readonly parent: string;
  /** The port's VLAN, untagged towards the pod. */
  readonly vlan?: Vlan;
}

/** How a link is made; cluster-wide. Told apart by `type`. */
export type LinkProfile =
  | SriovProfile
  | HostDeviceProfile
  | MacvlanProfile
  | IpvlanProfile
  | VlanProfile
  | BridgeProfile;

const TYPES = ["sriov", "hostDevice", "macvlan", "ipvlan", "vlan", "bridge"] as const;

const vlan = fields({
  id: wholeNumber(1, 4094),
  qos: wholeNumber(0, 7).default(0),
  protocol: oneOf(["802.1Q", "802.1ad"]).default("802.1Q"),
});

const common = {
  // 68: the least an IPv4 link must carry (RFC 791); 65535: the most an IP packet can be
  mtu: wholeNumber(68, 65_535).optional(),
  mac: parsedBy(parseMac).optional(),
  ipam: profileIpam.prefault({ type: "static" }),
  routes: listOf(route).default([]),
  qosClassName: parsedBy(parseObjectName).optional(),
};

const resourceName = parsedBy(parseResourceName);
const parent = parsedBy(parseLinkName);

const schema = clusterObject(
  "LinkProfile",
  variants("type", TYPES, [
    fields({
      type: z.literal("sriov"),
      resourceName,
      vlan: vlan.optional(),
      spoofCheck: yesOrNo().optional(),
      trust: yesOrNo().optional(),
      linkState: oneOf(["auto", "enable", "disable"]).optional(),
      ...common,
    }),
    fields({ type: z.literal("hostDevice"), resourceName, ...common }),
    fields({
      type: z.literal("macvlan"),
      parent,
      mode: oneOf(["bridge", "private", "vepa", "passthru"]).default("bridge"),
      ...common,
    }),
    fields({
      type: z.literal("ipvlan"),
      parent,
      mode: oneOf(["l2", "l3", "l3s"]).default("l2"),
      ...common,
    }),
    fields({ type: z.literal("vlan"), parent, vlan, ...common }),
    fields({ type: z.literal("bridge"), parent, vlan: vlan.optional(), ...common }),
  ]),
);

/** Reads a LinkProfile. Throws InvalidObjectError. */
export function parseLinkProfile(document: unknown, place: string): LinkProfile {
  const { metadata, spec } = validate(schema, document, place);
  return { kind: "LinkProfile", name: metadata.name, ...spec };
}
