import { AttributeReader, type AttributeWriter } from "../../netlink/attribute.ts";
import { viewOf } from "../../netlink/view.ts";
import { wholeNumber } from "../../whole-number.ts";
import {
  type Field,
  type Fields,
  numberField,
  readFields,
  vlanProtocolField,
  writeFields,
  yesOrNo,
} from "../fields.ts";
import type { VlanProtocol } from "../vlan-protocol.ts";
import type { LinkKind } from "./kind.ts";

/** Attributes (IFLA_VLAN_*, include/uapi/linux/if_link.h). */
const IFLA_VLAN_ID = 1;
const IFLA_VLAN_FLAGS = 2;
const IFLA_VLAN_EGRESS_QOS = 3;
const IFLA_VLAN_INGRESS_QOS = 4;
const IFLA_VLAN_PROTOCOL = 5;
const IFLA_VLAN_QOS_MAPPING = 1;

/** struct ifla_vlan_flags and struct ifla_vlan_qos_mapping have two 32-bit numbers each. */
const PAIR_SIZE = 8;

/** enum vlan_flags (include/uapi/linux/if_vlan.h). */
const FLAGS = {
  reordersHeader: 0x1,
  gvrp: 0x2,
  looseBinding: 0x4,
  mvrp: 0x8,
  bridgeBinding: 0x10,
} as const;

type Flag = keyof typeof FLAGS;
const FLAG_NAMES = Object.keys(FLAGS) as Flag[];

const LAST_VLAN = 4094;
const LAST_PCP = 7;

/** One line of a QoS map. */
export interface VlanQosMapping {
  /** Egress: the packet's priority (`SO_PRIORITY`). Ingress: the tag's priority (PCP), 0 to 7. */
  readonly from: number;
  /** Egress: the tag's priority (PCP), 0 to 7. Ingress: the packet's priority. 0 takes the line away. */
  readonly to: number;
}

/** A link whose packets carry a tag on the parent (net/8021q). */
export interface VlanSpec {
  readonly kind: "vlan";
  /** 0 to 4094; 0 tags with a priority only. */
  readonly id: number;
  /** `802.1Q` when absent; `802.1ad` is the outer tag of a provider. */
  readonly protocol?: VlanProtocol;
  /** Lines to set; the kernel leaves the others as they are, and tells no line whose `to` is 0. */
  readonly egressQos?: readonly VlanQosMapping[];
  /** The same for what arrives. */
  readonly ingressQos?: readonly VlanQosMapping[];
  /** Tags are put in and taken out so that the network header stands where it always does; on in the kernel. */
  readonly reordersHeader?: boolean;
  /** Announces the VLAN to switches (GARP VLAN Registration Protocol). */
  readonly gvrp?: boolean;
  /** Does not follow the parent's state. */
  readonly looseBinding?: boolean;
  /** Announces the VLAN to switches (Multiple VLAN Registration Protocol). */
  readonly mvrp?: boolean;
  /** Over a bridge: the state follows the bridge's ports in this VLAN. */
  readonly bridgeBinding?: boolean;
}

const fields: Fields<Omit<VlanSpec, Flag>> = {
  id: numberField("u16", IFLA_VLAN_ID, 0, LAST_VLAN),
  protocol: vlanProtocolField(IFLA_VLAN_PROTOCOL),
  egressQos: qosMapField(IFLA_VLAN_EGRESS_QOS, "to"),
  ingressQos: qosMapField(IFLA_VLAN_INGRESS_QOS, "from"),
};

export const vlan: LinkKind<VlanSpec> = {
  kind: "vlan",
  encode: (spec, data) => {
    writeFields(fields, spec, data, "a vlan");
    writeFlags(spec, data);
  },
  decode: (data) => ({ ...readFields(fields, data), ...readFlags(data) }),
  fixed: ["id", "protocol"],
};

/** struct ifla_vlan_flags: the flags, and which of them are meant. */
function writeFlags(spec: Partial<VlanSpec>, data: AttributeWriter): void {
  let flags = 0;
  let mask = 0;
  for (const name of FLAG_NAMES) {
    const value = spec[name];
    if (value === undefined) continue;
    mask |= FLAGS[name];
    if (yesOrNo(`${name} of a vlan`, value) === 1) flags |= FLAGS[name];
  }
  if (mask !== 0) data.bytes(IFLA_VLAN_FLAGS, pair(flags, mask));
}

function readFlags(data: AttributeReader): Partial<Record<Flag, boolean>> {
  const flags = viewOf(data.bytes(IFLA_VLAN_FLAGS), PAIR_SIZE)?.getUint32(0, true);
  if (flags === undefined) return {};
  return Object.fromEntries(FLAG_NAMES.map((name) => [name, (flags & FLAGS[name]) !== 0]));
}

/** A nest of struct ifla_vlan_qos_mapping, all of one type. `pcp` is the side on which the tag's priority stands. */
function qosMapField(type: number, pcp: keyof VlanQosMapping): Field<readonly VlanQosMapping[]> {
  const most = (side: keyof VlanQosMapping) => (side === pcp ? LAST_PCP : undefined);
  return {
    write: (data, value, place) => {
      const lines = value.map(({ from, to }) =>
        pair(
          wholeNumber(`from in ${place}`, from, 0, most("from")),
          wholeNumber(`to in ${place}`, to, 0, most("to")),
        ),
      );
      data.nest(type, (nest) => {
        for (const line of lines) nest.bytes(IFLA_VLAN_QOS_MAPPING, line);
      });
    },
    read: (data) => {
      const nest = data.bytes(type);
      if (nest === undefined) return undefined;
      return new AttributeReader(nest).entries().flatMap((entry) => {
        const line = entry.type === IFLA_VLAN_QOS_MAPPING ? viewOf(entry.payload, PAIR_SIZE) : undefined;
        return line === undefined ? [] : [{ from: line.getUint32(0, true), to: line.getUint32(4, true) }];
      });
    },
  };
}

function pair(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(PAIR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first, true);
  view.setUint32(4, second, true);
  return bytes;
}
