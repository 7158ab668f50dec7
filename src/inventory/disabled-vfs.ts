import type { Logger } from "pino";
import type { Vfs } from "../linux/route/vfs.ts";
import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import { errorText } from "../model/errors.ts";
import { findUplink } from "./uplink.ts";

interface PfLink {
  readonly name: string;
  readonly index: number;
  /** Tells the links of a card in switchdev mode apart. */
  readonly physicalPortName?: string | undefined;
}

/** PCI addresses of the VFs whose link state their PF has forced down (IFLA_VF_LINK_STATE_DISABLE). */
export async function readDisabledVfs(
  vfs: Pick<Vfs, "list">,
  functions: readonly FunctionFacts[],
  links: Iterable<PfLink>,
  log: Logger,
): Promise<ReadonlySet<string>> {
  const byName = new Map([...links].map((link) => [link.name, link]));
  const found = await Promise.all(
    functions
      .filter(({ vfCount = 0 }) => vfCount > 0)
      .map(async (pf): Promise<string[]> => {
        const addresses = new Map(
          functions.filter((each) => each.pf === pf.name).map((vf) => [vf.vfIndex, vf.name]),
        );
        const uplink = findUplink(pf.links.flatMap((name) => byName.get(name) ?? []));
        if (uplink === undefined) return [];
        try {
          const disabled = (await vfs.list(uplink.index)).filter(
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
