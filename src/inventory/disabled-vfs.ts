import type { Logger } from "pino";
import type { Vfs } from "../linux/route/vfs.ts";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import { errorText } from "../model/errors.ts";

/** PCI addresses of the VFs whose link state their PF has forced down (IFLA_VF_LINK_STATE_DISABLE). */
export async function readDisabledVfs(
  vfs: Pick<Vfs, "list">,
  functions: readonly FunctionFacts[],
  links: Iterable<{ readonly name: string; readonly index: number }>,
  log: Logger,
): Promise<ReadonlySet<string>> {
  const indexes = new Map([...links].map(({ name, index }) => [name, index]));
  const found = await Promise.all(
    functions
      .filter(({ vfCount = 0 }) => vfCount > 0)
      .map(async (pf): Promise<string[]> => {
        const addresses = new Map(
          functions.filter((each) => each.pf === pf.name).map((vf) => [vf.vfIndex, vf.name]),
        );
        const index = pf.links.map((name) => indexes.get(name)).find((each) => each !== undefined);
        if (index === undefined) return [];
        try {
          const disabled = (await vfs.list(index)).filter(
            ({ attributes }) => attributes?.linkState === "disable",
          );
          return disabled.flatMap((vf) => addresses.get(vf.index) ?? []);
        } catch (error) {
          log.warn(`the link states of the VFs of ${pf.name} are not known: ${errorText(error)}`);
          return [];
        }
      }),
  );
  return new Set(found.flat());
}
