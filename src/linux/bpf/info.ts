/** What the kernel tells of a program. */
export interface ProgramInfo {
  /** Its number, for as long as it lives. */
  readonly id: number;
  /** The kernel's number of its type; 3 is `sched_cls`. */
  readonly type: number;
  readonly name: string;
  /** The first 8 bytes of its instructions' hash, in hexadecimal: the same program has the same tag. */
  readonly tag: string;
  /** Made into machine code, instead of being interpreted. */
  readonly isJited: boolean;
  /** Numbers of the maps it uses. */
  readonly mapIds: readonly number[];
}

/** What the kernel tells of a map. */
export interface MapInfo {
  readonly id: number;
  /** The kernel's number of its type. */
  readonly type: number;
  readonly name: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes. */
  readonly valueSize: number;
  /** Most elements. */
  readonly capacity: number;
}

/** struct bpf_prog_info up to the name, and struct bpf_map_info up to the name (include/uapi/linux/bpf.h). */
export const PROGRAM_INFO_SIZE = 80;
export const MAP_INFO_SIZE = 40;

/** In struct bpf_prog_info: how many map numbers there are, and the pointer to where they shall be written. */
export const MAP_COUNT_OFFSET = 52;
export const MAP_IDS_OFFSET = 56;

/**
 * Reads struct bpf_prog_info, and the numbers of the program's maps as the kernel wrote them; undefined when the bytes
 * are too short.
 */
export function decodeProgramInfo(
  bytes: Uint8Array,
  maps: Uint8Array = new Uint8Array(),
): ProgramInfo | undefined {
  if (bytes.length < PROGRAM_INFO_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mapView = new DataView(maps.buffer, maps.byteOffset, maps.byteLength);
  const mapCount = Math.min(view.getUint32(MAP_COUNT_OFFSET, true), Math.floor(maps.length / 4));
  return {
    id: view.getUint32(4, true),
    type: view.getUint32(0, true),
    name: readName(bytes.subarray(64, PROGRAM_INFO_SIZE)),
    tag: Buffer.from(bytes.subarray(8, 16)).toString("hex"),
    isJited: view.getUint32(16, true) > 0,
    mapIds: Array.from({ length: mapCount }, (_, position) => mapView.getUint32(4 * position, true)),
  };
}

/** Reads struct bpf_map_info; undefined when the bytes are too short. */
export function decodeMapInfo(bytes: Uint8Array): MapInfo | undefined {
  if (bytes.length < MAP_INFO_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    keySize: view.getUint32(8, true),
    valueSize: view.getUint32(12, true),
    capacity: view.getUint32(16, true),
    name: readName(bytes.subarray(24, MAP_INFO_SIZE)),
  };
}

function readName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}
