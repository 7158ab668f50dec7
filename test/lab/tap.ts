import { spawnSync } from "node:child_process";
import koffi from "koffi";
import * as ffi from "../../src/linux/ffi.ts";
import { NLM_F_REQUEST, splitDatagram, viewOf } from "../golden/message.ts";
import type { SentMessage } from "../golden/request.ts";

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const ETH_P_ALL = 0x0003;
/** Packet sockets (include/uapi/linux/if_packet.h). */
const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const TPACKET_V2 = 1;
const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;
/** struct tpacket2_hdr {u32 status, len, snaplen; u16 mac, net; ...}; a struct sockaddr_ll follows it. */
const TPACKET2_HEADER_SIZE = 32;
/** struct sockaddr_ll: family, protocol (network order), index, hardware type, packet type, address. */
const SOCKADDR_LL_SIZE = 20;

/** Larger than any request of a program; of the kernel's dumps the rest is cut off. */
const FRAME_SIZE = 32 * 1024;
const FRAMES = 64;
const RING_SIZE = FRAMES * FRAME_SIZE;

const PROT_READ_AND_WRITE = 3;
const MAP_SHARED = 1;
const libc = koffi.load(null);
const mmap: (
  at: null,
  size: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => unknown = libc.func(
  "void *mmap(void *at, size_t size, int protection, int flags, int fd, int64_t offset)",
);
const munmap: (at: unknown, size: number) => number = libc.func("int munmap(void *at, size_t size)");

/** The tap's link: its index is out of the way of those that a ground gives or the kernel chooses. */
const TAP_LINK = "nlmon0";
const TAP_INDEX = 4000;

/** Commands that make the tap's link in a namespace; the module `nlmon` is loaded. */
export const TAP_GROUND: readonly string[] = [
  `ip link add ${TAP_LINK} index ${TAP_INDEX} type nlmon`,
  `ip link set ${TAP_LINK} up`,
];

/**
 * What passes between processes and the kernel by netlink in the calling thread's network namespace from now on, in
 * both directions (drivers/net/nlmon.c). A tap hears its own namespace alone. Closed at the end: `using tap = ...`.
 *
 * It is heard through a ring, into which the kernel copies a message before it acts on it. What a packet socket without
 * one gives shares its bytes with the request, and the kernel writes into some of those: it takes NTF_SELF and
 * NTF_MASTER out of a forwarding entry (rtnl_fdb_add, net/core/rtnetlink.c).
 */
export class NetlinkTap implements Disposable {
  readonly #fd: number;
  readonly #mapping: unknown;
  readonly #ring: Uint8Array;
  #next = 0;

  constructor() {
    this.#fd = ffi.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#fd < 0) throw failure("a packet socket cannot be opened");
    try {
      this.#setOption(PACKET_VERSION, [TPACKET_V2]);
      // struct tpacket_req: size and number of blocks, size and number of frames.
      this.#setOption(PACKET_RX_RING, [FRAME_SIZE, FRAMES, FRAME_SIZE, FRAMES]);
      this.#bind();
      this.#mapping = mmap(null, RING_SIZE, PROT_READ_AND_WRITE, MAP_SHARED, this.#fd, 0);
      if (koffi.address(this.#mapping) === 0xffff_ffff_ffff_ffffn) throw failure("the ring cannot be mapped");
      this.#ring = new Uint8Array(koffi.view(this.#mapping, RING_SIZE));
    } catch (error) {
      ffi.close(this.#fd);
      throw error;
    }
  }

  /** Every message since the last call. The link-layer protocol of a packet is its netlink protocol. */
  read(): SentMessage[] {
    const messages: SentMessage[] = [];
    for (;;) {
      const frame = this.#ring.subarray(this.#next * FRAME_SIZE, (this.#next + 1) * FRAME_SIZE);
      const header = viewOf(frame);
      if ((header.getUint32(0, true) & TP_STATUS_USER) === 0) break;
      const isCut = header.getUint32(8, true) < header.getUint32(4, true);
      const start = header.getUint16(14, true);
      const datagram = frame.slice(start, start + header.getUint32(8, true));
      const protocol = header.getUint16(TPACKET2_HEADER_SIZE + 2, false);
      header.setUint32(0, TP_STATUS_KERNEL, true);
      this.#next = (this.#next + 1) % FRAMES;
      if (!isCut) messages.push(...splitDatagram(datagram).map((bytes) => ({ protocol, bytes })));
      else if ((viewOf(datagram).getUint16(6, true) & NLM_F_REQUEST) !== 0) {
        throw new Error(`a request does not fit into ${FRAME_SIZE} bytes`);
      }
    }
    this.#refuseLoss();
    return messages;
  }

  [Symbol.dispose](): void {
    munmap(this.#mapping, RING_SIZE);
    ffi.close(this.#fd);
  }

  #setOption(option: number, numbers: readonly number[]): void {
    const value = new Uint8Array(new Uint32Array(numbers).buffer);
    if (ffi.setsockopt(this.#fd, SOL_PACKET, option, value, value.length) < 0) {
      throw failure(`option ${option} of the packet socket cannot be set`);
    }
  }

  #bind(): void {
    const address = new Uint8Array(SOCKADDR_LL_SIZE);
    const view = viewOf(address);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL, false);
    view.setInt32(4, TAP_INDEX, true);
    if (ffi.bind(this.#fd, address, SOCKADDR_LL_SIZE) < 0) throw failure(`${TAP_LINK} cannot be listened to`);
  }

  /** struct tpacket_stats: packets, drops. */
  #refuseLoss(): void {
    const statistics = new Uint8Array(8);
    ffi.getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, statistics, new Uint32Array([8]));
    const drops = viewOf(statistics).getUint32(4, true);
    if (drops > 0) throw new Error(`${drops} netlink messages were lost at the tap`);
  }
}

function failure(what: string): Error {
  return new Error(`${what}: error number ${ffi.lastErrno()}`);
}

/**
 * Runs commands of iproute2 one after the other in the calling thread's network namespace. Neighbours of one program
 * go to one process: starting one takes 40 ms in the guest. Throws CommandError.
 */
export function runCommands(commands: readonly string[]): void {
  for (const { program, lines } of groupByProgram(commands)) {
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) run(program, only.split(" "));
    else run(program, ["-b", "-"], `${lines.join("\n")}\n`);
  }
}

/** A command ended with another exit code than 0; the message holds what it said. */
export class CommandError extends Error {}

const BATCHING = ["ip", "tc", "bridge", "devlink"];

function groupByProgram(commands: readonly string[]): { program: string; lines: string[] }[] {
  const groups: { program: string; lines: string[]; canBatch: boolean }[] = [];
  for (const command of commands) {
    const [program = "", ...words] = command.split(" ");
    // A batch takes no options of its lines' own, such as the -6 of `ip -6 address`.
    const canBatch = BATCHING.includes(program) && words[0]?.startsWith("-") === false;
    const last = groups.at(-1);
    if (canBatch && last?.canBatch === true && last.program === program) last.lines.push(words.join(" "));
    else groups.push({ program, lines: [words.join(" ")], canBatch });
  }
  return groups;
}

function run(program: string, words: readonly string[], input = ""): void {
  const { status, stdout, stderr, error } = spawnSync(program, words, { input, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status === 0) return;
  const command = [program, ...words].join(" ");
  throw new CommandError(`${command} ended with ${status}: ${[stdout, stderr, input].join("").trim()}`);
}
