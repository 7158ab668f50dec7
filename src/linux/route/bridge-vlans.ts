import { InvalidValueError } from "../../model/errors.ts";
import { EOPNOTSUPP } from "../errno.ts";
import { AttributeReader, type AttributeWriter } from "../netlink/attribute.ts";
import { encodeMessage, NLM_F_ACK, NLM_F_DUMP } from "../netlink/message.ts";
import { viewOf } from "../netlink/view.ts";
import { wholeNumber } from "../whole-number.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { AF_BRIDGE } from "./ip.ts";
import * as attr from "./link-attributes.ts";
import { linkHeader } from "./link-header.ts";

/** Inside IFLA_AF_SPEC of the family AF_BRIDGE (include/uapi/linux/if_bridge.h). */
const IFLA_BRIDGE_FLAGS = 0;
const IFLA_BRIDGE_VLAN_INFO = 2;

const BRIDGE_FLAGS_SELF = 2;

/** struct bridge_vlan_info: flags and VLAN id. */
const VLAN_INFO_SIZE = 4;
const BRIDGE_VLAN_INFO_PVID = 0x2;
const BRIDGE_VLAN_INFO_UNTAGGED = 0x4;
const BRIDGE_VLAN_INFO_RANGE_BEGIN = 0x8;
const BRIDGE_VLAN_INFO_RANGE_END = 0x10;

const LAST_VLAN = 4094;

/** VLANs of a port: one, or several in a row that are treated alike. */
export interface BridgeVlan {
  /** 1 to 4094. */
  readonly id: number;
  /** The last of a row; `id` alone when absent. */
  readonly last?: number;
  /** Untagged frames that come in belong to it. Of one VLAN only; the port's former one loses it. */
  readonly isPvid?: boolean;
  /** Frames go out without its tag. */
  readonly isUntagged?: boolean;
}

/** The VLANs of one port, or of a bridge itself. */
export interface PortVlans {
  /** Index of the link. */
  readonly link: number;
  /** Index of the bridge; undefined for a bridge itself. */
  readonly bridge: number | undefined;
  readonly vlans: readonly BridgeVlan[];
}

/** Whose VLANs are meant: those of a port, or the bridge's own, by which it takes part itself. */
export type BridgeVlanOwner = "port" | "bridge";

/** VLANs of bridges that filter (`isVlanFiltering`) in one network namespace. */
export class BridgeVlans {
  readonly #client: NetlinkClient;
  readonly #place: string;

  /** `place` names the namespace in errors. */
  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Lets VLANs through at a port, or changes how. Throws InvalidValueError, and NetlinkError. */
  async add(link: number, vlan: BridgeVlan, owner: BridgeVlanOwner = "port"): Promise<void> {
    await this.#client.send(this.prepareAdd(link, vlan, owner));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(link: number, vlan: BridgeVlan, owner: BridgeVlanOwner = "port"): Prepared<void> {
    return this.#prepare("add", attr.RTM_SETLINK, link, vlan, owner);
  }

  /** Shuts a port to VLANs; those it does not have are no error. Throws InvalidValueError, and NetlinkError. */
  async delete(link: number, vlan: BridgeVlan, owner: BridgeVlanOwner = "port"): Promise<void> {
    await this.#client.send(this.prepareDelete(link, vlan, owner));
  }

  /** `delete`, to be sent with other requests. */
  prepareDelete(link: number, vlan: BridgeVlan, owner: BridgeVlanOwner = "port"): Prepared<void> {
    return this.#prepare("remove", attr.RTM_DELLINK, link, vlan, owner);
  }

