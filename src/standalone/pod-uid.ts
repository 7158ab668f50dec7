import { createHash } from "node:crypto";

/** The name space of domain names (RFC 9562, 6.6). */
const DOMAIN_NAMES = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

/**
 * The UID of a pod whose manifest names none: the same for the same namespace and name, always and
 * everywhere (a UUID of version 5, RFC 9562).
 */
export function derivePodUid(pod: { readonly namespace: string; readonly name: string }): string {
  return nameUuid(nameUuid(DOMAIN_NAMES, "lanyard.dev"), `${pod.namespace}/${pod.name}`);
}

function nameUuid(space: string, name: string): string {
  const bytes = createHash("sha1")
    .update(Buffer.from(space.replaceAll("-", ""), "hex"))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
