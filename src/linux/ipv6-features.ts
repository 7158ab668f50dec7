import { existsSync } from "node:fs";

/** Whether this kernel has IPv6 at all: it can be built or started without. */
export function hasIpv6(): boolean {
  return existsSync("/proc/sys/net/ipv6");
}

/**
 * Whether this kernel can use IPv6 addresses while it looks for duplicates (CONFIG_IPV6_OPTIMISTIC_DAD, RFC 4429): only
 * then it has the sysctl, for every link alike.
 */
export function hasOptimisticDad(): boolean {
  return existsSync("/proc/sys/net/ipv6/conf/all/optimistic_dad");
}
