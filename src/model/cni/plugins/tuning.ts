import { z } from "zod";
import { InvalidValueError } from "../../errors.ts";
import { textMap, wholeNumber, yesOrNo } from "../../validation.ts";
import { goFields, unlessEmpty } from "../go-json.ts";
import { firstMac, readMtu } from "./interface-fields.ts";
import { pluginReader } from "./plugin-reader.ts";

const changes = {
  sysctl: textMap().default({}),
  mac: unlessEmpty(z.unknown()),
  promisc: yesOrNo().optional(),
  mtu: wholeNumber(0, 65_535).optional(),
  allmulti: yesOrNo().optional(),
  txQLen: wholeNumber(0, 2 ** 32 - 1).optional(),
};

/**
 * The reference plugin `tuning`. What stands in `args.cni` counts before the configuration; of MAC addresses that, then
 * `runtimeConfig.mac`, then `MAC=` of CNI_ARGS, then `mac`.
 */
export const tuning = pluginReader(
  {
    ...changes,
    args: goFields({ cni: goFields(changes).optional() }).optional(),
    // Where its program keeps what it found; ours keeps that in the journal.
    dataDir: z.unknown().optional(),
  },
  (written, { runtime, args, place }) => {
    const wished = written.args?.cni;
    const isPromiscuous = wished?.promisc ?? written.promisc;
    const isAllMulticast = wished?.allmulti ?? written.allmulti;
    const transmitQueueLength = wished?.txQLen ?? written.txQLen;
    return {
      type: "tuning",
      sysctl: {
        ...readSysctls(written.sysctl, `${place} sysctl`),
        ...readSysctls(wished?.sysctl ?? {}, `${place} args.cni.sysctl`),
      },
      ...firstMac(
        place,
        ["args.cni.mac", wished?.mac],
        ["runtimeConfig.mac", runtime.mac],
        ["CNI_ARGS MAC", args.get("MAC")],
        ["mac", written.mac],
      ),
      ...readMtu(wished?.mtu ?? written.mtu),
      // Its program turns this on and never off.
      ...(isPromiscuous === true && { isPromiscuous }),
      ...(isAllMulticast !== undefined && { isAllMulticast }),
      ...(transmitQueueLength !== undefined && { transmitQueueLength }),
    };
  },
);

function readSysctls(written: Readonly<Record<string, string>>, place: string): Record<string, string> {
  const entries = Object.entries(written);
  return Object.fromEntries(entries.map(([name, value]) => [readSysctlName(name, value, place), value]));
}

/**
 * Names are written with dots or with slashes; the separator that comes first is meant (sysctl(8)), so that a link's name
 * may hold the other: `net.ipv4.conf.eth0/100.arp_filter`.
 */
function readSysctlName(written: string, value: string, place: string): string {
  const isDotted = /[./]/.exec(written)?.[0] === ".";
  const name = isDotted ? written.replace(/[./]/g, (mark) => (mark === "." ? "/" : ".")) : written;
  const parts = name.split("/");
  // Others are the node's own.
  if (
    parts[0] !== "net" ||
    parts.length < 2 ||
    parts.some((part) => part === "" || part === "." || part === "..")
  ) {
    throw new InvalidValueError(
      `${place}["${written}"]`,
      value,
      "a setting below net, such as net.ipv4.ip_forward",
    );
  }
  return name;
}