  /** Every port and bridge that has VLANs. */
  async list(): Promise<{ ports: PortVlans[]; isInconsistent: boolean }> {
    const header = linkHeader(0, undefined, AF_BRIDGE);
    const message = encodeMessage(attr.RTM_GETLINK, NLM_F_DUMP, header, (w) =>
      w.u32(attr.IFLA_EXT_MASK, attr.RTEXT_FILTER_BRVLAN_COMPRESSED),
    );
    const { entries, isInconsistent } = await this.#client.dump(
      `list bridge VLANs in ${this.#place}`,
      message,
      ({ payload }) => decodePortVlans(payload),
    );
    return { ports: entries.filter(({ vlans }) => vlans.length > 0), isInconsistent };
  }

  #prepare(
    verb: "add" | "remove",
    type: number,
    link: number,
    vlan: BridgeVlan,
    owner: BridgeVlanOwner,
  ): Prepared<void> {
    const message = encodeMessage(type, NLM_F_ACK, linkHeader(link, undefined, AF_BRIDGE), (w) =>
      w.nest(attr.IFLA_AF_SPEC, (spec) => {
        if (owner === "bridge") spec.u16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
        writeVlan(spec, vlan, `bridge VLAN of link ${link}`);
      }),
    );
    const row = vlan.last === undefined ? `${vlan.id}` : `${vlan.id} to ${vlan.last}`;
    const reason =
      owner === "port"
        ? "the link belongs to no bridge, or the kernel has no VLAN filtering"
        : "the link is no bridge, or the kernel has no VLAN filtering";
    return this.#client.prepare(
      `${verb} the bridge VLAN ${row} of link ${link} in ${this.#place}`,
      message,
      { key: String(link), reasons: { [EOPNOTSUPP]: reason } },
      () => {},
    );
  }
}

/** Reads an RTM_NEWLINK of the family AF_BRIDGE; undefined when it is none. */
export function decodePortVlans(payload: Uint8Array): PortVlans | undefined {
  const header = viewOf(payload, attr.INTERFACE_HEADER_SIZE);
  if (header === undefined || header.getUint8(0) !== AF_BRIDGE) return undefined;
  const attributes = new AttributeReader(payload.subarray(attr.INTERFACE_HEADER_SIZE));
  return {
    link: header.getInt32(4, true),
    bridge: attributes.u32(attr.IFLA_MASTER),
    vlans: readVlans(attributes.bytes(attr.IFLA_AF_SPEC)),
  };
}

function readVlans(spec: Uint8Array | undefined): BridgeVlan[] {
  const vlans: BridgeVlan[] = [];
  let first: number | undefined;
  for (const { type, payload } of spec === undefined ? [] : new AttributeReader(spec).entries()) {
    const info = type === IFLA_BRIDGE_VLAN_INFO ? viewOf(payload, VLAN_INFO_SIZE) : undefined;
    if (info === undefined) continue;
    const flags = info.getUint16(0, true);
    const id = info.getUint16(2, true);
    if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) {
      first = id;
      continue;
    }
    const isEnd = (flags & BRIDGE_VLAN_INFO_RANGE_END) !== 0 && first !== undefined;
    vlans.push({
      ...(isEnd && first !== undefined ? { id: first, last: id } : { id }),
      isPvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
      isUntagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
    });
    first = undefined;
  }
  return vlans;
}

function writeVlan(spec: AttributeWriter, vlan: BridgeVlan, place: string): void {
  const id = wholeNumber(place, vlan.id, 1, LAST_VLAN);
  const flags =
    (vlan.isPvid === true ? BRIDGE_VLAN_INFO_PVID : 0) |
    (vlan.isUntagged === true ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
  const info = (more: number, number: number) => {
    const bytes = new Uint8Array(VLAN_INFO_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, flags | more, true);
    view.setUint16(2, number, true);
    spec.bytes(IFLA_BRIDGE_VLAN_INFO, bytes);
  };
  if (vlan.last === undefined) {
    info(0, id);
    return;
  }
  if (vlan.isPvid === true) throw new InvalidValueError(place, vlan, "a single VLAN where it is the PVID");
  info(BRIDGE_VLAN_INFO_RANGE_BEGIN, id);
  info(BRIDGE_VLAN_INFO_RANGE_END, wholeNumber(`last ${place}`, vlan.last, id + 1, LAST_VLAN));
}
