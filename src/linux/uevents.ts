import type { Unsubscribe } from "../model/ports.ts";
import { NetlinkListener } from "./netlink/listener.ts";
import { Listeners } from "./netlink/listeners.ts";
import { decodeUevent, type Uevent } from "./uevent.ts";

/** include/uapi/linux/netlink.h. */
const NETLINK_KOBJECT_UEVENT = 15;
/** The group of the kernel's own announcements; 2 is that of udev, which repeats them in a format of its own. */
const KERNEL_GROUP = 1;

/**
 * The kernel takes twice as much, which holds 10,000 events of some 200 bytes (measured); a VF with eight pairs of queues
 * makes 20 when it comes. It is a limit, taken only while events wait.
 */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

export interface UeventListener {
  onUevent(event: Uevent): void;
  /** Events were lost: what is known of devices must be read again, in sysfs. */
  onOverrun(): void;
}

/**
 * Hears what happens to the machine's devices. Runs on the main thread.
 *
 * The kernel tells it in the network namespaces that the initial user namespace owns, the node's among them; of a
 * network device only in the namespace the device is in (kobject_uevent_net_broadcast, lib/kobject_uevent.c). This
 * socket hears the namespace it was opened in.
 */
export class UeventMonitor {
  readonly #listeners = new Listeners<UeventListener>();
  readonly #socket: NetlinkListener;
  #overruns = 0;

  /** @param receiveBuffer in bytes; a test gives a small one */
  constructor(receiveBuffer = RECEIVE_BUFFER) {
    this.#socket = new NetlinkListener({
      protocol: NETLINK_KOBJECT_UEVENT,
      groups: [KERNEL_GROUP],
      hearsAllNamespaces: false,
      receiveBuffer,
      onAnnouncement: ({ datagram }) => {
        const event = decodeUevent(datagram);
        if (event !== undefined) this.#listeners.tell((listener) => listener.onUevent(event));
      },
      onOverrun: () => {
        this.#overruns += 1;
        this.#listeners.tell((listener) => listener.onOverrun());
      },
    });
  }

  /** How often events were lost because the receive buffer was full. */
  get overruns(): number {
    return this.#overruns;
  }

  listen(listener: UeventListener): Unsubscribe {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.close();
    this.#listeners.clear();
  }
}
