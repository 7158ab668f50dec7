/** Hardware types of links (ARPHRD_*, include/uapi/linux/if_arp.h) by the names that ip(8) has for them. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "ether"],
  [32, "infiniband"],
  [772, "loopback"],
  [65534, "none"],
]);

/** `ether` for 1; undefined for a hardware type that is none of the common ones. */
export function linkTypeName(hardwareType: number): string | undefined {
  return NAMES.get(hardwareType);
}
