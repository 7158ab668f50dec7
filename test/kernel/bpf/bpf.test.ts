import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { countPossibleCpus } from "../../../src/linux/bpf/cpus.ts";
import { BpfError } from "../../../src/linux/bpf/error.ts";
import { BpfMap } from "../../../src/linux/bpf/map.ts";
import { EACCES, ENOENT } from "../../../src/linux/errno.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import { openFiles, PATIENCE } from "../world.ts";
import { COUNT_MAP_AT, countPackets, readsNothing, setPriority } from "./programs.ts";

const u32 = (value: number) => Uint8Array.from(new Uint8Array(Uint32Array.of(value).buffer));
const u64 = (...values: number[]) => new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);
const kernel = new Kernel();
after(() => kernel.stop());
const { bpf } = kernel;
const GPL = { type: "sched_cls", license: "GPL" } as const;

test(
  "a program is loaded, and the kernel tells its number, its tag and that it is machine code",
  PATIENCE,
  async () => {
    using program = await bpf.loadProgram({ ...GPL, name: "set_priority", instructions: setPriority(7) });
    const info = await program.info();
    assert.deepEqual(
      { ...info, id: 0, tag: "" },
      { id: 0, tag: "", type: 3, name: "set_priority", isJited: true, mapIds: [] },
    );
    assert.match(info.tag, /^[0-9a-f]{16}$/);
    using same = await bpf.loadProgram({ ...GPL, name: "again", instructions: setPriority(7) });
    using other = await bpf.loadProgram({ ...GPL, name: "other", instructions: setPriority(8) });
    assert.equal((await same.info()).tag, info.tag);
    assert.notEqual((await other.info()).tag, info.tag);
    assert.notEqual((await same.info()).id, info.id);
  },
);

test(
  "a program that is refused comes with what the verifier said, however long that is",
  PATIENCE,
  async () => {
    const load = (length: number) =>
      bpf.loadProgram({ ...GPL, name: "broken", instructions: readsNothing(length) });
    await assert.rejects(load(0), (error: Error) => {
      assert.ok(error instanceof BpfError);
      assert.equal(error.errno, EACCES);
      assert.match(
        error.message,
        /^load the BPF program "broken": the verifier refused it: .*R5 !read_ok \(EACCES\)$/,
      );
      return true;
    });
    // Each of these instructions has its line in the log, which is then longer than the first 64 KB that are tried.
    await assert.rejects(load(4000), (error: Error) => {
      assert.ok(error instanceof BpfError);
      assert.ok((error.verifierLog?.length ?? 0) > 65_536, `${error.verifierLog?.length} characters`);
      assert.match(error.message, /R5 !read_ok \(EACCES\)$/);
      assert.ok(error.message.length < 400);
      return true;
    });
  },
);

for (const type of ["hash", "lru_hash"] as const) {
  test(`elements of a map of the type ${type} are set, looked up, listed and deleted`, PATIENCE, async () => {
    const shape = { name: "elements", type, keySize: 4, valueSize: 8, capacity: 1000 } as const;
    using map = await bpf.createMap(shape);
    assert.equal(await map.get(u32(1)), undefined);
    assert.deepEqual(await map.entries(), []);
    await map.set(u32(1), u64(10));
    await map.set(u32(1), u64(11));
    assert.deepEqual(await map.get(u32(1)), u64(11));
    assert.equal(await map.add(u32(1), u64(12)), false);
    assert.equal(await map.add(u32(2), u64(20)), true);
    assert.equal(await map.delete(u32(1)), true);
    assert.equal(await map.delete(u32(1)), false);
    assert.deepEqual(await map.entries(), [[u32(2), u64(20)]]);
    // More than are read at once.
    await Promise.all(Array.from({ length: 700 }, (_, key) => map.set(u32(key), u64(key))));
    const entries = (await map.entries()).map(([key, value]) => [
      new Uint32Array(key.buffer)[0],
      Number(new BigUint64Array(value.buffer)[0]),
    ]);
    entries.sort(([a = 0], [b = 0]) => a - b);
    assert.deepEqual(
      entries,
      Array.from({ length: 700 }, (_, key) => [key, key]),
    );
  });
}

test("an array has all its elements from the start, and keeps them", PATIENCE, async () => {
  const shape = { name: "array", type: "array", keySize: 4, valueSize: 6, capacity: 300 } as const;
  using map = await bpf.createMap(shape);
  assert.deepEqual(await map.get(u32(299)), new Uint8Array(6));
  assert.equal(await map.get(u32(300)), undefined);
  await map.set(u32(299), Uint8Array.of(1, 2, 3, 4, 5, 6));
  const entries = await map.entries();
  assert.equal(entries.length, 300);
  assert.deepEqual(entries[299], [u32(299), Uint8Array.of(1, 2, 3, 4, 5, 6)]);
  await assert.rejects(map.delete(u32(0)), /delete an element of the BPF map "array"/);
});

for (const type of ["percpu_hash", "percpu_array"] as const) {
  test(`a map of the type ${type} has a value for each CPU`, PATIENCE, async () => {
    const shape = { name: "each_cpu", type, keySize: 4, valueSize: 4, capacity: 2 } as const;
    using map = await bpf.createMap(shape);
    assert.equal(map.valueSize, 8 * countPossibleCpus());
    const values = u64(...Array.from({ length: countPossibleCpus() }, (_, cpu) => cpu + 1));
    await map.set(u32(1), values);
    assert.deepEqual(await map.get(u32(1)), values);
    const [entry] = (await map.entries()).filter(([key]) => key[0] === 1);
    assert.deepEqual(entry, [u32(1), values]);
  });
}

