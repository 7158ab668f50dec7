import { EOPNOTSUPP } from "../../errno.ts";
import type { AttributeReader } from "../../netlink/attribute.ts";
import { formatMac, parseMac } from "../../route/ip.ts";
import type { NameOrNumber } from "../../route/names.ts";
import { readGeneric } from "../family.ts";
import { isTold, nameTold, told } from "../told.ts";
import { DEVLINK_ATTR_PORT_INDEX, type DevlinkClient } from "./client.ts";
import { handleOf } from "./handle.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_PORT_GET = 5;
const DEVLINK_CMD_PORT_SET = 6;
const DEVLINK_ATTR_PORT_TYPE = 4;
const DEVLINK_ATTR_PORT_NETDEV_IFINDEX = 6;
const DEVLINK_ATTR_PORT_NETDEV_NAME = 7;
const DEVLINK_ATTR_PORT_IBDEV_NAME = 8;
const DEVLINK_ATTR_PORT_FLAVOUR = 77;
const DEVLINK_ATTR_PORT_NUMBER = 78;
const DEVLINK_ATTR_PORT_PCI_PF_NUMBER = 127;
const DEVLINK_ATTR_PORT_PCI_VF_NUMBER = 128;
const DEVLINK_ATTR_PORT_FUNCTION = 145;
const DEVLINK_ATTR_PORT_EXTERNAL = 149;
const DEVLINK_ATTR_PORT_CONTROLLER_NUMBER = 150;
const DEVLINK_ATTR_PORT_PCI_SF_NUMBER = 164;
/** Inside DEVLINK_ATTR_PORT_FUNCTION (enum devlink_port_function_attr). */
const DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR = 1;
const DEVLINK_PORT_FN_ATTR_STATE = 2;
const DEVLINK_PORT_FN_ATTR_OPSTATE = 3;

/** enum devlink_port_type. */
const TYPES = { notset: 0, auto: 1, eth: 2, ib: 3 } as const;
/** enum devlink_port_flavour, with the names iproute2 gives them. */
const FLAVOURS = {
  physical: 0,
  cpu: 1,
  dsa: 2,
  pcipf: 3,
  pcivf: 4,
  virtual: 5,
  unused: 6,
  pcisf: 7,
} as const;
/** enum devlink_port_fn_state. */
const FUNCTION_STATES = { inactive: 0, active: 1 } as const;
/** enum devlink_port_fn_opstate. */
const FUNCTION_OPERATIONAL_STATES = { detached: 0, attached: 1 } as const;

/** What a port of a card's switch is for: the wire, or one of the card's functions (`pcivf`). */
export type DevlinkPortFlavour = NameOrNumber<keyof typeof FLAVOURS>;

/** The function behind a port, as the switch's side sees it; what its driver does not tell is left out. */
export interface DevlinkPortFunction {
  /** The function's link-layer address: what its own driver starts with. */
  readonly mac?: string;
  readonly state?: NameOrNumber<keyof typeof FUNCTION_STATES>;
  /** Whether a driver holds the function. */
  readonly operationalState?: NameOrNumber<keyof typeof FUNCTION_OPERATIONAL_STATES>;
}

/** One port of a device; what does not apply to its flavour is left out. */
export interface DevlinkPort {
  readonly device: string;
  /** Index of the port on its device. */
  readonly index: number;
  readonly type?: NameOrNumber<keyof typeof TYPES>;
  readonly flavour?: DevlinkPortFlavour;
  /** Number printed on the card, for a `physical` port. */
  readonly portNumber?: number;
  /** Number of the PCI controller the function belongs to: 0 is the card's own. */
  readonly controller?: number;
  readonly pfNumber?: number;
  readonly vfNumber?: number;
  readonly sfNumber?: number;
  /** The function lies on another host's controller. */
  readonly isExternal?: boolean;
  /** The link that shows this port, where it is in the same network namespace. */
  readonly linkIndex?: number;
  readonly linkName?: string;
  /** The InfiniBand device that shows this port. */
  readonly infinibandName?: string;
  readonly function?: DevlinkPortFunction;
}

/** The ports of the devices of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class DevlinkPorts {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** Every port, or those of one device. */
  async list(device?: string): Promise<DevlinkPort[]> {
    const operation = device === undefined ? "list devlink ports" : `list the ports of ${device}`;
    return await this.#client.list({ command: DEVLINK_CMD_PORT_GET, operation, device }, decodePort);
  }

  /** One port of a device; ENODEV where there is none. */
  async get(device: string, index: number): Promise<DevlinkPort> {
    const operation = `get port ${index} of ${device}`;
    return await this.#client.read(
      { device, port: index, command: DEVLINK_CMD_PORT_GET, operation },
      decodePort,
    );
  }

  /**
   * Sets the link-layer address of the function behind a port, which its driver takes when it is bound. Throws
   * InvalidValueError for what is no MAC address.
   */
  async setFunctionMac(device: string, index: number, mac: string): Promise<void> {
    const bytes = parseMac(mac);
    await this.#client.change({
      device,
      port: index,
      command: DEVLINK_CMD_PORT_SET,
      operation: `set the MAC address ${mac} of the function behind port ${index} of ${device}`,
      reasons: { [EOPNOTSUPP]: "no function lies behind this port, or its driver cannot set the address" },
      write: (attributes) => {
        attributes.nest(DEVLINK_ATTR_PORT_FUNCTION, (nest) =>
          nest.bytes(DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, bytes),
        );
      },
    });
  }
}

/** Reads the payload of a DEVLINK_CMD_PORT_NEW; undefined when it names no port. */
export function decodePort(payload: Uint8Array): DevlinkPort | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  const index = attributes.u32(DEVLINK_ATTR_PORT_INDEX);
  if (device === undefined || index === undefined) return undefined;
  const behind = attributes.nested(DEVLINK_ATTR_PORT_FUNCTION);
  return {
    device,
    index,
    ...told({
      type: nameTold(TYPES, attributes.u16(DEVLINK_ATTR_PORT_TYPE)),
      flavour: nameTold(FLAVOURS, attributes.u16(DEVLINK_ATTR_PORT_FLAVOUR)),
      portNumber: attributes.u32(DEVLINK_ATTR_PORT_NUMBER),
      controller: attributes.u32(DEVLINK_ATTR_PORT_CONTROLLER_NUMBER),
      pfNumber: attributes.u16(DEVLINK_ATTR_PORT_PCI_PF_NUMBER),
      vfNumber: attributes.u16(DEVLINK_ATTR_PORT_PCI_VF_NUMBER),
      sfNumber: attributes.u32(DEVLINK_ATTR_PORT_PCI_SF_NUMBER),
      isExternal: isTold(attributes.u8(DEVLINK_ATTR_PORT_EXTERNAL)),
      linkIndex: attributes.u32(DEVLINK_ATTR_PORT_NETDEV_IFINDEX),
      linkName: attributes.string(DEVLINK_ATTR_PORT_NETDEV_NAME),
      infinibandName: attributes.string(DEVLINK_ATTR_PORT_IBDEV_NAME),
      function: behind === undefined ? undefined : readFunction(behind),
    }),
  };
}

function readFunction(nest: AttributeReader): DevlinkPortFunction {
  const address = nest.bytes(DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR);
  return told({
    mac: address === undefined ? undefined : formatMac(address),
    state: nameTold(FUNCTION_STATES, nest.u8(DEVLINK_PORT_FN_ATTR_STATE)),
    operationalState: nameTold(FUNCTION_OPERATIONAL_STATES, nest.u8(DEVLINK_PORT_FN_ATTR_OPSTATE)),
  });
}
