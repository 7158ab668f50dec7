/**
 * Small BPF programs as machine instructions (struct bpf_insn, include/uapi/linux/bpf.h): operation, registers, offset
 * and number. What the kernel takes is bytes; these few lines keep the bytes of a test readable.
 */

/** One instruction: opcode, destination and source register, offset, number. */
type Instruction = readonly [
  opcode: number,
  destination: number,
  source: number,
  offset: number,
  number: number,
];

/** Operations, named after the kernel's own disassembly. */
const LD_IMM64 = 0x18; // r = number of 64 bits, in two instructions
const LOAD32 = 0x61; // r = *(u32 *)(r + offset)
const STORE32 = 0x63; // *(u32 *)(r + offset) = r
const ADD_IMM = 0x07; // r += number
const MOV_IMM = 0xb7; // r = number
const MOV = 0xbf; // r = r
const MOV32_IMM = 0xb4; // lower half of r = number
const ATOMIC_ADD64 = 0xdb; // lock *(u64 *)(r + offset) += r
const JEQ_IMM = 0x15; // if r == number, skip as many as the offset says
const CALL = 0x85;
const EXIT = 0x95;

const BPF_FUNC_MAP_LOOKUP_ELEM = 1;

/** Fields of struct __sk_buff. */
const SKB_LEN = 0;
const SKB_PRIORITY = 32;
const SKB_IFINDEX = 40;

/** "Go on with the next filter" (include/uapi/linux/pkt_cls.h). */
const TC_ACT_UNSPEC = -1;
const TC_ACT_OK = 0;

/** Puts `priority` on every packet, whatever the sender's socket said. */
export function setPriority(priority: number): Uint8Array {
  return assemble([
    [MOV32_IMM, 2, 0, 0, priority],
    [STORE32, 1, 2, SKB_PRIORITY, 0],
    [MOV_IMM, 0, 0, 0, TC_ACT_UNSPEC],
    [EXIT, 0, 0, 0, 0],
  ]);
}

/** Position of the instruction in `countPackets` that names the map. */
export const COUNT_MAP_AT = 5;

/**
 * Counts packets and bytes under the index of their link, in a map with keys of 4 bytes and values of two numbers of
 * 64 bits. A link without an element is not counted.
 */
export function countPackets(): Uint8Array {
  return assemble([
    [LOAD32, 6, 1, SKB_LEN, 0],
    [LOAD32, 7, 1, SKB_IFINDEX, 0],
    [STORE32, 10, 7, -4, 0], // the key, on the stack
    [MOV, 2, 10, 0, 0],
    [ADD_IMM, 2, 0, 0, -4],
    [LD_IMM64, 1, 0, 0, 0], // the map
    [0, 0, 0, 0, 0],
    [CALL, 0, 0, 0, BPF_FUNC_MAP_LOOKUP_ELEM],
    [JEQ_IMM, 0, 0, 3, 0],
    [MOV_IMM, 1, 0, 0, 1],
    [ATOMIC_ADD64, 0, 1, 0, 0],
    [ATOMIC_ADD64, 0, 6, 8, 0],
    [MOV_IMM, 0, 0, 0, TC_ACT_OK],
    [EXIT, 0, 0, 0, 0],
  ]);
}

/** Reads a register that nobody wrote, `length` instructions deep: the verifier refuses it and says where. */
export function readsNothing(length = 0): Uint8Array {
  const filler = Array.from({ length }, (_, position): Instruction => [MOV_IMM, 1, 0, 0, position]);
  return assemble([...filler, [MOV, 0, 5, 0, 0], [EXIT, 0, 0, 0, 0]]);
}

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  for (const [position, [opcode, destination, source, offset, number]] of instructions.entries()) {
    const at = 8 * position;
    bytes[at] = opcode;
    bytes[at + 1] = (source << 4) | destination;
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, number | 0, true);
  }
  return bytes;
}
