import { EOPNOTSUPP } from "../../errno.ts";
import { type NameOrNumber, numberOf } from "../../route/names.ts";
import { readGeneric } from "../family.ts";
import { nameTold, told } from "../told.ts";
import type { DevlinkClient } from "./client.ts";
import { handleOf } from "./handle.ts";

/** Commands and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_ESWITCH_GET = 29;
const DEVLINK_CMD_ESWITCH_SET = 30;
const DEVLINK_ATTR_ESWITCH_MODE = 25;
const DEVLINK_ATTR_ESWITCH_INLINE_MODE = 26;
const DEVLINK_ATTR_ESWITCH_ENCAP_MODE = 62;

/** enum devlink_eswitch_mode. */
const MODES = { legacy: 0, switchdev: 1 } as const;
/** enum devlink_eswitch_inline_mode. */
const INLINE_MODES = { none: 0, link: 1, network: 2, transport: 3 } as const;
/** enum devlink_eswitch_encap_mode. */
const ENCAP_MODES = { none: 0, basic: 1 } as const;

/** `switchdev` shows every VF's port of the card's switch as a link; `legacy` switches by MAC and VLAN alone. */
export type EswitchMode = NameOrNumber<keyof typeof MODES>;

/** How many of a packet's headers the card wants in front of it, before it looks at any of it itself. */
export type EswitchInlineMode = NameOrNumber<keyof typeof INLINE_MODES>;

/** Whether the card's switch can wrap packets into tunnels. */
export type EswitchEncapMode = NameOrNumber<keyof typeof ENCAP_MODES>;

/** How a card's switch between its ports and functions works; what its driver does not tell is left out. */
export interface Eswitch {
  readonly device: string;
  readonly mode?: EswitchMode;
  readonly inlineMode?: EswitchInlineMode;
  readonly encapMode?: EswitchEncapMode;
}

/** What can be set on an eswitch; what is left out stays. */
export type EswitchSettings = Omit<Eswitch, "device">;

const REASONS = { [EOPNOTSUPP]: "the device has no eswitch, or its driver cannot set this" };

/** The switches inside the cards of one network namespace. All calls throw NetlinkError when the kernel refuses. */
export class Eswitches {
  readonly #client: DevlinkClient;

  constructor(client: DevlinkClient) {
    this.#client = client;
  }

  /** How a device's switch works now. */
  async get(device: string): Promise<Eswitch> {
    const operation = `read the eswitch mode of ${device}`;
    return await this.#client.read(
      { device, command: DEVLINK_CMD_ESWITCH_GET, operation, reasons: REASONS },
      decodeEswitch,
    );
  }

  /**
   * Sets several modes in one message; the kernel does not undo the first when a later one fails. A new mode takes
   * seconds on a card with many VFs, and takes away and makes links.
   */
  async set(device: string, settings: EswitchSettings): Promise<void> {
    const { mode, inlineMode, encapMode } = settings;
    await this.#client.change({
      device,
      command: DEVLINK_CMD_ESWITCH_SET,
      operation: `set ${describe(settings)} of ${device}`,
      reasons: REASONS,
      write: (attributes) => {
        if (mode !== undefined)
          attributes.u16(DEVLINK_ATTR_ESWITCH_MODE, numberOf("eswitch mode", MODES, mode));
        if (inlineMode !== undefined) {
          const number = numberOf("eswitch inline mode", INLINE_MODES, inlineMode);
          attributes.u8(DEVLINK_ATTR_ESWITCH_INLINE_MODE, number);
        }
        if (encapMode !== undefined) {
          const number = numberOf("eswitch encap mode", ENCAP_MODES, encapMode);
          attributes.u8(DEVLINK_ATTR_ESWITCH_ENCAP_MODE, number);
        }
      },
    });
  }
}

/** Reads how an eswitch works; undefined when the payload names no device. */
export function decodeEswitch(payload: Uint8Array): Eswitch | undefined {
  const attributes = readGeneric(payload);
  const device = handleOf(attributes);
  if (device === undefined) return undefined;
  return {
    device,
    ...told({
      mode: nameTold(MODES, attributes.u16(DEVLINK_ATTR_ESWITCH_MODE)),
      inlineMode: nameTold(INLINE_MODES, attributes.u8(DEVLINK_ATTR_ESWITCH_INLINE_MODE)),
      encapMode: nameTold(ENCAP_MODES, attributes.u8(DEVLINK_ATTR_ESWITCH_ENCAP_MODE)),
    }),
  };
}

function describe({ mode, inlineMode, encapMode }: EswitchSettings): string {
  const parts = [
    ...(mode === undefined ? [] : [`the eswitch mode ${mode}`]),
    ...(inlineMode === undefined ? [] : [`the inline mode ${inlineMode}`]),
    ...(encapMode === undefined ? [] : [`the encap mode ${encapMode}`]),
  ];
  return parts.join(" and ");
}
