import { LanyardError, NotFoundError } from "../../model/errors.ts";
import { EAGAIN, EBUSY, EINVAL, EMSGSIZE, ENOBUFS, EOPNOTSUPP, EPERM, EPROTONOSUPPORT } from "../errno.ts";
import { AttributeReader } from "../netlink/attribute.ts";
import { encodeMessage, NLM_F_ACK } from "../netlink/message.ts";
import { readVirtualFunctions } from "../sysfs/virtual-functions.ts";
import { wholeNumber } from "../whole-number.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import * as attr from "./link-attributes.ts";
import { linkHeader } from "./link-header.ts";
import type { Vf } from "./vf.ts";
import { IFLA_VF_INFO, IFLA_VFINFO_LIST, RTEXT_FILTER_VF } from "./vf-attributes.ts";
import { type VfSettings, writeVfSettings } from "./vf-settings.ts";
import { decodeVfTable, type VfTable } from "./vf-table.ts";

/** What to read of VFs. */
export interface VfReading {
  /** Their counters as well, for which many drivers ask the card VF by VF. */
  readonly withStatistics?: boolean;
}

/**
 * The VFs of the links of one network namespace, as their PF tells of them and sets them; where a VF itself is now, in
 * another namespace or a virtual machine, does not matter. All calls throw NetlinkError when the kernel refuses, with
 * ENODEV where there is no such link.
 */
export class Vfs {
  readonly #client: NetlinkClient;
  readonly #place: string;
  readonly #sysfs: string;

  /** `place` names the namespace in errors; `sysfs` is where that file system is. */
  constructor(client: NetlinkClient, place: string, sysfs = "/sys") {
    this.#client = client;
    this.#place = place;
    this.#sysfs = sysfs;
  }

  /**
   * All VFs of a link, given by its index, in their order; none for a link that can have none. A VF of which the kernel
   * does not tell, because its driver does not or because all of them fit into no message, comes without attributes and
   * with the PCI address that sysfs knows: a VF is never left out.
   */
  async list(pf: number, reading: VfReading = {}): Promise<Vf[]> {
    const table = await this.#readTable(pf, reading.withStatistics === true);
    const known = new Map(table?.vfs.map((vf) => [vf.index, vf]));
    if (table !== undefined && known.size === table.count) return inOrder(table.count, known, []);
    const functions = await this.#readFunctions(pf);
    const count = table?.count ?? functions?.length;
    if (count !== undefined) return inOrder(count, known, functions ?? []);
    const operation = `list the VFs of link ${pf} in ${this.#place}`;
    throw new LanyardError("unavailable", `${operation}: no message holds them, and ${this.#sysfs} has none`);
  }

  /**
   * One VF. The kernel can only be asked for all VFs of a PF: whoever wants several asks once, by `list`. Throws
   * NotFoundError when the link has no such VF.
   */
  async get(pf: number, vf: number, reading: VfReading = {}): Promise<Vf> {
    const all = await this.list(pf, reading);
    const found = all[vf];
    if (found !== undefined) return found;
    const has = all.length === 0 ? "none" : `${all.length}, counted from 0`;
    throw new NotFoundError(`no VF ${vf} of link ${pf} in ${this.#place}: it has ${has}`);
  }

  /**
   * Sets something for a VF. Throws InvalidValueError before anything is sent. Several settings travel in one message,
   * but the kernel sets one after the other and does not take back the first when a later one is refused: after an
   * error, look.
   */
  async set(pf: number, vf: number, settings: VfSettings): Promise<void> {
    await this.#client.send(this.prepareSet(pf, vf, settings));
  }

