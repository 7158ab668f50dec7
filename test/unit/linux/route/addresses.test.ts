import assert from "node:assert/strict";
import test from "node:test";
import {
  type AddressSettings,
  decodeAddress,
  type SettableAddressFlag,
} from "../../../../src/linux/route/address.ts";
import { Addresses } from "../../../../src/linux/route/addresses.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { addressDump } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

/** The request by which an address is added. */
async function added(address: string, settings?: AddressSettings): Promise<Uint8Array> {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").add(5, address, settings);
  return sent[0]?.request as Uint8Array;
}

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

test("an IPv6 address is added for use at once, unless duplicates are to be looked for", async () => {
  const own = `
    1400 0200 fd000000000000000000000000000001    # IFA_LOCAL
    1400 0100 fd000000000000000000000000000001    # IFA_ADDRESS`;
  assertBytes(
    await added("fd00::1/64"),
    `
    40000000 1400 0506 00000000 00000000
    0a 40 02 00 05000000                          # AF_INET6, 64 bits, IFA_F_NODAD
    ${own}`,
  );
  assertBytes(
    await added("fd00::1/64", { flags: [] }),
    `40000000 1400 0506 0000000000000000 0a400000 05000000 ${own}`,
  );
});

test("an address is replaced with everything it may have", async () => {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").replace(5, "10.0.0.1/32", {
    peer: "10.0.0.2",
    label: "net1:a",
    broadcast: "10.0.0.255",
    scope: "link",
    flags: ["noprefixroute"],
    validLifetime: 600,
    preferredLifetime: 300,
    metric: 77,
    protocol: "kernel_ra",
  });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    68000000 1400 0505 00000000 00000000          # RTM_NEWADDR with REQUEST, ACK, REPLACE and CREATE
    02 20 00 fd 05000000                          # 32 bits, RT_SCOPE_LINK
    0800 0200 0a000001                            # IFA_LOCAL
    0800 0100 0a000002                            # IFA_ADDRESS: the peer's
    0b00 0300 6e6574313a6100 00                   # IFA_LABEL "net1:a"
    0800 0800 00020000                            # IFA_FLAGS: IFA_F_NOPREFIXROUTE does not fit into the header
    0800 0400 0a0000ff                            # IFA_BROADCAST
    1400 0600 2c010000 58020000 00000000 00000000 # IFA_CACHEINFO: preferred, valid
    0800 0900 4d000000                            # IFA_RT_PRIORITY
    0500 0b00 02 000000                           # IFA_PROTO`,
  );
});

test("an address is preferred as long as it is valid, and valid for ever, unless said otherwise", async () => {
  const lifetimes = async (settings: AddressSettings) => {
    const request = await added("10.0.0.1/24", settings);
    const view = new DataView(request.buffer, request.byteOffset);
    return request.length === 0x28 ? undefined : [view.getUint32(0x2c, true), view.getUint32(0x30, true)];
  };
  assert.equal(await lifetimes({}), undefined);
  assert.deepEqual(await lifetimes({ validLifetime: 9 }), [9, 9]);
  assert.deepEqual(await lifetimes({ preferredLifetime: 0 }), [0, 0xffffffff]);
  assert.deepEqual(await lifetimes({ validLifetime: "forever" }), [0xffffffff, 0xffffffff]);
  assert.deepEqual(await lifetimes({ validLifetime: 0xfffffffe, preferredLifetime: 1 }), [1, 0xfffffffe]);
});

