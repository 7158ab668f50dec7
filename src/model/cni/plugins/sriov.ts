import { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { parsePciAddress } from "../../pci.ts";
import { oneOf, parsedBy, wholeNumber } from "../../validation.ts";
import type { Vlan } from "../../vlan.ts";
import { unlessEmpty } from "../go-json.ts";
import { firstMac, interfaceFields, readAddressing } from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

const onOrOff = unlessEmpty(oneOf(["on", "off"]).transform((word) => word === "on"));

/** Mbit/s; the kernel keeps 32 bits (struct ifla_vf_rate, include/uapi/linux/if_link.h). */
const rate = wholeNumber(0, 2 ** 32 - 1)
  .transform((megabits) => megabits * 1_000_000)
  .optional();

const vlanProtocol = z.preprocess(
  (value) => (typeof value === "string" ? value.toLowerCase() : value),
  oneOf(["802.1q", "802.1ad"]),
);

/**
 * The plugin `sriov` (sriov-cni). Of MAC addresses counts `runtimeConfig.mac`, then `MAC=` of CNI_ARGS, then `mac`. Unlike
 * there, words other than on and off are refused: they would turn off what somebody wanted on.
 */
export const sriov = pluginReader(
  {
    ...interfaceFields,
    deviceID: unlessEmpty(parsedBy(parsePciAddress)),
    vlan: wholeNumber(0, 4094).optional(),
    vlanQoS: wholeNumber(0, 7).optional(),
    vlanProto: unlessEmpty(vlanProtocol),
    mac: unlessEmpty(z.unknown()),
    spoofchk: onOrOff,
    trust: onOrOff,
    link_state: unlessEmpty(oneOf(["auto", "enable", "disable"])),
    min_tx_rate: rate,
    max_tx_rate: rate,
    // Where its program writes its log.
    logLevel: z.unknown().optional(),
    logFile: z.unknown().optional(),
  },
  (written, wishes) => {
    const { place, runtime } = wishes;
    const { min_tx_rate: minRate, max_tx_rate: maxRate } = written;
    // do_setvfinfo(), net/core/rtnetlink.c
    if (minRate !== undefined && maxRate !== undefined && maxRate > 0 && minRate > maxRate) {
      const expected = `no more than max_tx_rate, ${maxRate / 1_000_000}`;
      throw new InvalidValueError(`${place} min_tx_rate`, minRate / 1_000_000, expected);
    }
    const deviceId =
      runtime.deviceID === undefined
        ? written.deviceID
        : parsePciAddress(runtime.deviceID, `${place} runtimeConfig.deviceID`);
    const vlan = readVlan(written, place);
    return {
      type: "sriov",
      ...(deviceId !== undefined && { deviceId }),
      ...(vlan !== undefined && { vlan }),
      ...(written.spoofchk !== undefined && { spoofCheck: written.spoofchk }),
      ...(written.trust !== undefined && { trust: written.trust }),
      ...(written.link_state !== undefined && { linkState: written.link_state }),
      ...(minRate !== undefined && { minRate }),
      ...(maxRate !== undefined && { maxRate }),
      ...firstMac(
        place,
        ["runtimeConfig.mac", runtime.mac],
        ["CNI_ARGS MAC", wishes.args.get("MAC")],
        ["mac", written.mac],
      ),
      ...readAddressing(written, wishes),
    };
  },
);

function readVlan(
  written: {
    readonly vlan?: number;
    readonly vlanQoS?: number;
    readonly vlanProto?: "802.1q" | "802.1ad";
  },
  place: string,
): Vlan | undefined {
  const { vlan: id, vlanQoS = 0, vlanProto } = written;
  if (id === undefined) {
    for (const field of ["vlanQoS", "vlanProto"] as const) {
      if (written[field] === undefined) continue;
      throw new InvalidValueError(`${place} ${field}`, written[field], "nothing where there is no vlan");
    }
    return undefined;
  }
  if (id === 0 && vlanQoS !== 0) {
    throw new InvalidValueError(`${place} vlanQoS`, vlanQoS, "0 where vlan is 0, which is no VLAN");
  }
  if (id === 0 && vlanProto === "802.1ad") {
    throw new InvalidValueError(`${place} vlanProto`, vlanProto, "802.1q where vlan is 0, which is no VLAN");
  }
  return { id, qos: vlanQoS, protocol: vlanProto === "802.1ad" ? "802.1ad" : "802.1Q" };
}