  /**
   * `set`, to be sent with other requests. A message is about one VF, so that a refusal says whose it is: for several
   * VFs, several are sent in one trip.
   */
  prepareSet(pf: number, vf: number, settings: VfSettings): Prepared<void> {
    const whose = `VF ${vf} of link ${pf}`;
    // The kernel takes the number for one with a sign (do_setvfinfo).
    wholeNumber(`VF of link ${pf}`, vf, 0, 0x7ffffffe);
    let names = "";
    const message = encodeMessage(attr.RTM_NEWLINK, NLM_F_ACK, linkHeader(pf), (w) =>
      w.nest(IFLA_VFINFO_LIST, (list) =>
        list.nest(IFLA_VF_INFO, (nest) => {
          names = writeVfSettings(nest, vf, settings, whose);
        }),
      ),
    );
    return this.#client.prepare(
      `set the ${names} of ${whose} in ${this.#place}`,
      message,
      { key: String(pf), reasons: explainRefusals(pf, vf, settings) },
      () => {},
    );
  }

  /**
   * What the kernel tells, with less when it does not tell all; undefined when not even that. One link is asked for, by
   * its index: a dump of all links would ask every driver for all its VFs. The answer is one long message. 6.12 gave
   * one of 19 MB for 65535 VFs, but kernels before 6.8 want it in one piece of memory, which they may not find (ENOBUFS),
   * those before 6.15 count it too short for the GUIDs of InfiniBand (EMSGSIZE from 16 VFs on), and a later one may
   * rather refuse a list than leave a wrong length in it.
   */
  async #readTable(pf: number, withStatistics: boolean): Promise<VfTable | undefined> {
    const mask = RTEXT_FILTER_VF | attr.RTEXT_FILTER_SKIP_STATS;
    for (const each of withStatistics ? [RTEXT_FILTER_VF, mask] : [mask]) {
      const answer = await this.#ask(pf, each, `list the VFs of link ${pf} in ${this.#place}`);
      const table = answer === undefined ? undefined : decodeVfTable(answer);
      if (table?.isWhole === true) return table;
    }
    return undefined;
  }

  /** The PCI addresses of all VFs, through the PF's device: a link's name means another link in another namespace. */
  async #readFunctions(pf: number): Promise<readonly (string | undefined)[] | undefined> {
    const operation = `read which device link ${pf} in ${this.#place} belongs to`;
    const device = decodeParentDevice(await this.#ask(pf, attr.RTEXT_FILTER_SKIP_STATS, operation));
    return device === undefined ? undefined : await readVirtualFunctions(this.#sysfs, device);
  }

  async #ask(pf: number, mask: number, operation: string): Promise<Uint8Array | undefined> {
    const message = encodeMessage(attr.RTM_GETLINK, 0, linkHeader(pf), (w) =>
      w.u32(attr.IFLA_EXT_MASK, mask),
    );
    const options = { lane: "slow", isRead: true, tolerates: [EMSGSIZE, ENOBUFS] } as const;
    const [answer] = await this.#client.request(operation, message, options);
    return answer?.payload;
  }
}

/** Reads from an RTM_NEWLINK which device the link belongs to (since Linux 5.14); undefined for a link without one. */
export function decodeParentDevice(
  payload: Uint8Array = new Uint8Array(),
): { readonly bus: string; readonly name: string } | undefined {
  const start = Math.min(attr.INTERFACE_HEADER_SIZE, payload.length);
  const attributes = new AttributeReader(payload.subarray(start));
  const name = attributes.string(attr.IFLA_PARENT_DEV_NAME);
  const bus = attributes.string(attr.IFLA_PARENT_DEV_BUS_NAME);
  return name === undefined || bus === undefined ? undefined : { bus, name };
}

function inOrder(
  count: number,
  known: ReadonlyMap<number, Vf>,
  functions: readonly (string | undefined)[],
): Vf[] {
  return Array.from({ length: count }, (_, index) => {
    const unknown = { attributes: undefined, statistics: undefined };
    return known.get(index) ?? { index, ...unknown, pciAddress: functions[index] };
  });
}

/** No driver says in words why it refuses: the calls that set something for a VF have no place for them. */
function explainRefusals(pf: number, vf: number, settings: VfSettings): Record<number, string> {
  return {
    [EOPNOTSUPP]: `link ${pf} has no VFs, or its driver does not set this for them now`,
    [EINVAL]: `link ${pf} has no VF ${vf}, or its driver does not take ${explainValue(settings)}`,
    [EPROTONOSUPPORT]: `the driver of link ${pf} knows no VLANs of ${settings.vlan?.protocol ?? "802.1Q"} for VFs`,
    [EPERM]: "not permitted: CAP_NET_ADMIN is needed here, and the card must let this PF manage its VFs",
    [EBUSY]: `VF ${vf} is being reset; try again`,
    [EAGAIN]: `VF ${vf} is being reset; try again`,
  };
}

function explainValue({ rate }: VfSettings): string {
  if (rate === undefined) return "the value";
  // igb refuses all of these.
  const common = "the rate: some want the link to be up and faster than that";
  return rate.min === undefined || rate.min === 0 ? common : `${common}, and some guarantee no lowest rate`;
}
