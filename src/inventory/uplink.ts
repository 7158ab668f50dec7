/** `pf0vf3`, `pf0sf88`: a port of the card's switch behind which a VF or sub-function of this machine lies. */
const FUNCTION_PORT = /^pf(\d+)(vf|sf)(\d+)$/;

/**
 * The same with a controller before it, `c1pf0vf3`, where the function is another machine's, and `pf0` for a whole PF: a
 * card that is a computer itself has its host behind such ports.
 */
const INNER_PORT = /^(?:c\d+)?pf\d+(?:(?:vf|sf)\d+)?$/;

/** A port of a card's switch behind which a VF or sub-function lies. */
export interface FunctionPort {
  readonly pfNumber: number;
  readonly kind: "vf" | "sf";
  readonly number: number;
}

interface PortLink {
  readonly physicalPortName?: string | undefined;
}

/**
 * The function behind a link of a card in switchdev mode, from the port's name in the driver's words
 * (devlink_port_phys_port_name_get, net/devlink/port.c); undefined for a link of another sort.
 */
export function functionPortOf({ physicalPortName }: PortLink): FunctionPort | undefined {
  const port = FUNCTION_PORT.exec(physicalPortName ?? "");
  if (port === null) return undefined;
  return { pfNumber: Number(port[1]), kind: port[2] as "vf" | "sf", number: Number(port[3]) };
}

/**
 * The way to the wire among the links of a PF: in switchdev mode the others stand for functions. Undefined where it has
 * none.
 */
export function findUplink<Link extends PortLink>(links: readonly Link[]): Link | undefined {
  return links.find(({ physicalPortName }) => !INNER_PORT.test(physicalPortName ?? ""));
}
