import { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { listOf, wholeNumber, yesOrNo } from "../../validation.ts";
import { goFields } from "../go-json.ts";
import type { BridgePlugin } from "../known-plugin.ts";
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

const vlanId = wholeNumber(1, 4094).optional();

const trunk = goFields({ minID: vlanId, maxID: vlanId, id: vlanId }).superRefine(
  ({ minID, maxID }, context) => {
    if ((minID === undefined) !== (maxID === undefined)) {
      const path = [minID === undefined ? "minID" : "maxID"];
      context.addIssue({ code: "custom", path, message: "both minID and maxID, or neither" });
    } else if (minID !== undefined && maxID !== undefined && maxID < minID) {
      context.addIssue({ code: "custom", path: ["maxID"], message: `a VLAN not before minID, ${minID}` });
    }
  },
);

/**
 * The reference plugin `bridge`. Of MAC addresses counts `runtimeConfig.mac`, then `args.cni.mac`, then `MAC=` of CNI_ARGS.
 *
 * `ipMasq` and `macspoofchk` need a packet filter, and `enabledad` a wait for the kernel's answer that `ADD` does not
 * make: for these its program is run.
 */
export const bridge = pluginReader(
  {
    ...interfaceFields,
    bridge: optionalLink,
    isGateway: flag,
    isDefaultGateway: flag,
    forceAddress: flag,
    ipMasq: flag,
    ipMasqBackend: z.unknown().optional(),
    mtu,
    hairpinMode: flag,
    promiscMode: flag,
    vlan: wholeNumber(0, 4094).default(0),
    vlanTrunk: listOf(trunk).default([]),
    preserveDefaultVlan: yesOrNo().default(true),
    macspoofchk: flag,
    enabledad: flag,
    disableContainerInterface: flag,
    portIsolation: flag,
  },
  (written, wishes): BridgePlugin | undefined => {
    const { place } = wishes;
    const vlanTrunk = written.vlanTrunk.flatMap(({ minID, maxID, id }) => [
      ...(minID !== undefined && maxID !== undefined ? [{ first: minID, last: maxID }] : []),
      ...(id !== undefined ? [{ first: id, last: id }] : []),
    ]);
    if (written.vlan > 0 && vlanTrunk.length > 0) {
      throw new InvalidValueError(`${place} vlan`, written.vlan, "vlan or vlanTrunk, not both");
    }
    if (written.hairpinMode && written.promiscMode) {
      throw new InvalidValueError(`${place} promiscMode`, true, "hairpinMode or promiscMode, not both");
    }
    const addressing = readAddressing(written, wishes);
    if (written.disableContainerInterface && addressing.ipam !== undefined) {
      const expected = "no ipam: an interface that stays down (disableContainerInterface) gets no addresses";
      throw new InvalidValueError(`${place} ipam`, written.ipam, expected);
    }
    if (written.ipMasq || written.macspoofchk || written.enabledad) return undefined;
    return {
      type: "bridge",
      bridge: written.bridge ?? "cni0",
      isGateway: written.isGateway || written.isDefaultGateway,
      isDefaultGateway: written.isDefaultGateway,
      forceAddress: written.forceAddress,
      hairpinMode: written.hairpinMode,
      promiscMode: written.promiscMode,
      ...(written.vlan > 0 && { vlan: written.vlan }),
      vlanTrunk,
      preserveDefaultVlan: written.preserveDefaultVlan,
      portIsolation: written.portIsolation,
      disableContainerInterface: written.disableContainerInterface,
      ...readMtu(written.mtu),
      ...firstMac(
        place,
        ["runtimeConfig.mac", wishes.runtime.mac],
        ["args.cni.mac", written.args?.cni?.mac],
        ["CNI_ARGS MAC", wishes.args.get("MAC")],
      ),
      ...addressing,
    };
  },
);
