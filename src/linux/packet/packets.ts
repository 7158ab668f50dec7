import { LanyardError } from "../../model/errors.ts";
import { EAGAIN, EMSGSIZE, ENETDOWN, ENOBUFS, ENXIO } from "../errno.ts";
import { NetlinkError } from "../netlink/error.ts";
import { AF_INET, formatIp, parsePrefix } from "../route/ip.ts";
import type { JobRunner } from "../worker/pool.ts";
import { type NamespacePlace, type Prepared, perform } from "../worker/prepared.ts";
import { encodeGratuitousArp } from "./arp.ts";
import { encodeUnsolicitedAdvertisement } from "./neighbour-advertisement.ts";

/** What a refusal means (packet_snd, net/packet/af_packet.c). */
const REASONS: Readonly<Record<number, string>> = {
  [ENXIO]: "there is no such link in this network namespace",
  [ENETDOWN]: "the link is not up",
  [EMSGSIZE]: "the packet is larger than the link's MTU, which IPv6 needs to be 1280 bytes at least",
  [ENOBUFS]: "the link's queue is full, and the packet was dropped",
  [EAGAIN]: "the link is too busy, and the packet was not sent",
};

/** What an announcement may say besides who has the addresses. */
export interface AnnouncementSettings {
  /** IPv6: the owner forwards packets. Hosts drop a router that says it is none. False when absent. */
  readonly isRouter?: boolean;
}

/** Raw packets that leave one network namespace. */
export class Packets {
  readonly #runner: JobRunner;
  readonly #place: NamespacePlace;
  readonly #name: string;

  /** `name` names the namespace in errors. */
  constructor(runner: JobRunner, place: NamespacePlace, name: string) {
    this.#runner = runner;
    this.#place = place;
    this.#name = name;
  }

  /**
   * Tells the neighbours on a link, once and at the same time, that `mac` has these addresses (with or without prefix
   * length): a gratuitous ARP for each of IPv4, an unsolicited neighbour advertisement for each of IPv6. So nobody
   * goes on sending to a former owner, and switches learn the port.
   *
   * The kernel does this by itself only for the addresses a link has when it comes up (`arp_notify`, `ndisc_notify`):
   * this is for those that come later. Packets get lost: the RFCs send two announcements 2 s apart (RFC 5227, section
   * 2.3) and up to three advertisements 1 s apart (RFC 4861, section 7.2.6). Whoever wants that calls again, and first
   * looks whether the addresses are still there.
   *
   * A frame of a VLAN link is tagged by that link, one of a VF with a VLAN by the hardware. A link without a carrier
   * loses it, and the kernel does not say so: announce when there is one. Throws NetlinkError with ENETDOWN when the
   * link is not up, ENXIO when there is none, and InvalidValueError.
   *
   * @param mac the address the neighbours shall send to: the link's own, as a rule
   */
  async announce(
    link: number,
    addresses: readonly string[],
    mac: string,
    settings: AnnouncementSettings = {},
  ): Promise<void> {
    await perform(this.#runner, [this.prepareAnnounce(link, addresses, mac, settings)]);
  }

  /** `announce`, to be sent with other requests. */
  prepareAnnounce(
    link: number,
    addresses: readonly string[],
    mac: string,
    { isRouter = false }: AnnouncementSettings = {},
  ): Prepared<void> {
    const frames = addresses.map((text) => {
      const { family, bytes } = parsePrefix(text);
      const address = formatIp(bytes);
      return family === AF_INET
        ? encodeGratuitousArp(address, mac)
        : encodeUnsolicitedAdvertisement(address, mac, isRouter);
    });
    const operation = `announce ${addresses.join(", ")} on link ${link} in ${this.#name}`;
    return {
      operation,
      job: { do: "sendFrames", link, frames },
      place: this.#place,
      lane: "change",
      key: `${this.#place.keyPrefix}/${link}`,
      read: (result) => {
        if (result.did !== "sendFrames") {
          throw new LanyardError("internal", `${operation}: a worker answered ${result.did}`);
        }
        if (result.errno !== 0) throw new NetlinkError(operation, result.errno, {}, REASONS[result.errno]);
      },
    };
  }
}
