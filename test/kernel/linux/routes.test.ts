import assert from "node:assert/strict";
import test from "node:test";
import { EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV, ESRCH } from "../../../src/linux/errno.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import type { RouteSpec } from "../../../src/linux/route/route.ts";
import { leaveSharedNamespace, nextEvent, PATIENCE, runIn, World } from "../world.ts";

leaveSharedNamespace();

/** A namespace with two links, `net1` and `net2`, that are up, joined, and have addresses of both families. */
async function makePod(world: World): Promise<{ pod: Namespace; net1: number; net2: number }> {
  const pod = await world.makeNamespace();
  await pod.links.set((await pod.links.get("lo")).index, { isUp: true });
  await pod.links.create({ name: "net1", of: { kind: "veth", peer: { name: "net2" } } });
  const [net1, net2] = [(await pod.links.get("net1")).index, (await pod.links.get("net2")).index];
  for (const [at, link] of [net1, net2].entries()) {
    await pod.links.set(link, { isUp: true });
    await pod.addresses.add(link, `10.${at + 1}.0.2/24`);
    await pod.addresses.add(link, `fd0${at + 1}::2/64`);
  }
  return { pod, net1, net2 };
}

test("routes of both families are added, listed and removed", PATIENCE, async () => {
  await using world = new World();
  const { pod, net1: link } = await makePod(world);
  const routes = [
    { destination: "0.0.0.0/0", gateway: "10.1.0.1", link },
    { destination: "10.9.0.0/16", gateway: "10.1.0.9", link, priority: 50 },
    { destination: "172.16.0.0/12", link },
    { destination: "::/0", gateway: "fd01::1", link, priority: 1024 },
    { destination: "fd09::/48", gateway: "fd01::9", link, priority: 7 },
  ];
  for (const route of routes) await pod.routes.add(route);
  const listed = await pod.routes.list();
  assert.equal(listed.isInconsistent, false);
  for (const { destination, gateway, priority } of routes) {
    const found = listed.routes.find((route) => route.destination === destination);
    assert.deepEqual(
      [found?.nextHops.map((hop) => [hop.link, hop.gateway]), found?.priority, found?.protocol, found?.type],
      [[[link, gateway]], priority, "static", "unicast"],
    );
  }
  const [first] = routes;
  assert.ok(first);
  await assert.rejects(pod.routes.add(first), (error) => isErrno(error, EEXIST));
  for (const route of routes) await pod.routes.delete(route);
  const left = (await pod.routes.list()).routes.map(({ destination }) => destination);
  assert.deepEqual(
    left.filter((destination) => routes.some((route) => route.destination === destination)),
    [],
  );
  await assert.rejects(pod.routes.delete(first), (error) => {
    assert.ok(isErrno(error, ESRCH));
    assert.match(error.message, /^remove route 0\.0\.0\.0\/0 via 10\.1\.0\.1 on link \d+ in /);
    return true;
  });
});

