import assert from "node:assert/strict";
import test from "node:test";
import { readMessages } from "../../../../src/linux/netlink/message.ts";
import { decodeRoute, type Route, type RouteSpec } from "../../../../src/linux/route/route.ts";
import { Routes } from "../../../../src/linux/route/routes.ts";
import { assertBytes, bytesOf } from "../tc/bytes.ts";
import { routeDump } from "./captured.ts";
import { makeRecorder } from "./recorder.ts";

/** The request by which a route is added. */
async function added(route: RouteSpec): Promise<Uint8Array> {
  const { client, sent } = makeRecorder();
  await new Routes(client, "blue").add(route);
  return sent[0]?.request as Uint8Array;
}

/** A next hop that is well. */
const healthy = { isOnLink: false, weight: 1, isDead: false, isLinkDown: false };

test("a route is added as `ip route add 10.2.0.0/16 via 10.0.0.9 dev net1` does", async () => {
  assertBytes(
    await added({ destination: "10.2.3.4/16", gateway: "10.0.0.9", link: 5 }),
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
  assertBytes(
    await added({ destination: "::/0", gateway: "fd00::9", link: 5, priority: 10 }),
    `
    40000000 1800 0506 00000000 00000000
    0a 00 00 00 fe 04 00 01 00000000
    1400 0500 fd000000000000000000000000000009
    0800 0400 05000000
    0800 0600 0a000000                    # RTA_PRIORITY`,
  );
  const scopeOf = async (route: RouteSpec) => (await added(route))[16 + 6];
  assert.equal(await scopeOf({ destination: "10.9.0.0/16", link: 5 }), 253); // RT_SCOPE_LINK
  assert.equal(await scopeOf({ destination: "fd09::/48", link: 5 }), 0); // IPv6 knows no scopes of routes
  assert.equal(await scopeOf({ destination: "10.9.0.1/32", link: 5, type: "local", table: 255 }), 254);
  assert.equal(await scopeOf({ destination: "10.9.0.0/16", type: "blackhole" }), 0);
  assert.equal(await scopeOf({ destination: "10.9.0.0/16", link: 5, scope: "site" }), 200);
});

test("a route is added with everything it may have", async () => {
  assertBytes(
    await added({
      destination: "10.2.0.0/16",
      gateway: "10.9.9.9",
      link: 5,
      isOnLink: true,
      table: 300,
      protocol: "bird",
      source: "10.0.0.1",
      mtu: 1400,
      advmss: 1360,
      priority: 7,
    }),
    `
    60000000 1800 0506 00000000 00000000
    02 10 00 00 00 0c 00 01 04000000      # no table in the header, RTPROT_BIRD, RTNH_F_ONLINK
    0800 0100 0a020000
    0800 0f00 2c010000                    # RTA_TABLE 300
    0800 0500 0a090909
    0800 0400 05000000
    0800 0700 0a000001                    # RTA_PREFSRC
    0800 0600 07000000
    1400 0800                             # RTA_METRICS
      0800 0200 78050000                  # RTAX_MTU
      0800 0800 50050000                  # RTAX_ADVMSS`,
  );
  assertBytes(
    await added({ destination: "fd09::/48", sourcePrefix: "fd01::1/64", link: 5, preference: "low" }),
    `
    54000000 1800 0506 00000000 00000000
    0a 30 40 00 fe 04 00 01 00000000      # 48 bits of destination, 64 of source
    1400 0100 fd090000000000000000000000000000
    1400 0200 fd010000000000000000000000000000   # RTA_SRC
    0800 0400 05000000
    0500 1400 03 000000                   # RTA_PREF`,
  );
});

test("a route shares its traffic among several next hops", async () => {
  assertBytes(
    await added({
      destination: "0.0.0.0/0",
      nextHops: [
        { gateway: "10.0.0.7", link: 3 },
        { gateway: "fd00::8", link: 4, weight: 256, isOnLink: true },
      ],
    }),
    `
    50000000 1800 0506 00000000 00000000
    02 00 00 00 fe 04 00 01 00000000
    3400 0900                             # RTA_MULTIPATH
      1000 00 00 03000000                 # struct rtnexthop: 16 bytes, weight 1, link 3
        0800 0500 0a000007                # RTA_GATEWAY
      2000 04 ff 04000000                 # 32 bytes, RTNH_F_ONLINK, weight 256, link 4
        1600 1200 0a00 fd000000000000000000000000000008 0000   # RTA_VIA: a router of another family`,
  );
});

test("a route that leads nowhere has no next hop, and one next hop needs no list", async () => {
  assertBytes(
    await added({ destination: "10.2.0.0/16", type: "unreachable" }),
    "24000000 1800 0506 00000000 00000000 02100000 fe040007 00000000 0800 0100 0a020000",
  );
  assert.deepEqual(
    await added({ destination: "10.2.0.0/16", nextHops: [{ link: 3, gateway: "10.0.0.7" }] }),
    await added({ destination: "10.2.0.0/16", link: 3, gateway: "10.0.0.7" }),
  );
});

test("what does not go with a route is named, with what would", async () => {
  const destination = "10.2.0.0/16";
  const refusals: [RouteSpec, RegExp][] = [
    [
      { destination, link: 3, nextHops: [] },
      /^next hops of a route: .* expected a list or a link and gateway$/,
    ],
    [{ destination: "fd00::/64", gateway: "10.0.0.1" }, /^gateway: .* expected an IPv6 address/],
    [{ destination, link: 3, source: "fd00::1" }, /^source address: .* expected an IPv4 address, as/],
    [{ destination, link: 3, sourcePrefix: "fd00::/64" }, /^source prefix: /],
    [{ destination, gateway: "10.0.0.1/24" }, /^gateway: .* expected an IP address such as 10\.0\.0\.1/],
    [{ destination, link: 3, table: 0 }, /^route table: 0 is not usable/],
    [{ destination, nextHops: [{ link: 3, weight: 257 }, { link: 4 }] }, /^weight of a next hop: 257 /],
    [
      { destination, link: 3, protocol: "rip" as "bgp" },
      /^route protocol: "rip" .* one of unspec, .* or a number$/,
    ],
  ];
  for (const [route, message] of refusals) {
    await assert.rejects(added(route), { code: "invalid", message });
  }
});

test("routes are replaced and removed in the order of their link", async () => {
  const { client, sent } = makeRecorder();
  const routes = new Routes(client, "blue");
  await routes.replace({ destination: "10.2.0.0/16", link: 5 });
  await routes.delete({ destination: "10.2.0.0/16", nextHops: [{ link: 5 }, { link: 6 }] });
  await routes.delete({ destination: "10.2.0.0/16", type: "blackhole" });
  assert.deepEqual(
    sent.map(({ request, schedule }) => [Buffer.from(request.subarray(4, 8)).toString("hex"), schedule.key]),
    [
      ["18000505", "blue/5"], // RTM_NEWROUTE with REPLACE and CREATE
      ["19000500", "blue/5"],
      ["19000500", "blue/route 10.2.0.0/16"],
    ],
  );
});

test("the kernel is asked for the routes of one table, link, type or protocol only", async () => {
  const { client, sent } = makeRecorder();
  const routes = new Routes(client, "blue");
  await routes.list();
  await routes.list({ family: "ipv6", table: 300, link: 3 });
  await routes.list({ family: "ipv4", table: "all", type: "blackhole", protocol: "kernel" });
  assert.deepEqual(
    sent.map(({ request }) => Buffer.from(request.subarray(16)).toString("hex")),
    [
      "02000000fe00000000000000",
      "0a000000fe00000000000000",
      // The table that does not fit into the header, and RTA_OIF.
      "0a0000000000000000000000" + "08000f002c010000" + "0800040003000000",
      "020000000002000600000000",
    ],
  );
});

test("a table that nobody has put a route in is empty", async () => {
  const { client } = makeRecorder(new Uint8Array(), 2); // ENOENT
  assert.deepEqual(await new Routes(client, "blue").list({ table: 77 }), {
    routes: [],
    isInconsistent: false,
  });
});

test("the way to a destination is looked up", async () => {
  const answer = [...readMessages(routeDump)].find(({ payload }) => payload[1] === 24);
  assert.ok(answer);
  const datagram = new Uint8Array(16 + answer.payload.length);
  new DataView(datagram.buffer).setUint32(0, datagram.length, true);
  datagram.set(answer.payload, 16);
  const { client, sent } = makeRecorder(datagram);
  const route = await new Routes(client, "blue").get("10.0.0.7", { source: "10.0.0.1", link: 3 });
  assert.deepEqual(
    [route.destination, route.source, route.nextHops[0]?.link],
    ["10.0.0.0/24", "10.0.0.1", 3],
  );
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    34000000 1a00 0100 00000000 00000000  # RTM_GETROUTE
    02 20 20 00 00000000 00100000         # host addresses; RTM_F_LOOKUP_TABLE
    0800 0100 0a000007
    0800 0200 0a000001
    0800 0400 03000000`,
  );
  const refusal = makeRecorder(new Uint8Array(), 13);
  await assert.rejects(new Routes(refusal.client, "blue").get("10.0.0.7"), {
    message: "look up the route to 10.0.0.7 in blue: the route that leads there prohibits it (EACCES)",
  });
});

test("routes are read with their next hops", () => {
  const routes = [...readMessages(routeDump)].map(({ payload }) => decodeRoute(payload) as Route);
  assert.deepEqual(routes.slice(0, 3), [
    {
      destination: "0.0.0.0/0",
      nextHops: [{ ...healthy, link: 3, gateway: "10.0.0.9" }],
      type: "unicast",
      table: 254,
      protocol: "boot",
      scope: "universe",
    },
    {
      destination: "10.0.0.0/24",
      nextHops: [{ ...healthy, link: 3 }],
      type: "unicast",
      table: 254,
      protocol: "kernel",
      scope: "link",
      source: "10.0.0.1",
    },
    {
      destination: "10.5.0.0/16",
      nextHops: [
        { ...healthy, link: 3, gateway: "10.0.0.7" },
        { ...healthy, link: 3, gateway: "10.0.0.8" },
      ],
      type: "unicast",
      table: 254,
      protocol: "boot",
      scope: "universe",
    },
  ]);
  assert.deepEqual(
    routes.slice(3).map(({ type, table, scope }) => [type, table, scope]),
    [
      ["local", 255, "host"],
      ["broadcast", 255, "link"],
      ["local", 255, "host"],
      ["local", 255, "host"],
      ["broadcast", 255, "link"],
    ],
  );
});

test("everything a route may have is read, also what stands for a router of another family", () => {
  const route = decodeRoute(
    bytesOf(`
    02 10 00 00 00 63 00 01 15000000      # protocol 99; RTNH_F_DEAD, RTNH_F_ONLINK, RTNH_F_LINKDOWN
    0800 0100 0a020000 0800 0f00 2c010000 0800 0400 05000000
    1600 1200 0a00 fd000000000000000000000000000008 0000     # RTA_VIA
    0800 0600 07000000
    1400 0800 0800 0200 78050000 0800 0800 50050000`),
  );
  assert.deepEqual(route, {
    destination: "10.2.0.0/16",
    nextHops: [{ link: 5, gateway: "fd00::8", weight: 1, isOnLink: true, isDead: true, isLinkDown: true }],
    type: "unicast",
    table: 300,
    protocol: 99,
    scope: "universe",
    priority: 7,
    mtu: 1400,
    advmss: 1360,
  });
  const ofIpv6 = decodeRoute(
    bytesOf(`
    0a 00 40 00 fe 09 00 01 00000000
    1400 0200 fd010000000000000000000000000000 0800 0400 05000000 0500 1400 01 000000`),
  );
  assert.deepEqual([ofIpv6?.sourcePrefix, ofIpv6?.preference], ["fd01::/64", "high"]);
  // RTN_BLACKHOLE
  assert.deepEqual(decodeRoute(bytesOf("02 08 00 00 fe 04 00 06 00000000 0800 0100 0a000000"))?.nextHops, []);
});

test("a next hop without a router, or with one of a wrong length, is a link", () => {
  const route = decodeRoute(
    bytesOf(`
    0a 00 00 00 fe 03 00 01 00000000
    2000 0900                             # RTA_MULTIPATH
      0800 00 00 03000000                 # struct rtnexthop: 8 bytes, link 3
      1400 00 02 04000000                 # struct rtnexthop: 20 bytes, weight 3, link 4
        0c00 0500 fd00000000000009        # RTA_GATEWAY of a wrong length: left out`),
  );
  assert.deepEqual(route?.nextHops, [
    { ...healthy, link: 3 },
    { ...healthy, link: 4, weight: 3 },
  ]);
});

