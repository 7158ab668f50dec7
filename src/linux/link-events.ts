import type { Unsubscribe } from "../model/ports.ts";
import type { EventHub } from "./netlink/events.ts";
import { decodeLink, type Link, readLinkHeader } from "./route/link.ts";
import { RTM_DELLINK, RTM_NEWLINK } from "./route/link-attributes.ts";

/** A link appeared, changed, or went. */
export interface LinkEvent {
  readonly change: "present" | "gone";
  readonly link: Link;
  /** Id of the namespace it happened in; undefined for the agent's own. */
  readonly namespaceId: number | undefined;
}

/** A promise that a link's end will be noticed, made before the end is asked for. */
export interface PendingEnd {
  /** Settles when the kernel has announced that the link is gone. */
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

  /** Starts to wait for the end of link `index` in the namespace with this id. */
  expectEnd(index: number, namespaceId: number | undefined): PendingEnd {
    let settle = () => {};
    const announced = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const cancel = this.#hub.listen({
      onEvent: (event) => {
        if (event.type !== RTM_DELLINK || event.namespaceId !== namespaceId) return;
        if (readLinkHeader(event.payload)?.index !== index) return;
        cancel();
        settle();
      },
      // Whoever waits also awaits the acknowledgement, so a lost announcement only costs time.
      onOverrun: () => {},
    });
    return { announced, cancel };
  }
}
