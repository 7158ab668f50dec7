import type { Kernel } from "../../linux/kernel.ts";
import type { BridgeVlan } from "../../linux/route/bridge-vlans.ts";
import type { Link } from "../../linux/route/link.ts";
import { hasSetMac } from "../../linux/sysfs/set-mac.ts";
import type { Prepared } from "../../linux/worker/prepared.ts";
import { LanyardError } from "../../model/errors.ts";
import { differenceOf } from "../difference.ts";
import { removeLink } from "../link/remove.ts";
import { refuseTakenName } from "./create-link.ts";
import type { ActionHandler } from "./step.ts";

/** A veth pair: one end in the pod, the other on the node as a port of a bridge. */
export interface CreateVethPairStep {
  readonly kind: "createVethPair";
  /** The pod's end. */
  readonly name: string;
  /** The index that both ends get, each in its own namespace: chosen beforehand, as that of `createLink`. */
  readonly index: number;
  /** The node's end. */
  readonly hostName: string;
  /** Name of the node's bridge. */
  readonly bridge: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly mac?: string;
  readonly isHairpin?: boolean;
  readonly isIsolated?: boolean;
  readonly vlans?: PortVlans;
}

/** The VLANs of the bridge's port. */
export interface PortVlans {
  /** Frames of the pod belong to it, without a tag. */
  readonly untagged?: number;
  /** Frames of these pass with their tag. */
  readonly trunk: readonly { readonly first: number; readonly last: number }[];
  /** Whether the port stays in the VLAN the bridge gives it by itself. */
  readonly keepsDefault: boolean;
}

export const createVethPair: ActionHandler<CreateVethPairStep, null> = {
  kind: "createVethPair",

  async observe({ podLinks, hostLinks }, step) {
    const bridge = await hostLinks.get(step.bridge);
    if (bridge.kind !== "bridge") {
      const kind = bridge.kind ?? "hardware";
      throw new LanyardError("conflict", `link "${step.bridge}" of the node is no bridge but ${kind}`);
    }
    if (step.vlans !== undefined && bridge.kindData?.isVlanFiltering !== true) {
      const text = `bridge "${step.bridge}" of the node does not tell VLANs apart: turn its VLAN filtering on`;
      throw new LanyardError("conflict", text);
    }
    await refuseTakenName(podLinks, step.name);
    await refuseTakenName(hostLinks, step.hostName);
    return null;
  },

  async apply({ kernel, pod, podLinks, hostLinks }, step) {
    const { host } = kernel;
    const bridge = await hostLinks.get(step.bridge);
    const { index, mac } = step;
    const mtu = step.mtu === undefined ? {} : { mtu: step.mtu };
    await kernel.perform([
      host.namespaceIds.prepareEnsure(pod.fd),
      // A bridge takes the lowest address of its ports for its own until it is told one: it keeps what it has.
      ...((await hasSetMac("/sys", step.bridge))
        ? []
        : [host.links.prepareSet(bridge.index, { mac: bridge.mac })]),
      // Made from the node's side, so that one request sets the port up; the pod's end is the peer.
      host.links.prepareCreate({
        name: step.hostName,
        index,
        of: {
          kind: "veth",
          peer: {
            name: step.name,
            index,
            namespaceFd: pod.fd,
            ...mtu,
            ...(mac === undefined ? {} : { mac }),
          },
        },
        master: bridge.index,
        isUp: true,
        ...mtu,
      }),
      ...preparePort(kernel, step, bridge),
      podLinks.prepareFind(step.name),
      hostLinks.prepareFind(step.hostName),
    ]);
  },

  async undo({ kernel }, step) {
    // By the node's end, which takes the pod's end with it; and by its index, since the pod's next sandbox has one of the
    // same name.
    await removeLink(kernel, kernel.host, step.index);
  },

  async check({ kernel, podLinks, hostLinks }, step) {
    const { name, hostName, vlans } = step;
    const [inner, outer, bridge] = await Promise.all([
      podLinks.find(name),
      hostLinks.find(hostName),
      hostLinks.find(step.bridge),
    ]);
    if (inner === undefined) return [`${name} was made, an end of a veth pair, and is gone`];
    if (outer === undefined) return [`${hostName} was made, the node's end of ${name}, and is gone`];
    const ports = vlans === undefined ? undefined : await kernel.host.bridgeVlans.list();
    const found = ports?.ports.find(({ link }) => link === outer.index)?.vlans ?? [];
    const port = `${hostName}, the node's end of ${name}`;
    return [
      ...differenceOf(name, "kind", "veth", inner.kind),
      ...differenceOf(
        `${port},`,
        `bridge's index (${step.bridge})`,
        bridge?.index ?? "that of none",
        outer.master,
      ),
      ...differenceOf(port, "state", true, outer.isUp),
      ...differenceOf(name, "MTU", step.mtu, inner.mtu),
      ...differenceOf(name, "MAC address", step.mac, inner.mac),
      ...differenceOf(port, "hairpin mode", step.isHairpin, outer.portData?.isHairpin),
      ...differenceOf(port, "isolation", step.isIsolated, outer.portData?.isIsolated),
      ...(vlans === undefined ? [] : portVlans(vlans))
        .filter(({ id, last = id }) => !found.some((row) => row.id <= id && last <= (row.last ?? row.id)))
        .map(({ id, last }) => {
          const row = last === undefined ? `${id}` : `${id} to ${last}`;
          return `${port} was put into VLAN ${row}, and is in ${JSON.stringify(found)}`;
        }),
    ];
  },

  brings: (step) => step.name,
};

/** What is set on the bridge's port once it is there. */
function preparePort({ host }: Kernel, step: CreateVethPairStep, bridge: Link): Prepared<void>[] {
  const { index, isHairpin, isIsolated, vlans } = step;
  const settings = {
    ...(isHairpin === undefined ? {} : { isHairpin }),
    ...(isIsolated === undefined ? {} : { isIsolated }),
  };
  const usual = Number(bridge.kindData?.defaultPvid ?? 0);
  const leavesDefault = vlans !== undefined && !vlans.keepsDefault && usual > 0;
  return [
    ...(Object.keys(settings).length === 0 ? [] : [host.bridgePorts.prepareSet(index, settings)]),
    ...(leavesDefault ? [host.bridgeVlans.prepareDelete(index, { id: usual })] : []),
    ...(vlans === undefined ? [] : portVlans(vlans)).map((vlan) => host.bridgeVlans.prepareAdd(index, vlan)),
  ];
}

function portVlans({ untagged, trunk }: PortVlans): BridgeVlan[] {
  return [
    ...trunk.map(({ first, last }) => ({ id: first, ...(last === first ? {} : { last }) })),
    // Last: a row of the trunk that it is in would make it a tagged one.
    ...(untagged === undefined ? [] : [{ id: untagged, isPvid: true, isUntagged: true }]),
  ];
}
