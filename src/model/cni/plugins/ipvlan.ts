import { oneOf } from "../../validation.ts";
import { unlessEmpty } from "../go-json.ts";
import { flag, interfaceFields, mtu, optionalLink, readAddressing, readMtu } from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

/** The reference plugin `ipvlan`. Its links have their parent's MAC address, whatever is wished for. */
export const ipvlan = pluginReader(
  {
    ...interfaceFields,
    master: optionalLink,
    mode: unlessEmpty(oneOf(["l2", "l3", "l3s"])),
    mtu,
    linkInContainer: flag,
  },
  (written, wishes) => ({
    type: "ipvlan",
    ...(written.master !== undefined && { parent: written.master }),
    isParentInPod: written.linkInContainer,
    mode: written.mode ?? "l2",
    ...readMtu(written.mtu),
    ...readAddressing(written, wishes),
  }),
);
