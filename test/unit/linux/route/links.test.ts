import assert from "node:assert/strict";
import test from "node:test";
import { ENODEV, EPERM } from "../../../../src/linux/errno.ts";
import { decodeLink } from "../../../../src/linux/route/link.ts";
import { LinkNotFoundError, Links } from "../../../../src/linux/route/links.ts";
import { assertBytes, bytesOf, messageOf } from "../tc/bytes.ts";
import { macvlanLink, vethLink } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

const linksOver = (recorder: ReturnType<typeof makeRecorder>) =>
  new Links(recorder.client, "/run/netns/blue");

test("a link is asked for by its name or its index", async () => {
  const recorder = makeRecorder(vethLink);
  const links = linksOver(recorder);
  assert.equal((await links.get("net1")).name, "net1");
  await links.get(7);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `2c000000 1200 0100 00000000 00000000 # RTM_GETLINK
    ${"00".repeat(16)}
    0900 0300 6e657431 00 000000          # IFLA_IFNAME "net1"`,
  );
  assertBytes(
    recorder.sent[1]?.request as Uint8Array,
    `20000000 1200 0100 00000000 00000000
    00000000 07000000 00000000 00000000  # struct ifinfomsg: index 7`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "read", key: undefined });
});

test("a link that is not there is found as undefined, and named with its namespace where it is needed", async () => {
  const links = linksOver(makeRecorder(undefined, ENODEV));
  assert.equal(await links.find("net1"), undefined);
  await assert.rejects(links.get("net1"), (error) => {
    assert.ok(error instanceof LinkNotFoundError);
    assert.deepEqual([error.code, error.message], ["not-found", 'no link "net1" in /run/netns/blue']);
    return true;
  });
  await assert.rejects(links.get(9), /no link with index 9 in \/run\/netns\/blue/);
});

test("another refusal is an error that names link and namespace", async () => {
  const links = linksOver(makeRecorder(undefined, EPERM));
  await assert.rejects(links.find("net1"), /get link "net1" in \/run\/netns\/blue: not permitted/);
  await assert.rejects(links.list(), /list links in \/run\/netns\/blue: not permitted/);
});

test("a list asks for everything but the counters of IPv6", async () => {
  const recorder = makeRecorder(vethLink);
  const { links, isInconsistent } = await linksOver(recorder).list();
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `28000000 1200 0103 00000000 00000000 # RTM_GETLINK with NLM_F_DUMP
    ${"00".repeat(16)}
    0800 1d00 08000000                    # IFLA_EXT_MASK: RTEXT_FILTER_SKIP_STATS`,
  );
  assert.deepEqual([links.length, links[0]?.statistics?.receiveBytes, isInconsistent], [1, 90, false]);
});

test("a link is moved, renamed and set in one message", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).set(5, {
    namespaceFd: 33,
    name: "net1",
    mtu: 9000,
    mac: "02:00:00:00:00:0A",
    isUp: true,
    master: 4,
    transmitQueueLength: 1000,
    gsoMaxSize: 9000,
  });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    `
    68000000 1000 0500 00000000 00000000         # RTM_NEWLINK with REQUEST and ACK, neither CREATE nor EXCL
    00000000 05000000 01000000 01000000          # index 5; flags IFF_UP, of which IFF_UP is meant
    0800 1c00 21000000                           # IFLA_NET_NS_FD 33
    0900 0300 6e657431 00 000000                 # IFLA_IFNAME "net1"
    0800 0400 28230000                           # IFLA_MTU 9000
    0a00 0100 02000000000a 0000                  # IFLA_ADDRESS
    0800 0a00 04000000                           # IFLA_MASTER
    0800 0d00 e8030000                           # IFLA_TXQLEN 1000
    0800 2900 28230000                           # IFLA_GSO_MAX_SIZE
    0800 3f00 28230000                           # IFLA_GSO_IPV4_MAX_SIZE`,
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("setting a link down says so, and saying nothing leaves it as it is", async () => {
  const recorder = makeRecorder();
  const links = linksOver(recorder);
  await links.set(5, { isUp: false });
  await links.set(5, { master: 0 });
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    "20000000 1000 0500 00000000 00000000 00000000 05000000 00000000 01000000",
  );
  assertBytes(
    recorder.sent[1]?.request as Uint8Array,
    "28000000 1000 0500 00000000 00000000 00000000 05000000 00000000 00000000 0800 0a00 00000000",
  );
});

