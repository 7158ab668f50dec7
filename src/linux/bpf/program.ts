import { InvalidValueError, LanyardError } from "../../model/errors.ts";
import type { BpfClient } from "./client.ts";
import { encodeGetInfo, encodePin, INSTRUCTION_SIZE } from "./commands.ts";
import { Descriptor } from "./descriptor.ts";
import {
  decodeProgramInfo,
  MAP_COUNT_OFFSET,
  MAP_IDS_OFFSET,
  PROGRAM_INFO_SIZE,
  type ProgramInfo,
} from "./info.ts";

/** Types of program (enum bpf_prog_type, include/uapi/linux/bpf.h). `sched_cls` is what the filter `bpf` takes. */
export const PROGRAM_TYPES = { sched_cls: 3 } as const;

/** BPF_LD | BPF_DW | BPF_IMM: loads 64 bits that stand in this instruction and the next. */
const LD_IMM64 = 0x18;
/** In the source register of LD_IMM64: the number is a map's descriptor (include/uapi/linux/bpf.h). */
const BPF_PSEUDO_MAP_FD = 1;

/** A map that an instruction names. */
export interface MapReference {
  /** Position of the instruction, an LD_IMM64, which counts as two. */
  readonly instruction: number;
  readonly map: { readonly fd: number };
}

/**
 * A program that the kernel has verified. It lives as long as somebody holds it: this object, a filter, a pin.
 */
export class BpfProgram implements Disposable {
  readonly #client: BpfClient;
  readonly #descriptor: Descriptor;

  constructor(client: BpfClient, fd: number, name: string) {
    this.#client = client;
    this.#descriptor = new Descriptor(fd, name);
  }

  /** The open descriptor, which a filter names; it must stay open until the filter is there. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /** What the kernel tells of it. */
  async info(): Promise<ProgramInfo> {
    const operation = `read what ${this.#descriptor.name} is`;
    // The first answer says how many maps there are, the second brings their numbers.
    const first = await this.#readInfo(operation, 0);
    const count = new DataView(first.structure.buffer, first.structure.byteOffset).getUint32(
      MAP_COUNT_OFFSET,
      true,
    );
    const { structure, mapIds } = await this.#readInfo(operation, count);
    const info = decodeProgramInfo(structure, mapIds);
    if (info === undefined)
      throw new LanyardError("internal", `the kernel told nothing of ${this.#descriptor.name}`);
    return info;
  }

  /** Gives it a path in a BPF file system, where it lives on when nobody holds it. */
  async pin(path: string): Promise<void> {
    const operation = `pin ${this.#descriptor.name} at ${path}`;
    await this.#client.call(operation, encodePin(this.fd, path), "change", this.#descriptor);
  }

  /** Closes the descriptor, once the calls in flight have ended. */
  [Symbol.dispose](): void {
    this.#descriptor[Symbol.dispose]();
  }

  async #readInfo(operation: string, mapCount: number) {
    const info = new Uint8Array(PROGRAM_INFO_SIZE);
    new DataView(info.buffer).setUint32(MAP_COUNT_OFFSET, mapCount, true);
    const mapIds = { at: MAP_IDS_OFFSET, within: 0, bytes: new Uint8Array(4 * mapCount) };
    const call = encodeGetInfo(this.fd, info, [mapIds]);
    const { buffers } = await this.#client.call(operation, call, "read", this.#descriptor);
    return { structure: buffers[0] as Uint8Array, mapIds: buffers[1] as Uint8Array };
  }
}

/**
 * The instructions with the descriptors of the maps they name. Throws InvalidValueError when the bytes are no whole
 * instructions, or what stands at a position loads no 64 bits.
 */
export function relocate(instructions: Uint8Array, references: readonly MapReference[]): Uint8Array {
  const count = instructions.length / INSTRUCTION_SIZE;
  if (!Number.isInteger(count) || count === 0) {
    const expected = `one or more instructions of ${INSTRUCTION_SIZE} bytes`;
    throw new InvalidValueError("instructions of a BPF program", `${instructions.length} bytes`, expected);
  }
  const relocated = instructions.slice();
  const view = new DataView(relocated.buffer);
  for (const { instruction, map } of references) {
    const at = instruction * INSTRUCTION_SIZE;
    if (!Number.isInteger(instruction) || relocated[at] !== LD_IMM64 || instruction + 1 >= count) {
      const expected = "the position of an LD_IMM64 instruction";
      throw new InvalidValueError("map reference of a BPF program", instruction, expected);
    }
    const destination = (relocated[at + 1] as number) & 0x0f;
    relocated[at + 1] = (BPF_PSEUDO_MAP_FD << 4) | destination;
    view.setInt32(at + 4, map.fd, true);
    view.setInt32(at + INSTRUCTION_SIZE + 4, 0, true);
  }
  return relocated;
}
