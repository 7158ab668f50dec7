const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const qualifiedPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** Longest quota name part in characters: a resource is also named `requests.<resource>` in quotas. */
const longestName = 63;
const longestPrefix = 253 - "requests.".length;

/**
 * Whether the scheduler counts a resource of this name as a node's extended resource: `PREFIX/NAME`, and not one
 * of Kubernetes' own (IsExtendedResourceName in pkg/apis/core/v1/helper/helpers.go).
 */
export function isExtendedResourceName(resource: string): boolean {
  const parts = resource.split("/");
  const [prefix, name] = parts;
  if (parts.length !== 2 || prefix === undefined || name === undefined) return false;
  if (`${prefix}/`.includes("kubernetes.io/") || resource.startsWith("requests.")) return false;
  return (
    prefix.length <= longestPrefix &&
    dnsSubdomain.test(prefix) &&
    name.length <= longestName &&
    qualifiedPart.test(name)
  );
}
