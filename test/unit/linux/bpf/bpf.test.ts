import assert from "node:assert/strict";
import test from "node:test";
import { Bpf, type NewProgram } from "../../../../src/linux/bpf/bpf.ts";
import {
  encodeElement,
  encodeGetInfo,
  encodeLookupBatch,
  encodeMapCreate,
  encodeProgramLoad,
  readBatchCount,
} from "../../../../src/linux/bpf/commands.ts";
import { countCpus } from "../../../../src/linux/bpf/cpus.ts";
import { BpfError } from "../../../../src/linux/bpf/error.ts";
import { decodeMapInfo, decodeProgramInfo } from "../../../../src/linux/bpf/info.ts";
import { relocate } from "../../../../src/linux/bpf/program.ts";
import { E2BIG, EACCES, EAGAIN, EINVAL, ENOSPC, EPERM } from "../../../../src/linux/errno.ts";
import type { BpfAnswer, BpfCall } from "../../../../src/linux/worker/bpf-call.ts";
import type { JobRunner } from "../../../../src/linux/worker/pool.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";

// Layouts: union bpf_attr and the structures in include/uapi/linux/bpf.h.

test("a map is made from its type, sizes, capacity and name", () => {
  const call = encodeMapCreate({ type: 1, keySize: 4, valueSize: 16, capacity: 1024, name: "counts" });
  assert.equal(call.command, 0); // BPF_MAP_CREATE
  assertBytes(
    call.attributes,
    `01000000 04000000 10000000 00040000 # map_type, key_size, value_size, max_entries
     00000000 00000000 00000000          # map_flags, inner_map_fd, numa_node
     636f756e7473 00000000000000000000   # map_name "counts"
     00000000                            # map_ifindex`,
  );
});

test("an element is a map, a key, a value and flags", () => {
  const [key, value] = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5)];
  const call = encodeElement(2, 9, key, value, 1);
  assert.equal(call.command, 2); // BPF_MAP_UPDATE_ELEM
  assertBytes(call.attributes, "09000000 00000000 0000000000000000 0000000000000000 0100000000000000");
  assert.deepEqual(call.buffers, [
    { at: 8, bytes: key },
    { at: 16, bytes: value },
  ]);
});

test("a batch has room for its elements and goes on where the one before ended", () => {
  const position = Uint8Array.of(7, 0, 0, 0);
  const call = encodeLookupBatch(9, { position, positionSize: 4, count: 3, keySize: 4, valueSize: 16 });
  assertBytes(
    call.attributes,
    `0000000000000000 0000000000000000 # in_batch, out_batch
     0000000000000000 0000000000000000 # keys, values
     03000000 09000000                 # count, map_fd
     0000000000000000 0000000000000000 # elem_flags, flags`,
  );
  assert.deepEqual(
    call.buffers.map(({ at, bytes }) => [at, bytes.length]),
    [
      [8, 4],
      [16, 12],
      [24, 48],
      [0, 4],
    ],
  );
  assert.equal(readBatchCount(call.attributes), 3);
});

test("a program is loaded from its instructions, with a log where one is wanted", () => {
  const instructions = new Uint8Array(16);
  const program = { type: 3, expectedAttachType: 46, name: "p", license: "GPL", instructions, logSize: 0 };
  const silent = encodeProgramLoad(program);
  assertBytes(
    silent.attributes,
    `03000000 02000000                     # prog_type sched_cls, insn_cnt
     0000000000000000 0000000000000000     # insns, license
     00000000 00000000 0000000000000000    # log_level, log_size, log_buf
     00000000 00000000                     # kern_version, prog_flags
     70000000 00000000 00000000 00000000   # prog_name "p"
     00000000 2e000000                     # prog_ifindex, expected_attach_type`,
  );
  assert.deepEqual(
    silent.buffers.map(({ at, bytes }) => [at, bytes.length]),
    [
      [8, 16],
      [16, 4], // "GPL" with its zero
    ],
  );
  const spoken = encodeProgramLoad({ ...program, logSize: 100 });
  assertBytes(spoken.attributes.subarray(24, 40), "01000000 64000000 0000000000000000");
  assert.equal(spoken.buffers[2]?.bytes.length, 100);
});