test("a destination of a wrong length, or of another family, is none", () => {
  const destination = decodeRoute(
    bytesOf(`
    02 10 00 00 fe 03 00 01 00000000
    0700 0100 0a0100 00                   # RTA_DST of three bytes
    0800 0400 03000000`),
  );
  assert.equal(destination, undefined);
  // AF_MPLS
  assert.equal(decodeRoute(bytesOf("1c 14 00 00 fe 03 00 01 00000000 0800 0100 0a010000")), undefined);
  assert.equal(decodeRoute(bytesOf("02 00 00 00 fe 03 00 01")), undefined);
});

test("a next hop whose length does not fit ends the list", () => {
  for (const length of ["0700", "0000", "ffff"]) {
    const route = decodeRoute(
      bytesOf(`
      02 00 00 00 fe 03 00 01 00000000
      1400 0900 0800 00 00 03000000 ${length} 00 00 04000000`),
    );
    assert.deepEqual(route?.nextHops, [{ ...healthy, link: 3 }], length);
  }
});

test("a link that cannot be is refused before the kernel is asked", async () => {
  const { client, sent } = makeRecorder();
  const routes = new Routes(client, "blue");
  // 2^32 + 5 in 32 bits is another link, 5.
  for (const link of [-1, 2 ** 32 + 5, Number.NaN]) {
    const refusal = { code: "invalid", place: "link of a route" };
    await assert.rejects(routes.add({ destination: "10.1.0.0/16", link }), refusal);
    await assert.rejects(routes.get("10.1.0.1", { link }), refusal);
    await assert.rejects(routes.list({ link }), refusal);
    await assert.rejects(routes.add({ destination: "10.1.0.0/16", nextHops: [{ link }, { link: 5 }] }), {
      place: "link of a next hop",
    });
  }
  assert.equal(sent.length, 0);
});
