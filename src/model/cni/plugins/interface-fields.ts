import { z } from "zod";
import { parseMac } from "../../address.ts";
import { parseLinkName } from "../../names.ts";
import { listOf, parsedBy, wholeNumber, yesOrNo } from "../../validation.ts";
import { dns } from "../addressing.ts";
import { goFields, unlessEmpty } from "../go-json.ts";
import type { IpamPlugin } from "../known-plugin.ts";
import type { CniDns } from "../result.ts";
import { readIpam } from "./ipam.ts";
import type { Wishes } from "./plugin-reader.ts";

/** What `args.cni` may hold (CNI conventions, "args in network config"). */
const conventionalArgs = goFields({
  cni: goFields({
    ips: listOf(z.unknown()).optional(),
    mac: unlessEmpty(z.unknown()),
  }).optional(),
});

/** Fields of every plugin that makes an interface. */
export const interfaceFields = {
  ipam: z.unknown().optional(),
  dns: dns.optional(),
  args: conventionalArgs.optional(),
};

export const flag = yesOrNo().default(false);

/** Bytes. 65535: the most an IP packet can be. */
export const mtu = wholeNumber(0, 65_535).optional();

export const optionalMac = unlessEmpty(parsedBy(parseMac));
export const optionalLink = unlessEmpty(parsedBy(parseLinkName));

/** What the plugin is told of addresses and names. */
export function readAddressing(
  written: {
    readonly ipam?: unknown;
    readonly dns?: CniDns;
    readonly args?: { readonly cni?: { readonly ips?: readonly unknown[] } };
  },
  wishes: Wishes,
): { readonly ipam?: IpamPlugin; readonly dns?: CniDns } {
  const ipam = readIpam(written.ipam, written.args?.cni?.ips, wishes);
  const saysDns = written.dns !== undefined && Object.keys(written.dns).length > 0;
  return { ...(ipam !== undefined && { ipam }), ...(saysDns && { dns: written.dns }) };
}

/** The MTU, where it is one. */
export function readMtu(mtu: number | undefined): { readonly mtu?: number } {
  return mtu === undefined || mtu === 0 ? {} : { mtu };
}

/** The first MAC address that is written, each with the field it stands in. Throws InvalidValueError. */
export function firstMac(
  place: string,
  ...candidates: readonly (readonly [field: string, value: unknown])[]
): { readonly mac?: string } {
  const written = candidates.find(([, value]) => value !== undefined && value !== "");
  if (written === undefined) return {};
  const [field, value] = written;
  return { mac: parseMac(value, `${place} ${field}`) };
}
