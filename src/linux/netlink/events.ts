import type { Unsubscribe } from "../../model/ports.ts";
import { NetlinkListener } from "./listener.ts";
import { Listeners } from "./listeners.ts";
import { readMessages } from "./message.ts";
import { NETLINK_ROUTE } from "./socket.ts";

/** Multicast groups of NETLINK_ROUTE (enum rtnetlink_groups, include/uapi/linux/rtnetlink.h). */
const RTNLGRP_LINK = 1;
const RTNLGRP_IPV4_IFADDR = 5;
const RTNLGRP_IPV6_IFADDR = 9;
const RTNLGRP_NSID = 28;

/**
 * 20,000 link announcements fit into 32 MB while the main thread is busy (8 MB hold 5,000, the default of 208 KB
 * holds 92). It is a limit, taken only while announcements wait.
 */
const RECEIVE_BUFFER = 32 * 1024 * 1024;

/** One announcement of the kernel, not decoded. */
export interface KernelEvent {
  readonly type: number;
  readonly payload: Uint8Array;
  /** Id of the namespace it comes from; undefined for the namespace the hub was opened in. */
  readonly namespaceId: number | undefined;
}

export interface EventListener {
  onEvent(event: KernelEvent): void;
  /** Announcements were lost: what is known must be read again. */
  onOverrun(): void;
}

/**
 * The one ear of the agent: announcements about links, addresses and namespace ids, of the namespace it was opened in
 * and of every namespace that has an id there, without pinning any. Runs on the main thread.
 */
export class EventHub {
  readonly #listeners = new Listeners<EventListener>();
  readonly #socket: NetlinkListener;
  #overruns = 0;

  /** @param receiveBuffer in bytes; a test gives a small one */
  constructor(receiveBuffer = RECEIVE_BUFFER) {
    this.#socket = new NetlinkListener({
      protocol: NETLINK_ROUTE,
      groups: [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NSID],
      hearsAllNamespaces: true,
      receiveBuffer,
      onAnnouncement: ({ datagram, namespaceId }) => {
        for (const { type, payload } of readMessages(datagram)) {
          const event = { type, payload, namespaceId };
          this.#listeners.tell((listener) => listener.onEvent(event));
        }
      },
      onOverrun: () => {
        this.#overruns += 1;
        this.#listeners.tell((listener) => listener.onOverrun());
      },
    });
  }

  /** How often announcements were lost because the receive buffer was full. */
  get overruns(): number {
    return this.#overruns;
  }

  listen(listener: EventListener): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Tells at once what the kernel has announced already, as far as one turn of the event loop has room for it. */
  catchUp(): void {
    this.#socket.catchUp();
  }

  close(): void {
    this.#socket.close();
    this.#listeners.clear();
  }
}
