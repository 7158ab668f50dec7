import assert from "node:assert/strict";
import test from "node:test";
import { readMessages } from "../../../../src/linux/netlink/message.ts";
import { Addresses, decodeAddress } from "../../../../src/linux/route/addresses.ts";
import { NamespaceIds, readNamespaceId } from "../../../../src/linux/route/namespace-ids.ts";
import { decodeRoutes, Routes } from "../../../../src/linux/route/routes.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { addressDump, routeDump } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

test("an IPv4 address is added as `ip addr add 10.0.0.1/24 dev net1` does", async () => {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").add(5, "10.0.0.1/24");
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    28000000 1400 0506 00000000 00000000  # RTM_NEWADDR with REQUEST, ACK, EXCL and CREATE
    02 18 00 00 05000000                  # AF_INET, 24 bits, link 5
    0800 0200 0a000001                    # IFA_LOCAL
    0800 0100 0a000001                    # IFA_ADDRESS`,
  );
  assert.deepEqual(sent[0]?.schedule, { lane: "change", key: "blue/5" });
});

test("an IPv6 address is added for use at once", async () => {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").add(5, "fd00::1/64");
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    34000000 1400 0506 00000000 00000000
    0a 40 00 00 05000000                          # AF_INET6, 64 bits, link 5
    1400 0100 fd000000000000000000000000000001    # IFA_ADDRESS
    0800 0800 02000000                            # IFA_FLAGS: IFA_F_NODAD; iproute2 puts it into the header`,
  );
});

test("an address without a prefix length is a host's", async () => {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").delete(5, "10.0.0.1");
  await new Addresses(client, "blue").delete(5, "fd00::1");
  assert.deepEqual(
    sent.map(({ request }) => [request[4], request[17]]),
    [
      [21, 32], // RTM_DELADDR
      [21, 128],
    ],
  );
});

test("what is no address is refused before the kernel is asked", async () => {
  const { client, sent } = makeRecorder();
  const addresses = new Addresses(client, "blue");
  for (const text of [
    "",
    "10.0.0/24",
    "10.0.0.1/33",
    "10.0.0.1/",
    "10.0.0.1/24/1",
    "fd00::1/129",
    "010.0.0.1/8",
  ]) {
    await assert.rejects(addresses.add(5, text), { code: "invalid" }, text);
  }
  assert.equal(sent.length, 0);
});

test("addresses are listed with what duplicate address detection says of them", async () => {
  const { client } = makeRecorder(addressDump);
  const list = await new Addresses(client, "blue").list();
  assert.deepEqual(
    list.map(({ address, isTentative, isDuplicate }) => [address, isTentative, isDuplicate]),
    [
      ["127.0.0.1/8", false, false],
      ["10.0.0.1/24", false, false],
      ["::1/128", false, false],
      ["fe80::ff:fe00:2/64", true, false],
      ["fd00::1/64", false, false],
      ["fe80::ff:fe00:1/64", true, false],
    ],
  );
  const ofNet1 = await new Addresses(client, "blue").list(3);
  assert.deepEqual(
    ofNet1.map(({ address }) => address),
    ["10.0.0.1/24", "fd00::1/64", "fe80::ff:fe00:1/64"],
  );
});

test("of a point-to-point link its own address is read, not its peer's", () => {
  const address = decodeAddress(
    bytesOf(`
    02 20 08 00 05000000   # AF_INET, 32 bits, IFA_F_DADFAILED
    0800 0100 0a000002     # IFA_ADDRESS: the peer's
    0800 0200 0a000001     # IFA_LOCAL`),
  );
  assert.deepEqual(address, { link: 5, address: "10.0.0.1/32", isTentative: false, isDuplicate: true });
});

test("a route is added as `ip route add 10.2.0.0/16 via 10.0.0.9 dev net1` does", async () => {
  const { client, sent } = makeRecorder();
  await new Routes(client, "blue").add({ destination: "10.2.3.4/16", gateway: "10.0.0.9", link: 5 });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    34000000 1800 0506 00000000 00000000  # RTM_NEWROUTE with REQUEST, ACK, EXCL and CREATE
    02 10 00 00                           # AF_INET, 16 bits of destination, no source
    fe 04 00 01 00000000                  # RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST
    0800 0100 0a020000                    # RTA_DST: bits behind the prefix are cleared
    0800 0500 0a000009                    # RTA_GATEWAY
    0800 0400 05000000                    # RTA_OIF`,
  );
});

