import { InvalidValueError, LanyardError } from "../../model/errors.ts";
import { EEXIST, ENOENT, ENOSPC } from "../errno.ts";
import type { BpfClient } from "./client.ts";
import {
  BPF_MAP_DELETE_ELEM,
  BPF_MAP_LOOKUP_ELEM,
  BPF_MAP_UPDATE_ELEM,
  encodeElement,
  encodeGetInfo,
  encodeLookupBatch,
  encodePin,
  readBatchCount,
} from "./commands.ts";
import { countPossibleCpus } from "./cpus.ts";
import { Descriptor } from "./descriptor.ts";
import { decodeMapInfo, MAP_INFO_SIZE, type MapInfo } from "./info.ts";

/** Types of map (enum bpf_map_type, include/uapi/linux/bpf.h). */
export const MAP_TYPES = { hash: 1, array: 2, percpu_hash: 5, percpu_array: 6, lru_hash: 9 } as const;

/** `hash` refuses what does not fit, `lru_hash` forgets what was not used; the keys of an array are its positions. */
export type BpfMapType = keyof typeof MAP_TYPES;

/** Flag of an update: the element must not be there yet (include/uapi/linux/bpf.h). */
const BPF_NOEXIST = 1;

/** Elements asked for at once, at first. */
const BATCH_COUNT = 256;
/** A position in a hash is a number of 32 bits, in an array a key. */
const LEAST_POSITION_SIZE = 4;

/** What a map's elements are like. */
export interface BpfMapShape {
  readonly type: BpfMapType;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value. */
  readonly valueSize: number;
  /** Most elements. */
  readonly capacity: number;
}

/**
 * A map: memory that programs and this process share, elements found by a key. Keys and values are bytes; numbers in
 * them are in host order, little-endian. The map lives as long as somebody holds it: this object, a program, a pin.
 */
export class BpfMap implements Disposable {
  readonly shape: BpfMapShape;
  /**
   * Bytes of a value here. In the types `percpu_` it is one value for each possible CPU, one behind the other, each
   * padded to 8 bytes: programs on different CPUs count without waiting for each other.
   */
  readonly valueSize: number;
  readonly #client: BpfClient;
  readonly #descriptor: Descriptor;

  constructor(client: BpfClient, fd: number, name: string, shape: BpfMapShape) {
    this.#client = client;
    this.#descriptor = new Descriptor(fd, name);
    this.shape = shape;
    this.valueSize = isPerCpu(shape.type)
      ? Math.ceil(shape.valueSize / 8) * 8 * countPossibleCpus()
      : shape.valueSize;
  }

  /** The open descriptor, which a program's instructions name. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /** The value of a key, or undefined where there is none. */
  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const room = new Uint8Array(this.valueSize);
    const call = encodeElement(BPF_MAP_LOOKUP_ELEM, this.fd, this.#checked("key", key), room);
    const operation = `look up an element of ${this.#name}`;
    const { errno, buffers } = await this.#client.call(operation, call, "read", this.#descriptor, [ENOENT]);
    return errno === ENOENT ? undefined : buffers[1];
  }

  /** Puts a value under a key, in the place of another. Throws BpfError; E2BIG when the map is full. */
  async set(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#update(key, value, 0);
  }

  /** Puts a value under a key that has none; false when it has one, which stays. */
  async add(key: Uint8Array, value: Uint8Array): Promise<boolean> {
    return await this.#update(key, value, BPF_NOEXIST, [EEXIST]);
  }

  /** Removes an element; false when there was none. Elements of an array cannot be removed. */
  async delete(key: Uint8Array): Promise<boolean> {
    const call = encodeElement(BPF_MAP_DELETE_ELEM, this.fd, this.#checked("key", key));
    const operation = `delete an element of ${this.#name}`;
    const { errno } = await this.#client.call(operation, call, "change", this.#descriptor, [ENOENT]);
    return errno === 0;
  }

  /**
   * Every element, with its key. An element that is added or removed meanwhile may or may not be among them. Linux 5.6
   * or newer.
   */
  async entries(): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const { valueSize, shape } = this;
    const { keySize } = shape;
    const entries: [Uint8Array, Uint8Array][] = [];
    let position: Uint8Array | undefined;
    for (let count = Math.min(BATCH_COUNT, shape.capacity); ; ) {
      const positionSize = Math.max(LEAST_POSITION_SIZE, keySize);
      const call = encodeLookupBatch(this.fd, { position, positionSize, count, keySize, valueSize });
      const { errno, attributes, buffers } = await this.#client.call(
        `read the elements of ${this.#name}`,
        call,
        "read",
        this.#descriptor,
        [ENOENT, ENOSPC],
      );
      if (errno === ENOSPC) {
        // More elements than were asked for share one bucket of the hash, and a bucket comes whole.
        count *= 2;
        continue;
      }
      const [next, keys, values] = buffers as [Uint8Array, Uint8Array, Uint8Array];
      for (let at = 0; at < Math.min(count, readBatchCount(attributes)); at++) {
        entries.push([
          keys.slice(at * keySize, (at + 1) * keySize),
          values.slice(at * valueSize, (at + 1) * valueSize),
        ]);
      }
      if (errno !== 0) return entries;
      position = next;
    }
  }

  /** What the kernel tells of it. */
  async info(): Promise<MapInfo> {
    return await askMapInfo(this.#client, this.#descriptor);
  }

  /** Gives it a path in a BPF file system, where it lives on when nobody holds it. */
  async pin(path: string): Promise<void> {
    const call = encodePin(this.fd, path);
    await this.#client.call(`pin ${this.#name} at ${path}`, call, "change", this.#descriptor);
  }

  /** Closes the descriptor, once the calls in flight have ended. */
  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }

  get #name(): string {
    return this.#descriptor.name;
  }

  async #update(
    key: Uint8Array,
    value: Uint8Array,
    flags: number,
    tolerates: readonly number[] = [],
  ): Promise<boolean> {
    const { fd } = this;
    const [checkedKey, checkedValue] = [this.#checked("key", key), this.#checked("value", value)];
    const call = encodeElement(BPF_MAP_UPDATE_ELEM, fd, checkedKey, checkedValue, flags);
    const operation = `set an element of ${this.#name}`;
    const { errno } = await this.#client.call(operation, call, "change", this.#descriptor, tolerates);
    return errno === 0;
  }

  /** The kernel reads and writes as many bytes as the map says, whatever is there. */
  #checked(what: "key" | "value", bytes: Uint8Array): Uint8Array {
    const size = what === "key" ? this.shape.keySize : this.valueSize;
    if (bytes.length === size) return bytes;
    throw new InvalidValueError(`${what} of ${this.#name}`, `${bytes.length} bytes`, `${size} bytes`);
  }
}

/** Asks the kernel what a map is. */
export async function askMapInfo(client: BpfClient, descriptor: Descriptor): Promise<MapInfo> {
  const call = encodeGetInfo(descriptor.fd, new Uint8Array(MAP_INFO_SIZE));
  const { buffers } = await client.call(`read what ${descriptor.name} is`, call, "read", descriptor);
  const info = decodeMapInfo(buffers[0] ?? new Uint8Array());
  if (info === undefined) throw new LanyardError("internal", `the kernel told nothing of ${descriptor.name}`);
  return info;
}

/** True for the types that keep a value for each CPU. */
function isPerCpu(type: BpfMapType): boolean {
  return type === "percpu_hash" || type === "percpu_array";
}
