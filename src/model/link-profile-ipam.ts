import { z } from "zod";
import { isIpv6, isWithin, parseGateway, parseInterfaceAddress, parseNetworkAddress } from "./address.ts";
import type { RangeIpam, StaticIpam } from "./cni/known-plugin.ts";
import { fields, listOf, parsedBy, text } from "./validation.ts";

/** A route in the pod by way of the attachment's interface. */
export interface Route {
  /** Destination network in CIDR form. */
  readonly dst: string;
  /** Next hop; absent when the destination is on the link itself. */
  readonly gw?: string;
}

/** Where a profile's addresses come from; what the pod's own reference names comes before them. */
export type ProfileIpam =
  | StaticIpam
  | RangeIpam
  | {
      readonly type: "program";
      /** Name of the IPAM plugin's program. */
      readonly program: string;
      /** The section as written, `type` included: the program gets it unchanged. */
      readonly written: Readonly<Record<string, unknown>>;
    };

export const route = fields({
  dst: parsedBy(parseNetworkAddress),
  gw: parsedBy(parseGateway).optional(),
}).superRefine(({ dst, gw }, context) => {
  if (gw !== undefined && isIpv6(gw) !== isIpv6(dst)) {
    context.addIssue({ code: "custom", path: ["gw"], message: `an address of the same family as ${dst}` });
  }
});

const staticAddress = z.preprocess(
  (value) => (typeof value === "string" ? { address: value } : value),
  fields({ address: parsedBy(parseInterfaceAddress), gateway: parsedBy(parseGateway).optional() }),
);

const names = listOf(text("a name or an address")).optional();

const common = {
  routes: listOf(route).default([]),
  dns: fields({
    nameservers: names,
    domain: text("a domain").optional(),
    search: names,
    options: names,
  }).default({}),
};

const staticIpam = fields({
  type: z.literal("static"),
  addresses: listOf(staticAddress).default([]),
  ...common,
});

const rangeIpam = fields({
  type: z.literal("range"),
  subnet: parsedBy(parseNetworkAddress),
  rangeStart: parsedBy(parseGateway).optional(),
  rangeEnd: parsedBy(parseGateway).optional(),
  gateway: parsedBy(parseGateway).optional(),
  ...common,
}).superRefine((range, context) => {
  for (const field of ["rangeStart", "rangeEnd", "gateway"] as const) {
    const address = range[field];
    if (address === undefined || isWithin(address, range.subnet)) continue;
    context.addIssue({ code: "custom", path: [field], message: `an address of ${range.subnet}` });
  }
});

/** An IPAM section: `static`, `range`, or that of an IPAM plugin, which is left as it is. */
export const profileIpam = z
  .looseObject(
    { type: text("static, range, or the name of an IPAM plugin such as whereabouts") },
    { error: "an IPAM section such as {type: static}" },
  )
  .transform((section, context): ProfileIpam => {
    const schema = { static: staticIpam, range: rangeIpam }[section.type];
    if (schema === undefined) return { type: "program", program: section.type, written: section };
    const read = schema.safeParse(section);
    if (read.success) return read.data;
    for (const issue of read.error.issues)
      context.issues.push({ ...issue, input: section } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
