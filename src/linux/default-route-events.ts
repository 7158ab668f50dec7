import type { Unsubscribe } from "../model/ports.ts";
import { NetlinkListener } from "./netlink/listener.ts";
import { Listeners } from "./netlink/listeners.ts";
import { readMessages } from "./netlink/message.ts";
import { NETLINK_ROUTE } from "./netlink/socket.ts";
import { RTM_DELROUTE, RTM_NEWROUTE } from "./route/route.ts";

/** Multicast groups of NETLINK_ROUTE (enum rtnetlink_groups, include/uapi/linux/rtnetlink.h). */
const RTNLGRP_IPV4_ROUTE = 7;
const RTNLGRP_IPV6_ROUTE = 11;

/** Where the length of the destination's prefix stands in struct rtmsg. */
const DESTINATION_LENGTH_AT = 1;

/** A node may have a million routes that come and go; only a change among the default ones is told, with its loss. */
const RECEIVE_BUFFER = 1024 * 1024;

/**
 * Tells that a default route of the namespace it was opened in came, changed or went, or may have. The kernel says
 * nothing of IPv4 routes that go because their link goes down (fib_sync_down_dev, net/ipv4/fib_semantics.c): who wants to
 * know listens to links as well. Runs on the main thread.
 */
export class DefaultRouteMonitor {
  readonly #listeners = new Listeners<() => void>();
  readonly #socket: NetlinkListener;

  constructor() {
    const tell = () => this.#listeners.tell((listener) => listener());
    this.#socket = new NetlinkListener({
      protocol: NETLINK_ROUTE,
      groups: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
      hearsAllNamespaces: false,
      receiveBuffer: RECEIVE_BUFFER,
      onAnnouncement: ({ datagram }) => {
        for (const { type, payload } of readMessages(datagram)) {
          const isRoute = type === RTM_NEWROUTE || type === RTM_DELROUTE;
          if (isRoute && payload[DESTINATION_LENGTH_AT] === 0) tell();
        }
      },
      onOverrun: tell,
    });
  }

  onChange(listener: () => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.close();
    this.#listeners.clear();
  }
}
