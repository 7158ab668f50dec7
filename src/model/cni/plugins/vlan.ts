import { parseLinkName } from "../../names.ts";
import { parsedBy, wholeNumber } from "../../validation.ts";
import { flag, interfaceFields, mtu, readAddressing, readMtu } from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

/** The reference plugin `vlan`. */
export const vlan = pluginReader(
  {
    ...interfaceFields,
    master: parsedBy(parseLinkName),
    vlanId: wholeNumber(0, 4094).default(0),
    mtu,
    linkInContainer: flag,
  },
  (written, wishes) => ({
    type: "vlan",
    parent: written.master,
    isParentInPod: written.linkInContainer,
    id: written.vlanId,
    ...readMtu(written.mtu),
    ...readAddressing(written, wishes),
  }),
);