test("an object's structure may point to memory of its own", () => {
  const info = new Uint8Array(80);
  const maps = { at: 56, within: 0, bytes: new Uint8Array(8) };
  const call = encodeGetInfo(9, info, [maps]);
  assertBytes(call.attributes, "09000000 50000000 0000000000000000"); // bpf_fd, info_len, info
  assert.deepEqual(call.buffers, [{ at: 8, bytes: info }, maps]);
});

const PROGRAM_INFO = bytesOf(`
  03000000 2a000000 0123456789abcdef   # type, id, tag
  40000000 60000000                    # jited_prog_len, xlated_prog_len
  0000000000000000 0000000000000000    # jited_prog_insns, xlated_prog_insns
  0000000000000000 00000000 02000000   # load_time, created_by_uid, nr_map_ids
  0000000000000000                     # map_ids
  636f756e745f7061636b6574730000 00    # name "count_packets"`);

test("what the kernel tells of a program is read", () => {
  assert.deepEqual(decodeProgramInfo(PROGRAM_INFO, bytesOf("05000000 06000000")), {
    id: 42,
    type: 3,
    name: "count_packets",
    tag: "0123456789abcdef",
    isJited: true,
    mapIds: [5, 6],
  });
  const interpreted = PROGRAM_INFO.slice();
  interpreted[16] = 0;
  assert.equal(decodeProgramInfo(interpreted, new Uint8Array())?.isJited, false);
});

test("fewer maps than the kernel says are as many as there is room for", () => {
  assert.deepEqual(decodeProgramInfo(PROGRAM_INFO, bytesOf("05000000 06"))?.mapIds, [5]);
  assert.equal(decodeProgramInfo(PROGRAM_INFO.subarray(0, 79), new Uint8Array()), undefined);
});

test("what the kernel tells of a map is read", () => {
  const bytes = bytesOf(`
    09000000 07000000 04000000 10000000  # type lru_hash, id, key_size, value_size
    00040000 00000000                    # max_entries, map_flags
    61626364 65666768 696a6b6c 6d6e6f70  # a name that fills its field`);
  const info = { type: 9, id: 7, keySize: 4, valueSize: 16, capacity: 1024, name: "abcdefghijklmnop" };
  assert.deepEqual(decodeMapInfo(bytes), info);
  assert.equal(decodeMapInfo(bytes.subarray(0, 39)), undefined);
});

test("a map's descriptor is put into the instruction that loads it, whatever its register", () => {
  const instructions = bytesOf(`
    b700 0000 00000000  # r0 = 0
    1803 0000 ffffffff  # r3 = a number of 64 bits
    0000 0000 ffffffff
    9500 0000 00000000  # exit`);
  assertBytes(
    relocate(instructions, [{ instruction: 1, map: { fd: 0x1234 } }]),
    `b700 0000 00000000
     1813 0000 34120000  # source register 1: BPF_PSEUDO_MAP_FD
     0000 0000 00000000
     9500 0000 00000000`,
  );
  assert.equal(instructions[9], 0x03, "what was handed in stays as it was");
  for (const instruction of [0, 2, 3, 4, -1, 1.5]) {
    const reference = [{ instruction, map: { fd: 5 } }];
    assert.throws(() => relocate(instructions, reference), /the position of an LD_IMM64 instruction/);
  }
  // An LD_IMM64 without its second half.
  assert.throws(
    () => relocate(instructions.subarray(8, 16), [{ instruction: 0, map: { fd: 5 } }]),
    /LD_IMM64/,
  );
  assert.throws(() => relocate(new Uint8Array(), []), /"0 bytes" is not usable; expected one or more/);
});

for (const [list, count] of [
  ["0\n", 1],
  ["0-3\n", 4],
  ["0-1,4,8-15\n", 11],
  ["", undefined],
  ["0-", undefined],
] as const) {
  test(`the list of CPUs ${JSON.stringify(list)} has ${count}`, () => {
    assert.equal(countCpus(list), count);
  });
}

