import type { FunctionPlace } from "../model/ports.ts";
import type { NodeReading } from "./node.ts";
import { describeFunctions, type NodeFunction } from "./node-function.ts";
import { findUplink } from "./uplink.ts";

/** The PCI functions of a node by their addresses, as attachments need them. Pure. */
export function placeFunctions(node: NodeReading): ReadonlyMap<string, FunctionPlace> {
  const functions = describeFunctions(node).filter(({ facts }) => facts.bus === "pci");
  return new Map(functions.map((each) => [each.facts.pciAddress, placeOf(each)]));
}

/** Of the links of a PF in switchdev mode, that of the wire is its own; the others stand for its functions. */
function placeOf({ facts, pfAddress, links, uplink, representor }: NodeFunction): FunctionPlace {
  const link = findUplink(links);
  return {
    pciAddress: facts.pciAddress,
    pfAddress,
    ...(uplink !== undefined && { pfName: uplink.name }),
    ...(facts.vfIndex !== undefined && { vfIndex: facts.vfIndex }),
    ...(link !== undefined && { link: link.name }),
    ...(facts.driver !== undefined && { driver: facts.driver }),
    ...(representor !== undefined && { representor: representor.name }),
  };
}