test("a map that is full refuses, and says so", PATIENCE, async () => {
  const shape = { name: "small", type: "hash", keySize: 4, valueSize: 8, capacity: 1 } as const;
  using map = await bpf.createMap(shape);
  await map.set(u32(1), u64(1));
  await assert.rejects(map.set(u32(2), u64(2)), /set an element of the BPF map "small": the map is full/);
});

test("keys, values and names that do not fit are refused before the kernel sees them", PATIENCE, async () => {
  const shape = { name: "fits", type: "hash", keySize: 4, valueSize: 8, capacity: 1 } as const;
  using map = await bpf.createMap(shape);
  await assert.rejects(
    map.get(u64(1)),
    /key of the BPF map "fits": "8 bytes" is not usable; expected 4 bytes/,
  );
  await assert.rejects(map.set(u32(1), u32(1)), /value of the BPF map "fits": "4 bytes" .* expected 8 bytes/);
  await assert.rejects(bpf.createMap({ ...shape, name: "a name" }), /name of a BPF object: "a name"/);
  const program = { ...GPL, name: "counts", instructions: countPackets() };
  const misplaced = [{ instruction: COUNT_MAP_AT + 1, map }];
  await assert.rejects(
    bpf.loadProgram({ ...program, maps: misplaced }),
    /expected the position of an LD_IMM64/,
  );
  await assert.rejects(
    bpf.loadProgram({ ...GPL, name: "odd", instructions: new Uint8Array(9) }),
    /"9 bytes"/,
  );
});

test("programs and maps are found again by their numbers", PATIENCE, async () => {
  const shape = { name: "counts", type: "hash", keySize: 4, valueSize: 16, capacity: 8 } as const;
  using counts = await bpf.createMap(shape);
  await counts.set(u32(3), u64(4, 5));
  const maps = [{ instruction: COUNT_MAP_AT, map: counts }];
  using program = await bpf.loadProgram({
    ...GPL,
    name: "count_packets",
    instructions: countPackets(),
    maps,
  });
  using found = await bpf.openProgram((await program.info()).id);
  const [mapId] = (await found.info()).mapIds;
  assert.equal(mapId, (await counts.info()).id);
  using foundCounts = await bpf.openMap(mapId ?? 0);
  assert.deepEqual({ name: "counts", ...foundCounts.shape }, { ...(await counts.info()), ...shape });
  assert.deepEqual(await foundCounts.get(u32(3)), u64(4, 5));
  await assert.rejects(bpf.openMap(0x7fffffff), /open the BPF map 2147483647: no such BPF object/);
});

test("a pinned object outlives whoever made it, until it is unpinned", PATIENCE, async () => {
  const folder = mkdtempSync(join(tmpdir(), "bpf-"));
  using ends = new DisposableStack();
  ends.defer(() => rmSync(folder, { recursive: true }));
  execFileSync("mount", ["-n", "-t", "bpf", "bpf", folder]);
  ends.defer(() => void execFileSync("umount", ["-n", folder]));
  const [mapPath, programPath] = [join(folder, "map"), join(folder, "program")];
  {
    using map = await bpf.createMap({ name: "kept", type: "hash", keySize: 4, valueSize: 8, capacity: 1 });
    await map.set(u32(1), u64(2));
    await map.pin(mapPath);
    using program = await bpf.loadProgram({ ...GPL, name: "kept", instructions: setPriority(1) });
    await program.pin(programPath);
  }
  {
    using map = await bpf.openPinnedMap(mapPath);
    assert.deepEqual(await map.get(u32(1)), u64(2));
    using program = await bpf.openPinnedProgram(programPath);
    assert.equal((await program.info()).name, "kept");
  }
  await assert.rejects(bpf.openPinnedMap(programPath), /expected a BPF map, not anon_inode:bpf-prog/);
  await bpf.unpin(mapPath);
  await assert.rejects(
    bpf.openPinnedMap(mapPath),
    (error: unknown) => error instanceof BpfError && error.errno === ENOENT,
  );
});

test(
  "an object that is closed while it is used is closed afterwards, and not used again",
  PATIENCE,
  async () => {
    const countMaps = () => openFiles().filter((file) => file === "anon_inode:bpf-map").length;
    const map = await bpf.createMap({
      name: "gone",
      type: "hash",
      keySize: 4,
      valueSize: 8,
      capacity: 1,
    });
    assert.ok(map instanceof BpfMap);
    assert.equal(countMaps(), 1);
    const pending = map.set(u32(1), u64(1));
    map[Symbol.dispose]();
    map[Symbol.dispose]();
    assert.equal(countMaps(), 1);
    await pending;
    assert.equal(countMaps(), 0);
    await assert.rejects(map.get(u32(1)), /the BPF map "gone" is used after it was closed/);
  },
);

test("a filter that names a program which is closed is refused", PATIENCE, async () => {
  await using pod = await kernel.makeNamespace();
  const link = (await pod.links.get("lo")).index;
  await pod.qdiscs.add({ link, parent: "clsact", kind: "clsact" });
  const place = { link, parent: "egress", priority: 1, protocol: "all" } as const;
  const filter = { ...place, kind: "bpf", program: { fd: 9999 }, isDirectAction: true, actions: [] } as const;
  await assert.rejects(
    pod.filters.add(filter),
    (error: unknown) => !isErrno(error, ENOENT) && isErrno(error, 9),
  );
});
