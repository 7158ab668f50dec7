import type { Unsubscribe } from "../model/ports.ts";
import type { EventHub, KernelEvent } from "./netlink/events.ts";
import type { Link } from "./route/link.ts";
import { RTM_DELLINK, RTM_NEWLINK } from "./route/link-attributes.ts";
import { decodeLink, readLinkHeader } from "./route/link-decoder.ts";
import { RTM_DELNSID, readNamespaceId } from "./route/namespace-ids.ts";

/** A link appeared, changed, or went. */
export interface LinkEvent {
  readonly change: "present" | "gone";
  readonly link: Link;
  /** Id of the namespace it happened in; undefined for the agent's own. */
  readonly namespaceId: number | undefined;
}

/** A promise that a link's end will be noticed, made before the end is asked for. */
export interface PendingEnd {
  /** Settles when the kernel has announced that the link is gone, alone or with its namespace. */
  readonly announced: Promise<void>;
  /** Stops waiting; needed when the deletion was refused. */
  cancel(): void;
}

/** Announcements about links, decoded. */
export class LinkEvents {
  readonly #hub: EventHub;

  constructor(hub: EventHub) {
    this.#hub = hub;
  }

  /** Calls back for every announcement, and when some were lost and everything must be read again. */
  onChange(listener: (event: LinkEvent) => void, onOverrun: () => void): Unsubscribe {
    return this.#hub.listen({
      onEvent: ({ type, payload, namespaceId }) => {
        if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return;
        const link = decodeLink(payload);
        if (link !== undefined)
          listener({ change: type === RTM_NEWLINK ? "present" : "gone", link, namespaceId });
      },
      onOverrun,
    });
  }

  /** Starts to wait for the end of link `index` in the namespace that has this id now. */
  expectEnd(index: number, namespaceId: number | undefined): PendingEnd {
    // The id may have been another namespace's before, of whose links something may still be untold.
    this.#hub.catchUp();
    let settle = () => {};
    const announced = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const cancel = this.#hub.listen({
      onEvent: (event) => {
        if (!isEnd(event, index, namespaceId)) return;
        cancel();
        settle();
      },
      // Whoever waits also awaits the acknowledgement, so a lost announcement only costs time.
      onOverrun: () => {},
    });
    return { announced, cancel };
  }
}

/**
 * A namespace loses its id before its links are taken away, and nothing is heard of them after that (cleanup_net,
 * net/core/net_namespace.c).
 */
function isEnd(event: KernelEvent, index: number, id: number | undefined): boolean {
  const { type, payload, namespaceId } = event;
  if (type === RTM_DELLINK) return namespaceId === id && readLinkHeader(payload)?.index === index;
  if (type !== RTM_DELNSID || namespaceId !== undefined || id === undefined) return false;
  return readNamespaceId(payload) === id;
}