test("a link that is deleted waits for no other lane", async () => {
  const recorder = makeRecorder();
  await linksOver(recorder).delete(5);
  assertBytes(
    recorder.sent[0]?.request as Uint8Array,
    "20000000 1100 0500 00000000 00000000 00000000 05000000 00000000 00000000",
  );
  assert.deepEqual(recorder.sent[0]?.schedule, { lane: "delete", key: "blue/5" });
});

test("a MAC address that is none is refused before the kernel is asked", async () => {
  const recorder = makeRecorder();
  await assert.rejects(linksOver(recorder).set(5, { mac: "02:00:00:00:00" }), {
    code: "invalid",
    message: /"02:00:00:00:00" is not usable; expected six bytes in hexadecimal/,
  });
  assert.equal(recorder.sent.length, 0);
});

test("a link is read as the kernel tells it", () => {
  const { index, ...link } = decodeLink(messageOf(vethLink).payload) ?? { index: 0 };
  assert.ok(index > 0);
  assert.deepEqual(link, {
    name: "net1",
    altNames: ["uplink"],
    kind: "veth",
    kindData: undefined,
    isUp: true,
    isLoopback: false,
    hasCarrier: true,
    operState: "up",
    mtu: 1400,
    mac: "02:00:00:00:00:01",
    permanentMac: undefined,
    master: undefined,
    parent: index - 1,
    parentNamespaceId: undefined,
    transmitQueues: 2,
    transmitQueueLength: 1000,
    gsoMaxSize: 65536,
    tsoMaxSize: 524280,
    statistics: {
      receivePackets: 1,
      transmitPackets: 0,
      receiveBytes: 90,
      transmitBytes: 0,
      receiveErrors: 0,
      transmitErrors: 0,
      receiveDrops: 0,
      transmitDrops: 0,
    },
  });
});

test("a macvlan is read with its mode and its parent", () => {
  const link = decodeLink(messageOf(macvlanLink).payload);
  assert.deepEqual([link?.name, link?.kind, link?.kindData], ["mv1", "macvlan", { mode: "bridge" }]);
  assert.deepEqual([link?.isUp, link?.operState], [false, "down"]);
  assert.equal(link?.parent, 2);
});

test("counters are read in the kernel's order", () => {
  const counters = Array.from(
    { length: 8 },
    (_, at) => `${(at + 1).toString(16).padStart(2, "0")}00000001000000`,
  );
  const link = decodeLink(
    bytesOf(`
    00000000 07000000 00000000 00000000
    4400 1700 ${counters.join(" ")}      # IFLA_STATS64, cut after the first eight of its counters`),
  );
  const base = 2 ** 32;
  assert.deepEqual(link?.statistics, {
    receivePackets: base + 1,
    transmitPackets: base + 2,
    receiveBytes: base + 3,
    transmitBytes: base + 4,
    receiveErrors: base + 5,
    transmitErrors: base + 6,
    receiveDrops: base + 7,
    transmitDrops: base + 8,
  });
});

test("a link in another namespace, a port, and hardware are told apart", () => {
  const link = decodeLink(
    bytesOf(`
    00000000 07000000 43100100 00000000   # flags with IFF_UP and IFF_LOWER_UP
    0800 0500 02000000                    # IFLA_LINK
    0800 2500 05000000                    # IFLA_LINK_NETNSID
    0800 0a00 04000000                    # IFLA_MASTER
    0a00 3600 020000000001 0000           # IFLA_PERM_ADDRESS
    0500 1000 05 000000                   # IFLA_OPERSTATE: IF_OPER_DORMANT`),
  );
  assert.deepEqual(
    [link?.parent, link?.parentNamespaceId, link?.master, link?.permanentMac, link?.operState],
    [2, 5, 4, "02:00:00:00:00:01", "dormant"],
  );
  assert.deepEqual([link?.kind, link?.mac, link?.isUp, link?.hasCarrier], [undefined, "", true, true]);
});

test("what is too short for a link, or tells of a bridge's port, is no link", () => {
  assert.equal(decodeLink(new Uint8Array(15)), undefined);
  assert.equal(decodeLink(new Uint8Array()), undefined);
  const port = messageOf(vethLink).payload.slice();
  port[0] = 7; // AF_BRIDGE
  assert.equal(decodeLink(port), undefined);
});