test(
  "everything a route may have is kept by the kernel, shown by ip, and enough to remove it",
  PATIENCE,
  async () => {
    await using world = new World();
    const { pod, net1, net2 } = await makePod(world);
    const specs: RouteSpec[] = [
      {
        destination: "10.20.0.0/16",
        gateway: "192.0.2.1",
        isOnLink: true,
        link: net1,
        table: 300,
        protocol: "bird",
        source: "10.1.0.2",
        priority: 7,
        mtu: 1300,
        advmss: 1260,
      },
      {
        destination: "fd20::/48",
        gateway: "fd01::1",
        link: net1,
        table: 300,
        source: "fd01::2",
        preference: "high",
      },
      { destination: "fd21::/48", link: net1, sourcePrefix: "fd01::/64", table: 300, protocol: 99 },
      { destination: "10.21.0.0/16", gateway: "fd02::1", link: net2, table: 300 },
      { destination: "10.22.0.1/32", link: net1, table: 300, type: "local" },
      { destination: "10.23.0.0/16", type: "blackhole", table: 300 },
      { destination: "10.24.0.0/16", type: "unreachable", table: 300, priority: 4 },
      { destination: "10.25.0.0/16", type: "prohibit", table: 300 },
      { destination: "10.26.0.0/16", type: "throw", table: 300 },
      { destination: "fd23::/48", type: "blackhole", table: 300 },
      {
        destination: "10.27.0.0/16",
        table: 300,
        nextHops: [
          { link: net1, gateway: "10.1.0.1", weight: 3 },
          { link: net2, gateway: "192.0.2.1", isOnLink: true },
        ],
      },
      {
        destination: "fd27::/48",
        table: 300,
        nextHops: [
          { link: net1, gateway: "fd01::1" },
          { link: net2, gateway: "fd02::1", weight: 256 },
        ],
      },
    ];
    for (const spec of specs) await pod.routes.add(spec);
    const { routes } = await pod.routes.list({ table: 300 });
    assert.equal(routes.length, specs.length);
    for (const spec of specs) {
      const found = routes.find(({ destination }) => destination === spec.destination);
      assert.ok(found, spec.destination);
      const { link, gateway, isOnLink, nextHops = [{ link, gateway, isOnLink }], ...settings } = spec;
      const { nextHops: hops, scope, type, protocol, ...rest } = found;
      const { type: wantedType = "unicast", protocol: wantedProtocol = "static", ...wanted } = settings;
      assert.deepEqual([type, protocol], [wantedType, wantedProtocol]);
      // What the kernel adds where nothing was said, to routes of IPv6.
      const { priority, preference, ...others } = rest;
      const {
        priority: wantedPriority = 1024,
        preference: wantedPreference = "medium",
        ...wantedOthers
      } = wanted;
      assert.deepEqual(others, wantedOthers);
      if (spec.destination.includes(":"))
        assert.deepEqual([priority, preference], [wantedPriority, wantedPreference]);
      else assert.equal(priority, spec.priority);
      if (type !== "unicast") continue;
      assert.deepEqual(
        hops.map((hop) => [hop.link, hop.gateway, hop.isOnLink, hop.weight]),
        nextHops.map((hop) => [
          hop.link,
          hop.gateway,
          hop.isOnLink ?? false,
          "weight" in hop ? (hop.weight ?? 1) : 1,
        ]),
      );
    }
    assert.deepEqual(
      routes
        .filter(({ destination }) => !destination.includes(":"))
        .map(({ type, scope }) => `${type} ${scope}`)
        .sort(),
      [
        "blackhole universe",
        "local host",
        "prohibit universe",
        "throw universe",
        "unicast universe",
        "unicast universe",
        "unicast universe",
        "unreachable universe",
      ],
    );
    const shown = await runIn(pod, "ip", "-4", "route", "show", "table", "300");
    assert.match(
      shown,
      /10\.20\.0\.0\/16 via 192\.0\.2\.1 dev net1 proto bird src 10\.1\.0\.2 metric 7 onlink mtu 1300 advmss 1260/,
    );
    for (const route of routes) await pod.routes.delete(route);
    assert.deepEqual((await pod.routes.list({ table: 300 })).routes, []);
  },
);

test("a route is put in the place of another", PATIENCE, async () => {
  await using world = new World();
  const { pod, net1, net2 } = await makePod(world);
  const hopsOf = async (destination: string) => {
    const { routes } = await pod.routes.list();
    return routes.filter((route) => route.destination === destination).flatMap(({ nextHops }) => nextHops);
  };
  for (const [destination, one, other] of [
    ["10.9.0.0/16", "10.1.0.1", "10.2.0.1"],
    ["fd09::/48", "fd01::1", "fd02::1"],
  ] as const) {
    await pod.routes.replace({ destination, gateway: one, link: net1 });
    await pod.routes.replace({ destination, gateway: other, link: net2 });
    const hops = await hopsOf(destination);
    assert.deepEqual(
      hops.map(({ link, gateway }) => [link, gateway]),
      [[net2, other]],
    );
  }
});

