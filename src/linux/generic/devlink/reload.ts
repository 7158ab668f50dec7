import { EOPNOTSUPP } from "../../errno.ts";
import { type NameOrNumber, nameOf, numberOf } from "../../route/names.ts";
import { readGeneric } from "../family.ts";
import type { DevlinkClient } from "./client.ts";

/** Command and attributes (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_RELOAD = 37;
const DEVLINK_ATTR_NETNS_FD = 138;
const DEVLINK_ATTR_RELOAD_ACTION = 153;
const DEVLINK_ATTR_RELOAD_ACTIONS_PERFORMED = 154;
const DEVLINK_ATTR_RELOAD_LIMITS = 155;

/** enum devlink_reload_action. */
export const RELOAD_ACTIONS = { unspecified: 0, driver_reinit: 1, fw_activate: 2 } as const;
/** enum devlink_reload_limit. */
export const RELOAD_LIMITS = { unspecified: 0, no_reset: 1 } as const;

export type ReloadAction = NameOrNumber<keyof typeof RELOAD_ACTIONS>;

/** How a device is to be reloaded. */
export interface Reload {
  /**
   * `driver_reinit` takes the device's links away and makes them anew, with the parameters that were set for
   * `driverinit`; `fw_activate` starts the firmware that was stored. The kernel takes the first when absent.
   */
  readonly action?: "driver_reinit" | "fw_activate";
  /** What may not happen on the way: with `no_reset` neither a reset nor time without a link. */
  readonly limit?: "no_reset";
  /** Open descriptor of the network namespace the device and its links move to. */
  readonly namespaceFd?: number;
}

const REASONS = { [EOPNOTSUPP]: "the device's driver cannot be reloaded like this" };

/** Sends the reload of a device and gives what was done. Throws NetlinkError when the kernel refuses. */
export async function reloadDevice(
  client: DevlinkClient,
  device: string,
  { action = "driver_reinit", limit, namespaceFd }: Reload,
): Promise<readonly ReloadAction[]> {
  const [answer] = await client.change({
    device,
    command: DEVLINK_CMD_RELOAD,
    operation: `reload ${device} (${action})`,
    reasons: REASONS,
    write: (attributes) => {
      attributes.u8(DEVLINK_ATTR_RELOAD_ACTION, numberOf("reload action", RELOAD_ACTIONS, action));
      if (limit !== undefined) {
        const bit = 1 << numberOf("reload limit", RELOAD_LIMITS, limit);
        attributes.bytes(DEVLINK_ATTR_RELOAD_LIMITS, bitfield32(bit));
      }
      if (namespaceFd !== undefined) attributes.u32(DEVLINK_ATTR_NETNS_FD, namespaceFd);
    },
  });
  return answer === undefined ? [] : decodeReload(answer);
}

/** Reads what a reload did from the answer to it. */
export function decodeReload(payload: Uint8Array): ReloadAction[] {
  // struct nla_bitfield32: the bits, and which of them are meant.
  const done = readGeneric(payload).u32(DEVLINK_ATTR_RELOAD_ACTIONS_PERFORMED) ?? 0;
  return Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => ((done >>> bit) & 1) === 1)
    .map((bit) => nameOf(RELOAD_ACTIONS, bit));
}

/** struct nla_bitfield32 in which these bits alone are meant, and set. */
function bitfield32(bits: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bits, true);
  view.setUint32(4, bits, true);
  return bytes;
}
