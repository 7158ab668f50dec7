import assert from "node:assert/strict";
import test from "node:test";
import { readMessages } from "../../../../src/linux/netlink/message.ts";
import { decodeFdbEntry, Fdb } from "../../../../src/linux/route/fdb.ts";
import { decodeNeighbour, Neighbours } from "../../../../src/linux/route/neighbours.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { fdbDump, neighbourDump, proxiedNeighbourDump } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

const MAC = "02:00:00:00:00:09";

test("a neighbour is added for good, as `ip neigh add` does", async () => {
  const { client, sent } = makeRecorder();
  await new Neighbours(client, "blue").add({ link: 5, address: "10.0.0.9", mac: MAC });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    30000000 1c00 0506 00000000 00000000  # RTM_NEWNEIGH with REQUEST, ACK, EXCL and CREATE
    02 00 0000 05000000 8000 00 00        # AF_INET, link 5, NUD_PERMANENT, no flags
    0800 0100 0a000009                    # NDA_DST
    0a00 0200 020000000009 0000           # NDA_LLADDR`,
  );
  assert.deepEqual(sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("a neighbour is replaced with everything it may have", async () => {
  const { client, sent } = makeRecorder();
  await new Neighbours(client, "blue").replace({
    link: 5,
    address: "fd00::9",
    mac: MAC,
    state: "stale",
    isRouter: true,
    isExternallyLearned: true,
    protocol: "bgp",
  });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    44000000 1c00 0505 00000000 00000000
    0a 00 0000 05000000 0400 90 00        # NUD_STALE, NTF_ROUTER and NTF_EXT_LEARNED
    1400 0100 fd000000000000000000000000000009
    0a00 0200 020000000009 0000
    0500 0c00 ba 000000                   # NDA_PROTOCOL`,
  );
});

test("a neighbour, or an address that is answered for, is found and removed by link and address", async () => {
  const { client, sent } = makeRecorder();
  const neighbours = new Neighbours(client, "blue");
  assert.equal(await neighbours.find({ link: 5, address: "10.0.0.9" }), undefined);
  await neighbours.delete({ link: 5, address: "10.0.0.9", isProxy: true });
  const own = "0800 0100 0a000009";
  assertBytes(
    sent[0]?.request as Uint8Array,
    `24000000 1e00 0100 0000000000000000 02000000 05000000 0000 00 00 ${own}`,
  );
  assertBytes(
    sent[1]?.request as Uint8Array,
    `24000000 1d00 0500 0000000000000000 02000000 05000000 0000 08 00 ${own}`,
  );
  assert.deepEqual(sent[0]?.schedule, { lane: "read", key: undefined });
});

test("a neighbour that can be sent to has a MAC address", async () => {
  const { client, sent } = makeRecorder();
  const neighbours = new Neighbours(client, "blue");
  await assert.rejects(neighbours.add({ link: 5, address: "10.0.0.9" }), {
    code: "invalid",
    message: "MAC address of a neighbour is missing; expected one, as it is permanent",
  });
  await assert.rejects(neighbours.add({ link: 5, address: "10.0.0.9", state: "stale" }), { code: "invalid" });
  await neighbours.add({ link: 5, address: "10.0.0.9", isProxy: true });
  await neighbours.add({ link: 5, address: "10.0.0.9", state: "incomplete" });
  assert.deepEqual(
    sent.map(({ request }) => Buffer.from(request.subarray(24, 27)).toString("hex")),
    ["800008", "010000"], // NUD_PERMANENT with NTF_PROXY, NUD_INCOMPLETE
  );
});

test("what is not there is undefined, and other refusals are errors", async () => {
  const find = (errno: number) =>
    new Neighbours(makeRecorder(new Uint8Array(), errno).client, "blue").find({
      link: 5,
      address: "10.0.0.9",
    });
  assert.equal(await find(2), undefined); // ENOENT
  await assert.rejects(find(19), { message: /^get neighbour 10\.0\.0\.9 of link 5 in blue: .*ENODEV/ });
});

test("the kernel is asked for the neighbours of one link or family, or for those that are answered for", async () => {
  const { client, sent } = makeRecorder();
  const neighbours = new Neighbours(client, "blue");
  await neighbours.list();
  await neighbours.list({ link: 3, family: "ipv6" });
  await neighbours.list({ isProxy: true });
  assert.deepEqual(
    sent.map(({ request }) => Buffer.from(request.subarray(16)).toString("hex")),
    ["000000000000000000000000", "0a0000000000000000000000" + "0800080003000000", "000000000000000000000800"],
  );
});

test("neighbours are read", () => {
  const neighbours = [...readMessages(neighbourDump)].map(({ payload }) => decodeNeighbour(payload));
  assert.deepEqual(neighbours[0], {
    link: 3,
    address: "10.0.0.8",
    mac: "02:00:00:00:00:08",
    state: "stale",
    isProxy: false,
    isRouter: false,
    isExternallyLearned: true,
    isOffloaded: false,
    protocol: "bgp",
    sinceConfirmed: 0x1771 * 10,
    sinceUsed: 10,
    sinceUpdated: 10,
  });
  assert.deepEqual(
    neighbours.slice(1).map((found) => [found?.link, found?.address, found?.state, found?.isRouter]),
    [
      [2, "224.0.0.22", "noarp", false],
      [3, "10.0.0.9", "permanent", false],
      [3, "fd00::9", "reachable", true],
    ],
  );
  const [proxied] = [...readMessages(proxiedNeighbourDump)].map(({ payload }) => decodeNeighbour(payload));
  assert.deepEqual([proxied?.address, proxied?.mac, proxied?.isProxy], ["10.0.0.77", undefined, true]);
});

test("what is no neighbour of IPv4 or IPv6 is none", () => {
  assert.equal(decodeNeighbour(bytesOf("02000000 03000000 8000 00 00 0700 0100 0a000009")), undefined);
  assert.equal(decodeNeighbour(bytesOf("02000000 03000000 8000 00 00")), undefined);
  assert.equal(decodeNeighbour(bytesOf("02000000 03000000")), undefined);
  // An address without bytes, of a family without addresses.
  assert.equal(decodeNeighbour(bytesOf("00000000 03000000 8000 00 00 0400 0100")), undefined);
  for (const { payload } of readMessages(fdbDump)) assert.equal(decodeNeighbour(payload), undefined);
});

test("a forwarding entry is added to the bridge of a port, or to a link's own table", async () => {
  const { client, sent } = makeRecorder();
  const fdb = new Fdb(client, "blue");
  await fdb.add({ link: 5, mac: MAC, owner: "master", vlan: 7, state: "static", isSticky: true });
  await fdb.replace({ link: 5, mac: MAC, owner: "self", state: "permanent" });
  await fdb.delete({ link: 5, mac: MAC, owner: "master" });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    30000000 1c00 0506 00000000 00000000
    07 00 0000 05000000 4000 44 00        # AF_BRIDGE, port 5, NUD_NOARP, NTF_MASTER and NTF_STICKY
    0a00 0200 020000000009 0000           # NDA_LLADDR
    0600 0500 0700 0000                   # NDA_VLAN`,
  );
  assertBytes(
    sent[1]?.request as Uint8Array,
    "28000000 1c00 0505 0000000000000000 07000000 05000000 8000 02 00 0a00 0200 020000000009 0000",
  );
  assertBytes(
    sent[2]?.request as Uint8Array,
    "28000000 1d00 0500 0000000000000000 07000000 05000000 8000 04 00 0a00 0200 020000000009 0000",
  );
  await assert.rejects(fdb.add({ link: 5, mac: MAC, owner: "master", vlan: 4095, state: "static" }), {
    code: "invalid",
    message: "VLAN of a forwarding entry: 4095 is not usable; expected a whole number from 1 to 4094",
  });
});