test("the kernel picks the routes of a table, link, type, protocol or family", PATIENCE, async () => {
  await using world = new World();
  const { pod, net1, net2 } = await makePod(world);
  await pod.routes.add({ destination: "10.9.0.0/16", gateway: "10.1.0.1", link: net1 });
  await pod.routes.add({ destination: "10.8.0.0/16", nextHops: [{ link: net1 }, { link: net2 }] });
  await pod.routes.add({ destination: "10.7.0.0/16", type: "blackhole" });
  await pod.routes.add({ destination: "fd09::/48", gateway: "fd02::1", link: net2 });
  await pod.routes.add({ destination: "10.6.0.0/16", link: net2, table: 1000 });
  const list = async (filter: Parameters<typeof pod.routes.list>[0]) =>
    (await pod.routes.list(filter)).routes.map(({ destination }) => destination).sort();
  assert.deepEqual(await list({ family: "ipv4" }), [
    "10.1.0.0/24",
    "10.2.0.0/24",
    "10.7.0.0/16",
    "10.8.0.0/16",
    "10.9.0.0/16",
  ]);
  assert.deepEqual(await list({ link: net1, protocol: "static" }), ["10.8.0.0/16", "10.9.0.0/16"]);
  assert.deepEqual(await list({ link: net2, protocol: "static" }), ["10.8.0.0/16", "fd09::/48"]);
  assert.deepEqual(await list({ type: "blackhole" }), ["10.7.0.0/16"]);
  assert.deepEqual(await list({ protocol: "kernel", family: "ipv4" }), ["10.1.0.0/24", "10.2.0.0/24"]);
  assert.deepEqual(await list({ table: 1000 }), ["10.6.0.0/16"]);
  assert.deepEqual(await list({ table: 255, link: net1, family: "ipv4", type: "local" }), ["10.1.0.2/32"]);
  assert.deepEqual(await list({ table: 4711 }), []);
  const all = await pod.routes.list({ table: "all" });
  assert.deepEqual([...new Set(all.routes.map(({ table }) => table))].sort(), [1000, 254, 255]);
  await assert.rejects(pod.routes.list({ link: 4711 }), (error) => isErrno(error, ENODEV));
});

test("the way to a destination is found", PATIENCE, async () => {
  await using world = new World();
  const { pod, net1, net2 } = await makePod(world);
  await pod.routes.add({ destination: "10.9.0.0/16", gateway: "10.1.0.1", link: net1 });
  await pod.routes.add({ destination: "fd09::/48", gateway: "fd02::1", link: net2 });
  await pod.routes.add({ destination: "10.7.0.0/16", type: "blackhole" });
  await pod.routes.add({ destination: "10.6.0.0/16", type: "prohibit" });
  await pod.routes.add({ destination: "10.5.0.0/16", type: "unreachable" });
  const wayTo = async (...parameters: Parameters<typeof pod.routes.get>) => {
    const { destination, nextHops, source, type, table } = await pod.routes.get(...parameters);
    return [destination, nextHops.map(({ link, gateway }) => [link, gateway]), source, type, table];
  };
  assert.deepEqual(await wayTo("10.9.1.2"), [
    "10.9.1.2/32",
    [[net1, "10.1.0.1"]],
    "10.1.0.2",
    "unicast",
    254,
  ]);
  assert.deepEqual(await wayTo("fd09::5"), ["fd09::5/128", [[net2, "fd02::1"]], "fd02::2", "unicast", 254]);
  assert.deepEqual((await wayTo("10.9.1.2", { source: "10.2.0.2" })).slice(0, 2), [
    "10.9.1.2/32",
    [[net1, "10.1.0.1"]],
  ]);
  assert.equal((await wayTo("10.2.0.2"))[3], "local");
  await assert.rejects(pod.routes.get("192.0.2.1"), (error) => isErrno(error, ENETUNREACH));
  await assert.rejects(pod.routes.get("10.7.0.1"), (error) => {
    assert.ok(isErrno(error, EINVAL));
    assert.match(error.message, /^look up the route to 10\.7\.0\.1 in .*: a blackhole route leads there/);
    return true;
  });
  await assert.rejects(pod.routes.get("10.6.0.1"), {
    message: /: the route that leads there prohibits it \(EACCES\)$/,
  });
  await assert.rejects(pod.routes.get("10.5.0.1"), (error) => isErrno(error, EHOSTUNREACH));
});

test("a next hop tells that its link has no carrier", PATIENCE, async () => {
  await using world = new World();
  const { pod, net1, net2 } = await makePod(world);
  await pod.routes.add({ destination: "10.9.0.0/16", gateway: "10.1.0.1", link: net1 });
  const hop = async () => {
    const { routes } = await pod.routes.list({ link: net1, protocol: "static" });
    return routes[0]?.nextHops.map(({ isLinkDown, isDead }) => ({ isLinkDown, isDead }));
  };
  assert.deepEqual(await hop(), [{ isLinkDown: false, isDead: false }]);
  const id = await world.kernel.host.namespaceIds.ensure(pod.fd);
  // The kernel tells a carrier that is lost some time later, the routes first (linkwatch_do_dev, net/core/link_watch.c).
  const isLost = nextEvent(world.kernel.linkEvents, "net1 without a carrier", ({ link, namespaceId }) => {
    return namespaceId === id && link.index === net1 && !link.hasCarrier;
  });
  await pod.links.set(net2, { isUp: false });
  await isLost;
  assert.deepEqual(await hop(), [{ isLinkDown: true, isDead: false }]);
});
