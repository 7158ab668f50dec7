import * as ffi from "../ffi.ts";
import { systemError } from "../netlink/socket.ts";

/** include/linux/socket.h, uapi/linux/if_packet.h. */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const MSG_DONTWAIT = 0x40;
/** struct sockaddr_ll: family, protocol, link index; the rest is for packets that get their header from the kernel. */
const ADDRESS_SIZE = 20;
const TYPE_OFFSET = 12;

/** Ethernet frames that leave by one link. */
export interface FramesToSend {
  /** Link index. */
  readonly link: number;
  /** Each with its Ethernet header. */
  readonly frames: readonly Uint8Array[];
}

/**
 * Sends frames by a packet socket of the calling thread's network namespace, which lives as long as this call, and
 * hears nothing (its protocol is 0). Gives 0 or the error number with which the first was refused; the rest is not
 * sent then. Never waits.
 */
export function sendFrames({ link, frames }: FramesToSend): number {
  const fd = ffi.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a packet socket (it needs CAP_NET_RAW)");
  try {
    for (const frame of frames) {
      const address = new Uint8Array(ADDRESS_SIZE);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      address.set(frame.subarray(TYPE_OFFSET, TYPE_OFFSET + 2), 2);
      view.setInt32(4, link, true);
      if (ffi.sendto(fd, frame, frame.length, MSG_DONTWAIT, address, ADDRESS_SIZE) < 0)
        return ffi.lastErrno();
    }
    return 0;
  } finally {
    ffi.close(fd);
  }
}