test("the kernel is asked for the entries of one bridge or port only", async () => {
  const { client, sent } = makeRecorder();
  await new Fdb(client, "blue").list({ bridge: 2, link: 4 });
  assert.equal(
    Buffer.from(sent[0]?.request.subarray(16) ?? []).toString("hex"),
    "070000000400000000000000" + "0800090002000000", // port 4, NDA_MASTER
  );
});

test("forwarding entries are read", () => {
  const entries = [...readMessages(fdbDump)].map(({ payload }) => decodeFdbEntry(payload));
  assert.deepEqual(
    entries.map((entry) => [entry?.link, entry?.mac, entry?.owner, entry?.state, entry?.bridge]),
    [
      [4, "33:33:00:00:00:01", "self", "permanent", undefined],
      [4, "02:00:00:00:00:ab", "master", "dynamic", 2],
      [4, "02:00:00:00:00:aa", "master", "static", 2],
      [4, "02:00:00:00:00:02", "master", "permanent", 2],
    ],
  );
  assert.deepEqual(entries[3], {
    link: 4,
    mac: "02:00:00:00:00:02",
    owner: "master",
    state: "permanent",
    bridge: 2,
    isSticky: false,
    isExternallyLearned: false,
    isOffloaded: false,
    sinceUsed: 30,
    sinceUpdated: 30,
  });
  const tagged = decodeFdbEntry(
    bytesOf("07000000 04000000 4000 54 00 0a00 0200 020000000009 0000 0600 0500 0700 0000"),
  );
  assert.deepEqual([tagged?.vlan, tagged?.isSticky, tagged?.isExternallyLearned], [7, true, true]);
});

test("what is no forwarding entry with an Ethernet address is none", () => {
  for (const { payload } of readMessages(neighbourDump)) assert.equal(decodeFdbEntry(payload), undefined);
  assert.equal(decodeFdbEntry(bytesOf("07000000 04000000 4000 04 00 0800 0200 02000000")), undefined);
  assert.equal(decodeFdbEntry(bytesOf("07000000 04000000")), undefined);
});

test("a link, a word or a MAC address that is none is refused before the kernel is asked", async () => {
  const { client, sent } = makeRecorder();
  const neighbours = new Neighbours(client, "blue");
  const fdb = new Fdb(client, "blue");
  const entry = { link: 5, mac: MAC, owner: "master", state: "static" } as const;
  // 2^32 + 5 in 32 bits is another link, 5.
  for (const link of [-1, 2 ** 32 + 5, Number.NaN]) {
    const place = "link of a neighbour";
    await assert.rejects(neighbours.add({ link, address: "10.0.0.9", mac: MAC }), { code: "invalid", place });
    await assert.rejects(neighbours.list({ link }), { code: "invalid", place });
    await assert.rejects(fdb.list({ bridge: link }), { place: "bridge of a forwarding entry" });
  }
  await assert.rejects(neighbours.add({ link: 5, address: "10.0.0.9", mac: "02" }), {
    place: "MAC address of a neighbour",
  });
  await assert.rejects(fdb.add({ ...entry, mac: "02" }), { place: "MAC address of a forwarding entry" });
  await assert.rejects(fdb.add({ ...entry, owner: "bridge" as "self" }), {
    message: 'owner of a forwarding entry: "bridge" is not usable; expected one of self, master',
  });
  await assert.rejects(fdb.add({ ...entry, state: "stale" as "static" }), {
    message: 'state of a forwarding entry: "stale" is not usable; expected one of permanent, static, dynamic',
  });
  assert.equal(sent.length, 0);
});
