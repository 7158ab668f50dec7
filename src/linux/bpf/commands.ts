import { InvalidValueError } from "../../model/errors.ts";
import type { BpfBuffer, BpfCall } from "../worker/bpf-call.ts";

/** Commands of bpf(2) (enum bpf_cmd, include/uapi/linux/bpf.h). */
export const BPF_MAP_CREATE = 0;
export const BPF_MAP_LOOKUP_ELEM = 1;
export const BPF_MAP_UPDATE_ELEM = 2;
export const BPF_MAP_DELETE_ELEM = 3;
const BPF_PROG_LOAD = 5;
const BPF_OBJ_PIN = 6;
const BPF_OBJ_GET = 7;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_MAP_GET_FD_BY_ID = 14;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_MAP_LOOKUP_BATCH = 24;

/** BPF_OBJ_NAME_LEN, with the closing zero. */
const OBJECT_NAME_SIZE = 16;

/** Sizes of union bpf_attr up to the last field that is used; the kernel takes what is missing for 0. */
const MAP_CREATE_SIZE = 48;
const ELEMENT_SIZE = 32;
const BATCH_SIZE = 56;
const PROGRAM_LOAD_SIZE = 72;
const OBJECT_SIZE = 16;
const ID_SIZE = 12;
const INFO_SIZE = 16;

/** A map to be made, in the kernel's numbers. */
export interface MapCreation {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly capacity: number;
  readonly name: string;
}

export function encodeMapCreate({ type, keySize, valueSize, capacity, name }: MapCreation): BpfCall {
  const { attributes, view } = makeAttributes(MAP_CREATE_SIZE);
  for (const [field, value] of [type, keySize, valueSize, capacity].entries()) {
    view.setUint32(4 * field, value, true);
  }
  attributes.set(encodeName(name), 28);
  return { command: BPF_MAP_CREATE, attributes, buffers: [] };
}

/** One element of a map: look up (`value` is room for the answer), update or delete (without a value). */
export function encodeElement(
  command: number,
  map: number,
  key: Uint8Array,
  value?: Uint8Array,
  flags = 0,
): BpfCall {
  const { attributes, view } = makeAttributes(ELEMENT_SIZE);
  view.setUint32(0, map, true);
  view.setBigUint64(24, BigInt(flags), true);
  const buffers: BpfBuffer[] = [{ at: 8, bytes: key }];
  if (value !== undefined) buffers.push({ at: 16, bytes: value });
  return { command, attributes, buffers };
}

/** Room for what BPF_MAP_LOOKUP_BATCH gives. */
export interface Batch {
  /** Where to go on: what the call before gave; undefined to begin. */
  readonly position: Uint8Array | undefined;
  readonly positionSize: number;
  readonly count: number;
  readonly keySize: number;
  readonly valueSize: number;
}

/** Buffers of the answer: the next position, keys, values. How many there are stands in the attributes. */
export function encodeLookupBatch(map: number, batch: Batch): BpfCall {
  const { attributes, view } = makeAttributes(BATCH_SIZE);
  view.setUint32(32, batch.count, true);
  view.setUint32(36, map, true);
  const buffers: BpfBuffer[] = [
    { at: 8, bytes: new Uint8Array(batch.positionSize) },
    { at: 16, bytes: new Uint8Array(batch.count * batch.keySize) },
    { at: 24, bytes: new Uint8Array(batch.count * batch.valueSize) },
  ];
  if (batch.position !== undefined) buffers.push({ at: 0, bytes: batch.position });
  return { command: BPF_MAP_LOOKUP_BATCH, attributes, buffers };
}

/** How many elements a batch has brought, from the attributes as the kernel left them; none when these are cut. */
export function readBatchCount(attributes: Uint8Array): number {
  return attributes.length < BATCH_SIZE ? 0 : viewOf(attributes).getUint32(32, true);
}

/** A program to be loaded, in the kernel's numbers. */
export interface ProgramLoad {
  readonly type: number;
  readonly expectedAttachType: number;
  readonly name: string;
  readonly license: string;
  readonly instructions: Uint8Array;
  /** Bytes for what the verifier says; 0 keeps it silent. */
  readonly logSize: number;
}

/** Buffers of the answer: instructions, license, and the verifier's log where one was wanted. */
export function encodeProgramLoad(program: ProgramLoad): BpfCall {
  const { attributes, view } = makeAttributes(PROGRAM_LOAD_SIZE);
  view.setUint32(0, program.type, true);
  view.setUint32(4, program.instructions.length / INSTRUCTION_SIZE, true);
  attributes.set(encodeName(program.name), 48);
  view.setUint32(68, program.expectedAttachType, true);
  const buffers: BpfBuffer[] = [
    { at: 8, bytes: program.instructions },
    { at: 16, bytes: encodeText("license of a BPF program", program.license) },
  ];
  if (program.logSize > 0) {
    view.setUint32(24, 1, true);
    view.setUint32(28, program.logSize, true);
    buffers.push({ at: 32, bytes: new Uint8Array(program.logSize) });
  }
  return { command: BPF_PROG_LOAD, attributes, buffers };
}

/** Position of the verifier's log among the buffers of a load. */
export const LOG_BUFFER = 2;

/** Bytes of one instruction (struct bpf_insn). */
export const INSTRUCTION_SIZE = 8;

/** Gives an object a path in a BPF file system. Throws InvalidValueError. */
export function encodePin(fd: number, path: string): BpfCall {
  const { attributes, view } = makeAttributes(OBJECT_SIZE);
  view.setUint32(8, fd, true);
  return {
    command: BPF_OBJ_PIN,
    attributes,
    buffers: [{ at: 0, bytes: encodeText("path of a pinned BPF object", path) }],
  };
}

/** Opens the object at a path in a BPF file system. Throws InvalidValueError. */
export function encodeGetPinned(path: string): BpfCall {
  const { attributes } = makeAttributes(OBJECT_SIZE);
  return {
    command: BPF_OBJ_GET,
    attributes,
    buffers: [{ at: 0, bytes: encodeText("path of a pinned BPF object", path) }],
  };
}

/** Opens an object by its number. */
export function encodeGetById(kind: "program" | "map", id: number): BpfCall {
  const { attributes, view } = makeAttributes(ID_SIZE);
  view.setUint32(0, id, true);
  const command = kind === "program" ? BPF_PROG_GET_FD_BY_ID : BPF_MAP_GET_FD_BY_ID;
  return { command, attributes, buffers: [] };
}

/** Asks what an object is. The answer's first buffer is the structure; `more` is memory that it points to. */
export function encodeGetInfo(fd: number, info: Uint8Array, more: readonly BpfBuffer[] = []): BpfCall {
  const { attributes, view } = makeAttributes(INFO_SIZE);
  view.setUint32(0, fd, true);
  view.setUint32(4, info.length, true);
  return { command: BPF_OBJ_GET_INFO_BY_FD, attributes, buffers: [{ at: 8, bytes: info }, ...more] };
}

function makeAttributes(size: number): { attributes: Uint8Array; view: DataView } {
  const attributes = new Uint8Array(size);
  return { attributes, view: viewOf(attributes) };
}

function encodeName(name: string): Uint8Array {
  return Buffer.from(name).subarray(0, OBJECT_NAME_SIZE - 1);
}

/** Throws InvalidValueError for a text that the kernel would read only the beginning of: a path of another file. */
function encodeText(place: string, text: string): Uint8Array {
  if (text.includes("\0")) throw new InvalidValueError(place, text, "a text without zero bytes");
  return Buffer.from(`${text}\0`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
