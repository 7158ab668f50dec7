import { ENOENT, EPERM } from "../errno.ts";
import { AttributeReader } from "../netlink/attribute.ts";
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "../netlink/message.ts";
import { viewOf } from "../netlink/view.ts";
import { MOST_INDEX, wholeNumber } from "../whole-number.ts";
import type { NetlinkClient } from "../worker/netlink-client.ts";
import type { Prepared } from "../worker/prepared.ts";
import { AF_BRIDGE, formatMac, parseMac } from "./ip.ts";
import { numberOfWord } from "./names.ts";
import * as nd from "./neighbour-attributes.ts";

/** What a refusal means that the kernel gives no words for (fdb_add_entry, net/bridge/br_fdb.c). */
const CHANGE_REASONS = {
  [EPERM]:
    "not permitted: a dynamic entry needs a port that forwards, as it does when it and its bridge are up; or CAP_NET_ADMIN is missing",
};

/** Of a VLAN id, 12 bits; the first and the last have a meaning of their own. */
const LAST_VLAN = 4094;

const OWNERS = { self: nd.NTF_SELF, master: nd.NTF_MASTER } as const;

/** What a bridge makes of the states of neighbours (br_fdb_add, fdb_to_nud: net/bridge/br_fdb.c). */
const STATES = {
  permanent: nd.STATES.permanent,
  static: nd.STATES.noarp,
  dynamic: nd.STATES.reachable,
} as const;

/**
 * Whose table an entry stands in: `master`, the bridge the link is a port of; `self`, the link's own, which is its
 * hardware's list of addresses to accept, or the bridge's where the link is one.
 */
export type FdbOwner = "master" | "self";

/**
 * `permanent`: the address is the link's own, and frames for it are taken in. `static`: it is behind the link, and
 * stays. `dynamic`: it is behind the link until it has not been heard of for a while.
 */
export type FdbState = "permanent" | "static" | "dynamic";

/** Which entry: an address seen from a link, in a VLAN. */
export interface FdbKey {
  /** Index of the port, or of the bridge. */
  readonly link: number;
  readonly mac: string;
  readonly owner: FdbOwner;
  /** When absent: frames without a VLAN, and for what is added and removed also each VLAN the port is in. */
  readonly vlan?: number;
}

/** An entry as somebody wants it. */
export interface FdbSpec extends FdbKey {
  readonly state: FdbState;
  /** Stays with its port, whatever is heard on another. */
  readonly isSticky?: boolean;
  /** Somebody else than the bridge learns it, who also takes it away. */
  readonly isExternallyLearned?: boolean;
}

/** An entry as the kernel has it. */
export interface FdbEntry extends FdbKey {
  readonly state: FdbState;
  /** Index of the bridge; undefined where the entry is in the link's own table. */
  readonly bridge: number | undefined;
  readonly isSticky: boolean;
  readonly isExternallyLearned: boolean;
  readonly isOffloaded: boolean;
  /** How long ago it was last heard of and changed, in milliseconds, to hundredths of seconds. */
  readonly sinceUsed: number | undefined;
  readonly sinceUpdated: number | undefined;
}

/** Which entries are listed. */
export interface FdbFilter {
  /** Index of the bridge. */
  readonly bridge?: number;
  /** Index of a port. */
  readonly link?: number;
}

/** The forwarding databases of one network namespace: which address is behind which port of a bridge. */
export class Fdb {
  readonly #client: NetlinkClient;
  readonly #place: string;

  constructor(client: NetlinkClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  /** Adds an entry. Throws InvalidValueError, and NetlinkError; EEXIST when there is one for the address. */
  async add(entry: FdbSpec): Promise<void> {
    await this.#client.send(this.prepareAdd(entry));
  }

  /** `add`, to be sent with other requests. */
  prepareAdd(entry: FdbSpec): Prepared<void> {
    return this.#prepare("add", NLM_F_CREATE | NLM_F_EXCL, entry);
  }

  /** Adds an entry to a bridge, or puts it in the place of the one for its address, also at another port. */
  async replace(entry: FdbSpec): Promise<void> {
    await this.#client.send(this.prepareReplace(entry));
  }

  /** `replace`, to be sent with other requests. */
  prepareReplace(entry: FdbSpec): Prepared<void> {
    return this.#prepare("replace", NLM_F_CREATE | NLM_F_REPLACE, entry);
  }

  /** Removes an entry. Throws NetlinkError with ENOENT when there is none. */
  async delete(key: FdbKey): Promise<void> {
    await this.#client.request(
      `remove ${describe(key)} in ${this.#place}`,
      // A link's own table knows permanent entries only, and wants to hear so (ndo_dflt_fdb_del, net/core/rtnetlink.c).
      encodeEntry(nd.RTM_DELNEIGH, NLM_F_ACK, key, nd.STATES.permanent),
      { key: String(key.link) },
    );
  }

