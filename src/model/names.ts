import { InvalidValueError } from "./errors.ts";

/** The longest name of a link in bytes: IFNAMSIZ without the closing zero (include/uapi/linux/if.h). */
const LONGEST_LINK_NAME = 15;

/** A name of an object as Kubernetes takes it: a DNS subdomain (RFC 1123) in lower case. Throws InvalidValueError. */
export function parseObjectName(value: unknown, place: string): string {
  if (isSubdomain(value)) return value;
  throw new InvalidValueError(
    place,
    value,
    "a name of lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
  );
}

/** Whether a value is a DNS subdomain in lower case, at most 253 characters. */
export function isSubdomain(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length <= 253 &&
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(value)
  );
}

/** A name the kernel takes for a link. Throws InvalidValueError. */
export function parseLinkName(value: unknown, place: string): string {
  if (isLinkName(value)) return value;
  throw new InvalidValueError(
    place,
    value,
    `a link's name: 1 to ${LONGEST_LINK_NAME} bytes without '/', ':', '%' and spaces, such as net1`,
  );
}

/** A name for an interface that is added to a pod; `lo` and `eth0` are there already. Throws InvalidValueError. */
export function parseInterfaceName(value: unknown, place: string): string {
  const name = parseLinkName(value, place);
  if (name === "lo" || name === "eth0") {
    throw new InvalidValueError(place, value, "a name the pod does not have yet, such as net1");
  }
  return name;
}

/** A resource as the scheduler counts it, `<prefix>/<name>`, such as `lanyard.dev/nics`. Throws InvalidValueError. */
export function parseResourceName(value: unknown, place: string): string {
  if (typeof value === "string" && isExtendedResourceName(value)) return value;
  throw new InvalidValueError(
    place,
    value,
    "a resource with its prefix, such as lanyard.dev/nics; kubernetes.io and requests. are not for this",
  );
}

/**
 * Whether a resource is one of Kubernetes itself, as `cpu` and `kubernetes.io/batch-cpu` are (IsNativeResource,
 * pkg/apis/core/v1/helper/helpers.go).
 */
export function isNativeResourceName(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/**
 * Whether the scheduler counts a resource of this name as a node's extended resource: `<prefix>/<name>`, and not
 * one of Kubernetes' own. It must be a valid name also as the quota `requests.<prefix>/<name>`
 * (IsExtendedResourceName, pkg/apis/core/v1/helper/helpers.go).
 */
export function isExtendedResourceName(resource: string): boolean {
  if (isNativeResourceName(resource) || resource.startsWith("requests.")) return false;
  const [prefix, name, ...rest] = resource.split("/");
  return isSubdomain(`requests.${prefix}`) && isQualifiedName(name) && rest.length === 0;
}

/** Whether a value can stand behind the `/` of a resource: letters, digits, '-', '_' and '.', at most 63. */
export function isQualifiedName(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length <= 63 &&
    /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(value)
  );
}

/**
 * dev_valid_name() in net/core/dev.c; `%` is refused besides, because the kernel takes `net%d` for a pattern
 * and answers with another name.
 */
function isLinkName(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value === "." || value === "..") return false;
  return Buffer.byteLength(value) <= LONGEST_LINK_NAME && !/[\s/:%\0]/.test(value);
}