test("a default route names no destination, and a route without gateway ends on the link", async () => {
  const { client, sent } = makeRecorder();
  const routes = new Routes(client, "blue");
  await routes.add({ destination: "::/0", gateway: "fd00::9", link: 5, priority: 10 });
  await routes.add({ destination: "10.9.0.0/16", link: 5 });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    40000000 1800 0506 00000000 00000000
    0a 00 00 00 fe 04 00 01 00000000
    1400 0500 fd000000000000000000000000000009
    0800 0400 05000000
    0800 0600 0a000000                    # RTA_PRIORITY`,
  );
  assert.equal(sent[1]?.request[16 + 6], 253); // RT_SCOPE_LINK
});

test("routes are listed one for each next hop, of the main table only", () => {
  const routes = [...readMessages(routeDump)].flatMap(({ payload }) => decodeRoutes(payload));
  assert.deepEqual(routes, [
    { destination: "0.0.0.0/0", gateway: "10.0.0.9", link: 3 },
    { destination: "10.0.0.0/24", link: 3 },
    { destination: "10.5.0.0/16", gateway: "10.0.0.7", link: 3 },
    { destination: "10.5.0.0/16", gateway: "10.0.0.8", link: 3 },
  ]);
});

test("a default route over two links is a default route of both", () => {
  const routes = decodeRoutes(
    bytesOf(`
    0a 00 00 00 fe 03 00 01 00000000
    2000 0900                             # RTA_MULTIPATH
      0800 00 00 03000000                 # struct rtnexthop: 8 bytes, link 3
      1400 00 00 04000000                 # struct rtnexthop: 20 bytes, link 4
        0c00 0500 fd00000000000009        # RTA_GATEWAY of a wrong length: left out`),
  );
  assert.deepEqual(routes, [
    { destination: "::/0", link: 3 },
    { destination: "::/0", link: 4 },
  ]);
});

test("a destination or an address of a wrong length is none", () => {
  const destination = decodeRoutes(
    bytesOf(`
    02 10 00 00 fe 03 00 01 00000000
    0700 0100 0a0100 00                   # RTA_DST of three bytes
    0800 0400 03000000`),
  );
  assert.deepEqual(destination, []);
  assert.equal(decodeAddress(bytesOf("02 18 00 00 05000000 0700 0100 0a0000 00")), undefined);
  assert.equal(decodeAddress(bytesOf("02 18 00 00 05000000")), undefined);
});

test("a next hop whose length does not fit ends the list", () => {
  for (const length of ["0700", "0000", "ffff"]) {
    const routes = decodeRoutes(
      bytesOf(`
      02 00 00 00 fe 03 00 01 00000000
      1400 0900 0800 00 00 03000000 ${length} 00 00 04000000`),
    );
    assert.deepEqual(routes, [{ destination: "0.0.0.0/0", link: 3 }], length);
  }
});

test("a namespace's id is read, and asked for where it has none", async () => {
  // RTM_NEWNSID with NETNSA_NSID -1: none is assigned.
  const { client, sent } = makeRecorder(
    bytesOf("1c000000 5800 0000 00000000 00000000 00000000 0800 0100 ffffffff"),
  );
  assert.equal(await new NamespaceIds(client).find(21), undefined);
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    1c000000 5a00 0100 00000000 00000000  # RTM_GETNSID
    00000000                              # struct rtgenmsg, padded
    0800 0300 15000000                    # NETNSA_FD 21`,
  );
  await new NamespaceIds(client).ensure(21);
  assertBytes(
    sent[2]?.request as Uint8Array,
    `
    24000000 5800 0500 00000000 00000000  # RTM_NEWNSID with REQUEST and ACK
    00000000
    0800 0100 ffffffff                    # NETNSA_NSID -1: of the kernel's choice
    0800 0300 15000000`,
  );
  assert.equal(readNamespaceId(bytesOf("00000000 0800 0100 05000000")), 5);
  assert.equal(readNamespaceId(new Uint8Array(2)), undefined);
});
