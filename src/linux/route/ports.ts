import type { AttributeReader } from "../netlink/attribute.ts";
import { bondPortFields } from "./bond-ports.ts";
import { bridgePortFields } from "./bridge-ports.ts";
import { type Fields, readFields } from "./fields.ts";

/** What a link is told to be in the bridge or bond it belongs to, by the kind of that. */
const ports = new Map<string, Fields<object>>([
  ["bond", bondPortFields],
  ["bridge", bridgePortFields],
]);

/** Reads IFLA_INFO_SLAVE_DATA; undefined for a kind not known here. */
export function decodePort(
  kind: string,
  data: AttributeReader,
): Readonly<Record<string, unknown>> | undefined {
  const fields = ports.get(kind);
  return fields === undefined ? undefined : { ...readFields(fields, data) };
}