test("an address is removed with its peer", async () => {
  const { client, sent } = makeRecorder();
  await new Addresses(client, "blue").delete(5, "10.0.0.1/32", { peer: "10.0.0.2" });
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    28000000 1500 0500 00000000 00000000  # RTM_DELADDR
    02 20 00 00 05000000
    0800 0200 0a000001
    0800 0100 0a000002`,
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
    "fe80::1%net1/64",
    "010.0.0.1/8",
  ]) {
    await assert.rejects(addresses.add(5, text), { code: "invalid" }, text);
  }
  assert.equal(sent.length, 0);
});

test("a link that cannot be is refused before the kernel is asked", async () => {
  const { client, sent } = makeRecorder();
  const addresses = new Addresses(client, "blue");
  // 2^32 + 5 in 32 bits is another link, 5.
  for (const link of [-1, 2 ** 32 + 5, Number.NaN]) {
    const refusal = { code: "invalid", place: "link of an address" };
    await assert.rejects(addresses.add(link, "10.0.0.1/24"), refusal);
    await assert.rejects(addresses.find(link, "fd00::1"), refusal);
    await assert.rejects(addresses.list({ link }), refusal);
  }
  assert.equal(sent.length, 0);
});

test("what does not go with an address is named, with what would", async () => {
  const refusals: [string, AddressSettings, RegExp][] = [
    ["10.0.0.1/32", { peer: "fd00::2" }, /^peer: "fd00::2" is not usable; expected an IPv4 address$/],
    [
      "fd00::1/64",
      { broadcast: "10.0.0.255" },
      /^broadcast address: .* expected none: IPv6 has no broadcast$/,
    ],
    ["fd00::1/64", { label: "net1:a" }, /^label: .* for an IPv4 address$/],
    ["10.0.0.1/24", { label: "a-name-too-long1" }, /^label: .* 1 to 15 bytes/],
    ["10.0.0.1/24", { validLifetime: 0 }, /^valid lifetime: 0 is not usable/],
    [
      "10.0.0.1/24",
      { validLifetime: 5, preferredLifetime: 6 },
      /^preferred lifetime: 6 .* at most .* 5 seconds$/,
    ],
    [
      "10.0.0.1/24",
      { validLifetime: 5, preferredLifetime: "forever" },
      /^preferred lifetime: "forever" is not/,
    ],
    ["10.0.0.1/24", { scope: 256 }, /^address scope: 256 is not usable/],
    ["10.0.0.1/24", { metric: -1 }, /^metric: -1 is not usable/],
    [
      "fd00::1/64",
      { flags: ["tentative2" as SettableAddressFlag] },
      /^address flag: "tentative2" is not usable; expected one of nodad, /,
    ],
  ];
  for (const [address, settings, message] of refusals) {
    await assert.rejects(added(address, settings), { code: "invalid", message });
  }
});

test("addresses are listed with what the kernel says of them", async () => {
  const { client } = makeRecorder(addressDump);
  const { addresses, isInconsistent } = await new Addresses(client, "blue").list();
  assert.equal(isInconsistent, false);
  assert.deepEqual(
    addresses.map(({ link, address, scope, flags, label }) => [link, address, scope, flags, label]),
    [
      [1, "127.0.0.1/8", "host", ["permanent"], "lo"],
      [3, "10.0.0.1/24", "universe", ["permanent"], "net1"],
      [1, "::1/128", "host", ["permanent"], undefined],
      [2, "fe80::ff:fe00:2/64", "link", ["tentative", "permanent"], undefined],
      [3, "fd00::1/64", "universe", ["nodad", "permanent"], undefined],
      [3, "fe80::ff:fe00:1/64", "link", ["tentative", "permanent"], undefined],
    ],
  );
  assert.deepEqual(addresses[2], {
    link: 1,
    address: "::1/128",
    peer: undefined,
    label: undefined,
    broadcast: undefined,
    scope: "host",
    flags: ["permanent"],
    validLifetime: "forever",
    preferredLifetime: "forever",
    createdAt: 0x8fb29 * 10,
    updatedAt: 0x8fb29 * 10,
    metric: undefined,
    protocol: "kernel_lo",
  });
});

test("the kernel is asked for the addresses of one link or family only", async () => {
  const { client, sent } = makeRecorder();
  const addresses = new Addresses(client, "blue");
  await addresses.list({ link: 3 });
  await addresses.list({ family: "ipv6" });
  await addresses.list({ link: 4, family: "ipv4" });
  assert.deepEqual(
    sent.map(({ request }) => Buffer.from(request.subarray(16)).toString("hex")),
    ["0000000003000000", "0a00000000000000", "0200000004000000"],
  );
});

test("of a point-to-point link its own address is read, and its peer's beside it", () => {
  const address = decodeAddress(
    bytesOf(`
    02 20 08 00 05000000   # AF_INET, 32 bits, IFA_F_DADFAILED
    0800 0100 0a000002     # IFA_ADDRESS: the peer's
    0800 0200 0a000001     # IFA_LOCAL`),
  );
  assert.deepEqual([address?.address, address?.peer], ["10.0.0.1/32", "10.0.0.2"]);
  assert.deepEqual(address?.flags, ["dadfailed"]);
});

test("the first flag means another thing with each family", () => {
  const flagsOf = (bytes: string) => decodeAddress(bytesOf(bytes))?.flags;
  assert.deepEqual(flagsOf("02 18 01 00 05000000 0800 0100 0a000001"), ["secondary"]);
  assert.deepEqual(flagsOf(`0a 40 01 00 05000000 1400 0100 ${"fd".repeat(16)}`), ["temporary"]);
  // IFA_FLAGS counts, and not the eight bits of the header.
  assert.deepEqual(flagsOf("02 18 01 00 05000000 0800 0100 0a000001 0800 0800 20020000"), [
    "deprecated",
    "noprefixroute",
  ]);
});

test("what is left of an address' lifetimes is read in seconds", () => {
  const address = decodeAddress(
    bytesOf(`
    02 18 00 fd 05000000 0800 0100 0a000001
    1400 0600 0a000000 14000000 01000000 02000000   # 10 and 20 seconds; created and changed in hundredths
    0800 0900 07000000                              # IFA_RT_PRIORITY
    0500 0b00 63 000000                             # IFA_PROTO 99`),
  );
  assert.deepEqual(
    [address?.preferredLifetime, address?.validLifetime, address?.createdAt, address?.updatedAt],
    [10, 20, 10, 20],
  );
  assert.deepEqual([address?.metric, address?.protocol, address?.scope], [7, 99, "link"]);
});

test("an address of a wrong length or of no family is none", () => {
  assert.equal(decodeAddress(bytesOf("02 18 00 00 05000000 0700 0100 0a0000 00")), undefined);
  assert.equal(decodeAddress(bytesOf("0a 18 00 00 05000000 0800 0100 0a000001")), undefined);
  assert.equal(decodeAddress(bytesOf("07 18 00 00 05000000 0800 0100 0a000001")), undefined);
  assert.equal(decodeAddress(bytesOf("02 18 00 00 05000000")), undefined);
  assert.equal(decodeAddress(bytesOf("02 18 00 00")), undefined);
});
