import { align4 } from "./attribute.ts";

/**
 * Room for two datagrams of a dump: the kernel makes them smaller than 32 KB each. Much larger memory would come
 * page by page from the kernel each time (malloc(3), M_MMAP_THRESHOLD), which costs more than copying.
 */
const USUAL_SIZE = 64 * 1024;
/** Room that a thread keeps for one datagram; a larger one, such as that about thousands of VFs, is made each time. */
const MOST_KEPT = 1024 * 1024;

/**
 * Where a thread receives. The datagrams of one answer come to lie one behind the other, in as few pieces of memory as
 * they fit into, so that nothing is copied here and an answer can be handed to another thread with its memory.
 */
export class ReceiveBuffer {
  readonly #usualSize: number;
  /** Each datagram gets this room at least. */
  #leastRoom: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #used = 0;

  constructor(size = USUAL_SIZE) {
    this.#usualSize = size;
    this.#leastRoom = size / 2;
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** What was received lately may be written over from now on. */
  clear(): void {
    this.#used = 0;
    if (this.#leastRoom <= MOST_KEPT) return;
    this.#leastRoom = this.#usualSize / 2;
    this.#renew();
  }

  /** Whether the next datagram needs other memory. */
  get isFull(): boolean {
    return this.#used > 0 && this.#bytes.length - this.#used < this.#leastRoom;
  }

  /** Memory to receive a datagram in. */
  makeRoom(): Uint8Array<ArrayBuffer> {
    if (this.isFull) this.#renew();
    return this.#used === 0 ? this.#bytes : this.#bytes.subarray(this.#used);
  }

  /** Takes the first `size` bytes of the room; gives where they end in `view`. */
  take(size: number): number {
    const end = this.#used + size;
    this.#used = align4(end);
    return end;
  }

  /** Where the datagram taken last lies. */
  get view(): DataView {
    return this.#view;
  }

  /** A part of what lies in `view`. */
  piece(start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }

  /** From now on each datagram has this room, because one was cut. */
  grow(room: number): void {
    this.#leastRoom = Math.max(this.#leastRoom, room);
    this.#renew();
  }

  /** What was received lately belongs to whoever has it. */
  release(): void {
    this.#renew();
  }

  #renew(): void {
    this.#bytes = new Uint8Array(Math.max(this.#usualSize, this.#leastRoom));
    this.#view = new DataView(this.#bytes.buffer);
    this.#used = 0;
  }
}