  /**
   * One entry, or undefined where there is none. Throws NetlinkError with EOPNOTSUPP for a link's own table, unless the
   * link is a bridge: such a table can only be listed.
   */
  async find(key: FdbKey): Promise<FdbEntry | undefined> {
    const [answer] = await this.#client.request(
      `get ${describe(key)} in ${this.#place}`,
      encodeEntry(nd.RTM_GETNEIGH, 0, key, nd.STATES.none),
      { lane: "read", tolerates: [ENOENT] },
    );
    return answer === undefined ? undefined : decodeFdbEntry(answer.payload);
  }

  /** The entries of all bridges and links, or those asked for. */
  async list(filter: FdbFilter = {}): Promise<{ entries: FdbEntry[]; isInconsistent: boolean }> {
    const { bridge, link } = filter;
    const ofBridge = bridge === undefined ? "" : ` of bridge ${bridge}`;
    const ofLink = link === undefined ? "" : ` of port ${link}`;
    return await this.#client.dump(
      `list forwarding entries${ofBridge}${ofLink} in ${this.#place}`,
      encodeMessage(nd.RTM_GETNEIGH, NLM_F_DUMP, nd.encodeHeader({ family: AF_BRIDGE, link }), (w) => {
        if (bridge !== undefined)
          w.u32(nd.NDA_MASTER, wholeNumber("bridge of a forwarding entry", bridge, 0, MOST_INDEX));
      }),
      ({ payload }) => decodeFdbEntry(payload),
    );
  }

  #prepare(verb: string, flags: number, entry: FdbSpec): Prepared<void> {
    return this.#client.prepare(
      `${verb} ${describe(entry)} in ${this.#place}`,
      encodeEntry(nd.RTM_NEWNEIGH, NLM_F_ACK | flags, entry, encodeState(entry)),
      { key: String(entry.link), reasons: CHANGE_REASONS },
      () => {},
    );
  }
}

/** Reads an RTM_NEWNEIGH or RTM_DELNEIGH; undefined when it is no forwarding entry with an Ethernet address. */
export function decodeFdbEntry(payload: Uint8Array): FdbEntry | undefined {
  const header = viewOf(payload, nd.HEADER_SIZE);
  if (header === undefined) return undefined;
  const { family, link, state, flags } = nd.readHeader(header);
  const attributes = new AttributeReader(payload.subarray(nd.HEADER_SIZE));
  const mac = attributes.bytes(nd.NDA_LLADDR);
  if (family !== AF_BRIDGE || mac?.length !== 6) return undefined;
  const vlan = attributes.u16(nd.NDA_VLAN);
  const { sinceUsed, sinceUpdated } = nd.readAges(attributes);
  return {
    link,
    mac: formatMac(mac),
    owner: (flags & nd.NTF_SELF) !== 0 ? "self" : "master",
    ...(vlan === undefined ? {} : { vlan }),
    state: decodeState(state),
    bridge: attributes.u32(nd.NDA_MASTER),
    isSticky: (flags & nd.NTF_STICKY) !== 0,
    isExternallyLearned: (flags & nd.NTF_EXT_LEARNED) !== 0,
    isOffloaded: (flags & nd.NTF_OFFLOADED) !== 0,
    sinceUsed,
    sinceUpdated,
  };
}

function encodeEntry(
  type: number,
  flags: number,
  entry: FdbKey & Pick<FdbSpec, "isSticky" | "isExternallyLearned">,
  state: number,
): Uint8Array {
  const header = nd.encodeHeader({
    family: AF_BRIDGE,
    link: entry.link,
    state,
    flags:
      numberOfWord("owner of a forwarding entry", OWNERS, entry.owner) |
      (entry.isSticky === true ? nd.NTF_STICKY : 0) |
      (entry.isExternallyLearned === true ? nd.NTF_EXT_LEARNED : 0),
  });
  return encodeMessage(type, flags, header, (w) => {
    w.bytes(nd.NDA_LLADDR, parseMac(entry.mac, "MAC address of a forwarding entry"));
    if (entry.vlan !== undefined) {
      w.u16(nd.NDA_VLAN, wholeNumber("VLAN of a forwarding entry", entry.vlan, 1, LAST_VLAN));
    }
  });
}

function encodeState({ state }: FdbSpec): number {
  return numberOfWord("state of a forwarding entry", STATES, state);
}

function decodeState(state: number): FdbState {
  if ((state & nd.STATES.permanent) !== 0) return "permanent";
  return (state & nd.STATES.noarp) !== 0 ? "static" : "dynamic";
}

function describe({ link, mac, owner, vlan }: FdbKey): string {
  const where = owner === "master" ? `port ${link}` : `link ${link}`;
  return `forwarding entry ${mac}${vlan === undefined ? "" : ` of VLAN ${vlan}`} at ${where}`;
}
