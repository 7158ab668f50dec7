import type { SelectablePf } from "../model/device-policy-choice.ts";
import type { NodeReading } from "./node.ts";
import { findUplink } from "./uplink.ts";

/** The PFs of a node as policies select them, with the most VFs each can have. */
export function selectablePfs({ functions, links }: Pick<NodeReading, "functions" | "links">) {
  const byName = new Map(links.map((link) => [link.name, link]));
  return functions
    .filter(({ bus, pf, mostVfs = 0 }) => bus === "pci" && pf === undefined && mostVfs > 0)
    .map((facts): SelectablePf & { readonly mostVfs: number } => {
      const uplink = findUplink(facts.links.flatMap((name) => byName.get(name) ?? []));
      return {
        address: facts.name,
        vendor: facts.vendor,
        device: facts.device,
        names: uplink === undefined ? [] : [uplink.name, ...uplink.altNames],
        linkType: uplink?.linkType,
        mostVfs: facts.mostVfs ?? 0,
      };
    });
}
