import { AttributeReader, type AttributeWriter } from "../netlink/attribute.ts";
import { viewOf } from "../netlink/view.ts";
import { wholeNumber } from "../whole-number.ts";
import { choiceField } from "./fields.ts";
import { AF_INET, AF_INET6 } from "./ip.ts";
import { IFLA_AF_SPEC, INTERFACE_HEADER_SIZE } from "./link-attributes.ts";

/** Inside IFLA_AF_SPEC, by family (include/uapi/linux/if_link.h). */
const IFLA_INET_CONF = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;

/** IPV4_DEVCONF_* (include/uapi/linux/ip.h), and the most that each means. */
const IPV4_CONF = {
  proxyArp: [3, 1],
  rpFilter: [8, 2],
  arpAnnounce: [18, 2],
  arpIgnore: [19, 8],
  arpAccept: [21, 2],
  arpNotify: [22, 1],
} as const;

const IPV4_NAMES = Object.keys(IPV4_CONF) as (keyof typeof IPV4_CONF)[];

/**
 * What the sysctls `net.ipv4.conf.LINK.*` of the same names hold, as numbers; what they mean is told in
 * Documentation/networking/ip-sysctl.rst. A sysctl with more consequences than its number (forwarding) is not here.
 */
export type Ipv4Settings = { readonly [Name in keyof typeof IPV4_CONF]?: number };

/** enum in6_addr_gen_mode. */
const ADDRESS_GENERATIONS = { eui64: 0, none: 1, "stable-privacy": 2, random: 3 } as const;

const addressGeneration = choiceField("u8", IFLA_INET6_ADDR_GEN_MODE, ADDRESS_GENERATIONS);

export interface Ipv6Settings {
  /** How the link makes addresses by itself, the link-local one to begin with; `none` makes none. */
  readonly addressGeneration?: keyof typeof ADDRESS_GENERATIONS;
}

/** What IP has to do with a link. */
export interface IpSettings {
  readonly ipv4: Ipv4Settings;
  readonly ipv6: Ipv6Settings;
}

/** Writes IFLA_AF_SPEC where there is something to say. `whose` names the link. Throws InvalidValueError. */
export function writeIpSettings(
  { ipv4, ipv6 }: Partial<IpSettings>,
  w: AttributeWriter,
  whose: string,
): void {
  const conf = IPV4_NAMES.filter((name) => ipv4?.[name] !== undefined);
  const generation = ipv6?.addressGeneration;
  if (conf.length === 0 && generation === undefined) return;
  w.nest(IFLA_AF_SPEC, (families) => {
    if (conf.length > 0) {
      families.nest(AF_INET, (inet) => {
        inet.nest(IFLA_INET_CONF, (values) => {
          for (const name of conf) {
            const [number, most] = IPV4_CONF[name];
            values.u32(number, wholeNumber(`${name} of ${whose}`, ipv4?.[name] ?? 0, 0, most));
          }
        });
      });
    }
    if (generation !== undefined) {
      families.nest(AF_INET6, (inet6) =>
        addressGeneration.write(inet6, generation, `address generation of ${whose}`),
      );
    }
  });
}

/** Reads an RTM_NEWLINK; what the kernel does not tell is left out, all of a family that the link does not have. */
export function decodeIpSettings(payload: Uint8Array): IpSettings {
  const attributes = new AttributeReader(
    payload.subarray(Math.min(INTERFACE_HEADER_SIZE, payload.length)),
  ).nested(IFLA_AF_SPEC);
  const conf = viewOf(attributes?.nested(AF_INET)?.bytes(IFLA_INET_CONF), 0);
  const ipv4: Partial<Record<keyof Ipv4Settings, number>> = {};
  for (const name of IPV4_NAMES) {
    // Told as an array whose first is IPV4_DEVCONF_FORWARDING, number 1 (inet_fill_link_af, net/ipv4/devinet.c).
    const at = (IPV4_CONF[name][0] - 1) * 4;
    if (conf !== undefined && at + 4 <= conf.byteLength) ipv4[name] = conf.getInt32(at, true);
  }
  const inet6 = attributes?.nested(AF_INET6);
  const generation = inet6 === undefined ? undefined : addressGeneration.read(inet6);
  return { ipv4, ipv6: generation === undefined ? {} : { addressGeneration: generation } };
}
