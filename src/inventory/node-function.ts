import type { FunctionFacts } from "../linux/sysfs/function-facts.ts";
import type { NodeLink } from "./link.ts";
import type { CardFacts, NodeReading } from "./node.ts";
import { findUplink, functionPortOf } from "./uplink.ts";

/** One function with everything about it found together: its PF, its links, its card. */
export interface NodeFunction {
  readonly facts: FunctionFacts;
  /** PCI address of its PF; its own where it is no VF or sub-function. */
  readonly pfAddress: string;
  /** Driver of the PCI function that a sub-function belongs to; undefined for what is none. */
  readonly parentDriver: string | undefined;
  /** Number of the VF or sub-function on its PF; undefined for any other function. */
  readonly number: number | undefined;
  /** Its links on the node now. */
  readonly links: readonly NodeLink[];
  /** The PF's link: the way to the wire. Its own where it is no VF. Undefined where that has no link on the node. */
  readonly uplink: NodeLink | undefined;
  /** `ether`, `infiniband`; the PF's where it has no link itself. */
  readonly linkType: string | undefined;
  /** Its port on the card's switch, where the switch shows one. */
  readonly representor: NodeLink | undefined;
  readonly card: CardFacts | undefined;
  readonly isLinkDisabled: boolean;
  /** Uncorrectable errors of it or its PF that were counted lately. */
  readonly recentPciErrors: number;
  /** Its links have their last names. */
  readonly isSettled: boolean;
}

/** The functions of a node, in the order of their names. Pure. */
export function describeFunctions(node: NodeReading): NodeFunction[] {
  const byAddress = new Map(
    node.functions.filter(({ bus }) => bus === "pci").map((facts) => [facts.name, facts]),
  );
  const ports = new SwitchPorts(node.links);
  const linksByName = new Map(node.links.map((link) => [link.name, link]));
  const linksOf = (facts: FunctionFacts | undefined) =>
    (facts?.links ?? []).flatMap((name) => linksByName.get(name) ?? []);
  return node.functions.map((facts): NodeFunction => {
    const pfAddress = facts.pf ?? facts.pciAddress;
    const links = linksOf(facts);
    const uplink = findUplink(facts.pf === undefined ? links : linksOf(byAddress.get(pfAddress)));
    const number = facts.vfIndex ?? facts.sfNumber;
    return {
      facts,
      pfAddress,
      parentDriver: facts.bus === "auxiliary" ? byAddress.get(facts.pciAddress)?.driver : undefined,
      number,
      links,
      uplink,
      linkType: links.find(({ linkType }) => linkType !== undefined)?.linkType ?? uplink?.linkType,
      representor: ports.find(facts, uplink),
      card: node.cards.get(pfAddress),
      isLinkDisabled: node.disabledVfs.has(facts.name),
      recentPciErrors: [...new Set([facts.pciAddress, pfAddress])].reduce(
        (sum, address) => sum + (node.recentPciErrors.get(address) ?? 0),
        0,
      ),
      isSettled: !node.unsettled.has(facts.name),
    };
  });
}

/** The ports of all switches behind which functions lie, by switch, kind and number of the function. */
class SwitchPorts {
  readonly #ports = new Map<string, { readonly pfNumber: number; readonly link: NodeLink }[]>();

  constructor(links: readonly NodeLink[]) {
    for (const link of links) {
      const port = functionPortOf(link);
      if (port === undefined || link.physicalSwitchId === undefined) continue;
      const key = `${link.physicalSwitchId} ${port.kind} ${port.number}`;
      this.#ports.set(key, [...(this.#ports.get(key) ?? []), { pfNumber: port.pfNumber, link }]);
    }
  }

  find(facts: FunctionFacts, uplink: NodeLink | undefined): NodeLink | undefined {
    if (uplink?.physicalSwitchId === undefined || facts.pf === undefined) return undefined;
    const [kind, number] = facts.vfIndex === undefined ? ["sf", facts.sfNumber] : ["vf", facts.vfIndex];
    const ports = this.#ports.get(`${uplink.physicalSwitchId} ${kind} ${number}`) ?? [];
    // One switch may join several PFs of a card; their numbers are those of the PCI functions.
    const ofPf = ports.find(({ pfNumber }) => pfNumber === Number(facts.pf?.slice(-1)));
    return (ofPf ?? (ports.length === 1 ? ports[0] : undefined))?.link;
  }
}
