import { align4 } from "./attribute.ts";

/**
 * Room for two datagrams of a dump, which the kernel makes smaller than 32 KB each where no single object is larger. Much
 * larger memory would come page by page from the kernel each time (malloc(3), M_MMAP_THRESHOLD), which costs more than
 * copying.
 */
const USUAL_SIZE = 64 * 1024;
/** Room that is kept for one datagram after an answer that needed it; for a larger one it is made each time. */
const MOST_KEPT = 4 * USUAL_SIZE;

const NOTHING = new Uint8Array();

/**
 * Where a thread receives. The datagrams of one answer come to lie one behind the other, in as few pieces of memory as
 * they fit into, so that nothing is copied here and an answer can be handed to another thread with its memory.
 */
export class ReceiveBuffer {
  readonly #usualSize: number;
  /** Each datagram gets this room at least. */
  #leastRoom: number;
  /** Made when it is needed. */
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #view = new DataView(NOTHING.buffer);
  #used = 0;

  constructor(size = USUAL_SIZE) {
    this.#usualSize = size;
    this.#leastRoom = size / 2;
  }

  /** What was received lately may be written over from now on. */
  clear(): void {
    this.#used = 0;
    if (this.#leastRoom <= MOST_KEPT) return;
    this.#leastRoom = this.#usualSize / 2;
    this.release();
  }

  /** Whether the next datagram needs other memory. */
  get isFull(): boolean {
    return this.#bytes.length - this.#used < this.#leastRoom;
  }

  /** Memory to receive a datagram in. */
  makeRoom(): Uint8Array<ArrayBuffer> {
    if (this.isFull) {
      this.#bytes = new Uint8Array(Math.max(this.#usualSize, this.#leastRoom));
      this.#view = new DataView(this.#bytes.buffer);
      this.#used = 0;
    }
    return this.#used === 0 ? this.#bytes : this.#bytes.subarray(this.#used);
  }

  /** All the memory at hand. */
  get view(): DataView {
    return this.#view;
  }

  /** Where the room begins in `view`. */
  get start(): number {
    return this.#used;
  }

  /** Nothing is received any more in what lies before `end` in `view`. */
  keep(end: number): void {
    this.#used = align4(end);
  }

  /** A part of what lies in `view`. */
  piece(start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, end);
  }

  /** From now on each datagram has this room, because one was cut. */
  grow(room: number): void {
    this.#leastRoom = Math.max(this.#leastRoom, room);
    this.release();
  }

  /** What was received lately belongs to whoever has it. */
  release(): void {
    this.#bytes = NOTHING;
    this.#view = new DataView(NOTHING.buffer);
    this.#used = 0;
  }
}
