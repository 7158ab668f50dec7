import { parseGateway, parseInterfaceAddress } from "../../address.ts";
import { InvalidValueError } from "../../errors.ts";
import { listOf, parsedBy, validate } from "../../validation.ts";
import { dns, isInSubnet, optionalGateway, route } from "../addressing.ts";
import { goFields } from "../go-json.ts";
import type { StaticIpam } from "../known-plugin.ts";
import type { Wishes } from "./plugin-reader.ts";

type Address = StaticIpam["addresses"][number];

const schema = goFields({
  addresses: listOf(
    goFields({ address: parsedBy(parseAddressWithPrefix), gateway: optionalGateway }),
  ).default([]),
  routes: listOf(route).default([]),
  dns: dns.default({}),
});

/**
 * Reads the configuration of the reference plugin `static`. Addresses of CNI_ARGS (`IP=`, `GATEWAY=`) are put to those of
 * the configuration; `args.cni.ips` take the place of all these, and `runtimeConfig.ips` the place of all others.
 */
export function readStatic(
  written: unknown,
  argsIps: readonly unknown[] | undefined,
  { runtime, args, place }: Wishes,
): StaticIpam {
  const { addresses, routes, dns } = validate(schema, written, `${place} ipam`);
  const own = withGateways([...addresses, ...listIn(args, "IP").map(parseArgument)], args);
  const chosen =
    parseWished(runtime.ips, `${place} runtimeConfig.ips`) ??
    parseWished(argsIps, `${place} args.cni.ips`) ??
    own;
  if (chosen.length === 0) {
    const expected = "at least one address, or a network whose pods wish for addresses";
    throw new InvalidValueError(`${place} ipam.addresses`, undefined, expected);
  }
  return { type: "static", addresses: chosen.map(compact), routes, dns };
}

/** Addresses that are wished for may come without a prefix length: they stand for one host then. */
function parseWished(ips: readonly unknown[] | undefined, place: string): readonly Address[] | undefined {
  if (ips === undefined || ips.length === 0) return undefined;
  return ips.map((ip, index) => ({ address: parseInterfaceAddress(ip, `${place}[${index}]`) }));
}

function parseArgument(text: string): Address {
  return { address: parseAddressWithPrefix(text, "CNI_ARGS IP") };
}

/** Each gateway of CNI_ARGS is that of the addresses in whose subnet it is. */
function withGateways(addresses: readonly Address[], args: ReadonlyMap<string, string>): readonly Address[] {
  const gateways = listIn(args, "GATEWAY").map((text) => parseGateway(text, "CNI_ARGS GATEWAY"));
  return addresses.map(({ address, gateway }) => {
    const given = gateways.findLast((each) => isInSubnet(each, address)) ?? gateway;
    return given === undefined ? { address } : { address, gateway: given };
  });
}

function listIn(args: ReadonlyMap<string, string>, name: string): readonly string[] {
  const text = args.get(name) ?? "";
  return text === "" ? [] : text.split(",").map((entry) => entry.trim());
}

function compact({ address, gateway }: Address): Address {
  return gateway === undefined ? { address } : { address, gateway };
}

/** A prefix that was forgotten would cut the interface off from its subnet. */
function parseAddressWithPrefix(value: unknown, place: string): string {
  if (typeof value === "string" && value.includes("/")) return parseInterfaceAddress(value, place);
  throw new InvalidValueError(
    place,
    value,
    "an address with its prefix length, such as 10.1.2.3/24 or fd00::3/64",
  );
}
