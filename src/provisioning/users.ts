import type { DeviceUse } from "../model/ports.ts";
import type { ObservedPf } from "./observe.ts";

/** Who has a PF, its VFs and its sub-functions now, each in words for people. */
export interface PfUsers {
  /** Who has the PF itself. */
  readonly pf: string | undefined;
  readonly vfs: ReadonlyMap<number, string>;
  /** By their names, such as `mlx5_core.sf.2`. */
  readonly subFunctions: ReadonlyMap<string, string>;
}

const ELSEWHERE = "whoever took its link into another network namespace";

/**
 * Finds who uses what: devices are given by their PCI addresses or by the names of their links. A VF whose link was moved into a network namespace is in use, too, by whomever that was.
 *
 * @param subFunctions names of the PF's sub-functions (`mlx5_core.sf.2`)
 */
export function findUsers(
  observed: Pick<ObservedPf, "address" | "link" | "isLinkElsewhere" | "vfs">,
  uses: readonly DeviceUse[],
  subFunctions: readonly string[] = [],
): PfUsers {
  const byId = new Map(uses.map(({ id, user }) => [id, user]));
  const userOf = ({ address, link, isLinkElsewhere }: Omit<typeof observed, "vfs">) =>
    byId.get(address) ?? byId.get(link?.name ?? "") ?? (isLinkElsewhere ? ELSEWHERE : undefined);
  return {
    pf: userOf(observed),
    vfs: withUsers(observed.vfs.map((vf) => [vf.index, userOf(vf)])),
    subFunctions: withUsers(subFunctions.map((name) => [name, byId.get(name)])),
  };
}

function withUsers<Key>(entries: readonly (readonly [Key, string | undefined])[]): Map<Key, string> {
  return new Map(entries.flatMap(([key, user]) => (user === undefined ? [] : [[key, user]])));
}

/** How many users are named one by one. */
const MOST_NAMED = 3;

/** `VF 3 is in use by pod default/alpha, container main`; undefined when nobody has anything. */
export function describeUsers({ pf, vfs, subFunctions }: PfUsers): string | undefined {
  const all = [
    ...(pf === undefined ? [] : [`the PF is in use by ${pf}`]),
    ...[...vfs].map(([index, user]) => `VF ${index} is in use by ${user}`),
    ...[...subFunctions].map(([name, user]) => `${name} is in use by ${user}`),
  ];
  if (all.length === 0) return undefined;
  const rest = all.length - MOST_NAMED;
  return [...all.slice(0, MOST_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
}
