import { z } from "zod";
import { oneOf, wholeNumber } from "../../validation.ts";
import { unlessEmpty } from "../go-json.ts";
import {
  firstMac,
  flag,
  interfaceFields,
  mtu,
  optionalLink,
  readAddressing,
  readMtu,
} from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

/** The reference plugin `macvlan`. Of MAC addresses counts `runtimeConfig.mac`, then `MAC=` of CNI_ARGS, then `mac`. */
export const macvlan = pluginReader(
  {
    ...interfaceFields,
    master: optionalLink,
    mode: unlessEmpty(oneOf(["bridge", "private", "vepa", "passthru"])),
    mtu,
    mac: unlessEmpty(z.unknown()),
    linkInContainer: flag,
    bcqueuelen: wholeNumber(0, 2 ** 32 - 1).optional(),
  },
  (written, wishes) => ({
    type: "macvlan",
    ...(written.master !== undefined && { parent: written.master }),
    isParentInPod: written.linkInContainer,
    mode: written.mode ?? "bridge",
    // 0 says nothing: the kernel's own length stays.
    ...(written.bcqueuelen !== undefined &&
      written.bcqueuelen > 0 && { broadcastQueueLength: written.bcqueuelen }),
    ...readMtu(written.mtu),
    ...firstMac(
      wishes.place,
      ["runtimeConfig.mac", wishes.runtime.mac],
      ["CNI_ARGS MAC", wishes.args.get("MAC")],
      ["mac", written.mac],
    ),
    ...readAddressing(written, wishes),
  }),
);