test("a refusal says what it means here, and what the verifier said last", () => {
  assert.equal(
    new BpfError('make the BPF map "counts"', EPERM).message,
    'make the BPF map "counts": not permitted: CAP_BPF and CAP_NET_ADMIN are needed (EPERM)',
  );
  const log =
    "0: (bf) r0 = r1\n1: (bf) r2 = r3\n2: (bf) r0 = r5\nR5 !read_ok\nprocessed 3 insns (limit 1000000)\n\n";
  const error = new BpfError('load the BPF program "p"', EACCES, log);
  assert.equal(
    error.message,
    'load the BPF program "p": the verifier refused it: 1: (bf) r2 = r3; 2: (bf) r0 = r5; R5 !read_ok (EACCES)',
  );
  assert.equal(error.verifierLog, log);
});

/** A kernel that answers loads in turn, and what was asked of it: the room for the log. */
function answering(...answers: readonly (Partial<BpfAnswer> & { log?: string })[]) {
  const logSizes: number[] = [];
  const runner: JobRunner = {
    async run(tasks) {
      const call = tasks[0]?.job as unknown as BpfCall;
      const room = call.buffers[2]?.bytes ?? new Uint8Array();
      const { log = "", ...answer } = answers[logSizes.length] ?? {};
      logSizes.push(room.length);
      const buffers = [new Uint8Array(), new Uint8Array(), Buffer.from(`${log}\0rest`)];
      return [{ did: "bpf", errno: 0, result: 0, attributes: call.attributes, buffers, ...answer }];
    },
  };
  const program = { name: "p", type: "sched_cls", license: "GPL", instructions: new Uint8Array(8) } as const;
  const bpf = new Bpf(runner);
  const load = (changes: Partial<NewProgram> = {}) => bpf.loadProgram({ ...program, ...changes });
  return { load, logSizes, bpf };
}

test("a refused program is loaded again with room for the reason, and with more while that is not enough", async () => {
  const { load, logSizes } = answering(
    { errno: EINVAL },
    { errno: ENOSPC, log: "cut" },
    { errno: EINVAL, log: "the reason" },
  );
  await assert.rejects(load(), /the verifier refused it: the reason \(EINVAL\)/);
  assert.deepEqual(logSizes, [0, 65_536, 262_144]);
});

test("a log without end is given up, and the first refusal told", async () => {
  const { load, logSizes } = answering(
    { errno: E2BIG },
    ...Array(9).fill({ errno: ENOSPC, log: "and so on" }),
  );
  await assert.rejects(load(), /the verifier refused it: and so on \(E2BIG\)/);
  assert.equal(logSizes.at(-1), 16 * 1024 * 1024);
});

test("a load that a signal interrupted is tried again, some times", async () => {
  const interrupted = { errno: EAGAIN };
  const { load, logSizes } = answering(interrupted, interrupted, { errno: 0, result: 9 });
  const program = await load();
  assert.equal(program.fd, 9);
  assert.equal(logSizes.length, 3);
  const hopeless = answering(...Array(20).fill(interrupted));
  await assert.rejects(hopeless.load(), /EAGAIN/);
  assert.equal(hopeless.logSizes.length, 10);
});

test("what would be another number, type or path in the kernel is refused before it is called", async () => {
  const { load, logSizes, bpf } = answering();
  const map = { name: "m", type: "hash", keySize: 4, valueSize: 8, capacity: 16 } as const;
  for (const [wrong, place] of [
    [{ type: "queue" as "hash" }, 'type of the BPF map "m"'],
    [{ keySize: 2 ** 32 + 4 }, 'keySize of the BPF map "m"'],
    [{ valueSize: 0 }, 'valueSize of the BPF map "m"'],
    [{ capacity: 2 ** 32 + 1 }, 'capacity of the BPF map "m"'],
  ] as const) {
    await assert.rejects(bpf.createMap({ ...map, ...wrong }), { code: "invalid", place });
  }
  await assert.rejects(load({ type: "xdp" as "sched_cls" }), { place: 'type of the BPF program "p"' });
  await assert.rejects(load({ expectedAttachType: -1 }), {
    place: 'expectedAttachType of the BPF program "p"',
  });
  await assert.rejects(load({ license: "GPL\0" }), { place: "license of a BPF program" });
  await assert.rejects(bpf.openPinnedMap("/sys/fs/bpf/a\0b"), { place: "path of a pinned BPF object" });
  assert.deepEqual(logSizes, []);
});
