import type { Unsubscribe } from "../model/ports.ts";
import type { EventHub } from "./netlink/events.ts";
import { decodeAddress, type LinkAddress, RTM_DELADDR, RTM_NEWADDR } from "./route/address.ts";

/** An address appeared, changed, or went. */
export interface AddressEvent {
  readonly change: "present" | "gone";
  readonly address: LinkAddress;
  /** Id of the namespace it happened in; undefined for the agent's own. */
  readonly namespaceId: number | undefined;
}

/** Announcements about addresses, decoded. */
export class AddressEvents {
  readonly #hub: EventHub;

  constructor(hub: EventHub) {
    this.#hub = hub;
  }

  /** Calls back for every announcement, and when some were lost and everything must be read again. */
  onChange(listener: (event: AddressEvent) => void, onOverrun: () => void): Unsubscribe {
    return this.#hub.listen({
      onEvent: ({ type, payload, namespaceId }) => {
        if (type !== RTM_NEWADDR && type !== RTM_DELADDR) return;
        const address = decodeAddress(payload);
        if (address === undefined) return;
        listener({ change: type === RTM_NEWADDR ? "present" : "gone", address, namespaceId });
      },
      onOverrun,
    });
  }
}
