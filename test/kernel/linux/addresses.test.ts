import assert from "node:assert/strict";
import test from "node:test";
import { EADDRNOTAVAIL, EEXIST, ENODEV } from "../../../src/linux/errno.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { waitUntilUsable } from "../../../src/linux/usable-addresses.ts";
import { leaveSharedNamespace, PATIENCE, runIn, World, within } from "../world.ts";

leaveSharedNamespace();

/** A namespace with a link `net1` that is up but has no carrier, so that the kernel gives it no address by itself. */
async function makePod(world: World): Promise<{ pod: Namespace; index: number }> {
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "net1", of: { kind: "veth", peer: { name: "peer" } }, isUp: true });
  return { pod, index: (await pod.links.get("net1")).index };
}

test("addresses of both families are added, listed and removed", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  await pod.addresses.add(index, "10.1.2.3/24");
  await pod.addresses.add(index, "fd01::3/64");
  const list = async () => (await pod.addresses.list({ link: index })).addresses;
  assert.deepEqual(
    (await list()).map(({ link, address, flags, scope }) => [link, address, flags, scope]),
    [
      [index, "10.1.2.3/24", ["permanent"], "universe"],
      [index, "fd01::3/64", ["nodad", "permanent"], "universe"],
    ],
  );
  await assert.rejects(pod.addresses.add(index, "10.1.2.3/24"), (error) => {
    assert.ok(isErrno(error, EEXIST));
    assert.match(error.message, /^add address 10\.1\.2\.3\/24 to link \d+ in a new network namespace: /);
    return true;
  });
  await pod.addresses.delete(index, "10.1.2.3/24");
  await pod.addresses.delete(index, "fd01::3/64");
  assert.deepEqual(await list(), []);
  await assert.rejects(pod.addresses.delete(index, "10.1.2.3/24"), (error) => isErrno(error, EADDRNOTAVAIL));
});

test("everything an address may have is kept by the kernel, and shown by ip", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  await pod.addresses.add(index, "10.1.2.3/24", {
    label: "net1:a",
    broadcast: "10.1.2.255",
    scope: "link",
    flags: ["noprefixroute"],
    validLifetime: 600,
    preferredLifetime: 300,
    metric: 77,
    protocol: 99,
  });
  await pod.addresses.add(index, "10.7.0.1/32", { peer: "10.7.0.2" });
  await pod.addresses.add(index, "fd01::3/64", { flags: ["nodad", "home", "mngtmpaddr", "noprefixroute"] });
  await pod.addresses.add(index, "fd02::3/128", { flags: ["nodad"], peer: "fd02::4", metric: 5 });
  const { addresses } = await pod.addresses.list({ link: index });
  const byAddress = new Map(addresses.map((address) => [address.address, address]));

  const full = byAddress.get("10.1.2.3/24");
  assert.ok(full);
  const { validLifetime, preferredLifetime, createdAt, updatedAt, ...rest } = full;
  assert.deepEqual(rest, {
    link: index,
    address: "10.1.2.3/24",
    peer: undefined,
    label: "net1:a",
    broadcast: "10.1.2.255",
    scope: "link",
    flags: ["noprefixroute"],
    metric: 77,
    protocol: 99,
  });
  assert.ok(validLifetime !== "forever" && validLifetime > 590 && validLifetime <= 600);
  assert.ok(preferredLifetime !== "forever" && preferredLifetime > 290 && preferredLifetime <= 300);
  assert.ok(createdAt !== undefined && createdAt > 0 && createdAt === updatedAt);
  assert.equal(byAddress.get("10.7.0.1/32")?.peer, "10.7.0.2");
  assert.deepEqual(byAddress.get("fd01::3/64")?.flags, [
    "nodad",
    "home",
    "permanent",
    "mngtmpaddr",
    "noprefixroute",
  ]);
  const other = byAddress.get("fd02::3/128");
  assert.deepEqual([other?.peer, other?.metric, other?.scope], ["fd02::4", 5, "universe"]);

  const [shown] = JSON.parse(await runIn(pod, "ip", "-d", "-j", "addr", "show", "net1"));
  const entry = shown.addr_info.find(({ local }: { local: string }) => local === "10.1.2.3");
  assert.deepEqual(
    [entry.label, entry.broadcast, entry.scope, entry.noprefixroute, entry.metric],
    ["net1:a", "10.1.2.255", "link", true, 77],
  );

  await assert.rejects(pod.addresses.delete(index, "10.7.0.1/32"), (error) => isErrno(error, EADDRNOTAVAIL));
  await pod.addresses.delete(index, "10.7.0.1/32", { peer: "10.7.0.2" });
  await pod.addresses.delete(index, "fd02::3/128", { peer: "fd02::4" });
});

test("an address is replaced where it is, and added where it is not", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  const lifetime = async (address: string) => {
    const { addresses } = await pod.addresses.list({ link: index });
    return addresses.find((one) => one.address === address)?.validLifetime;
  };
  for (const address of ["10.1.2.3/24", "fd01::3/64"]) {
    await pod.addresses.replace(index, address, { validLifetime: 1000 });
    assert.ok(Number(await lifetime(address)) > 900);
    await pod.addresses.replace(index, address, { validLifetime: 100 });
    assert.ok(Number(await lifetime(address)) <= 100);
    await pod.addresses.replace(index, address);
    assert.equal(await lifetime(address), "forever");
  }
});

test(
  "the second address of a network is secondary, and one that is preferred no more is deprecated",
  PATIENCE,
  async () => {
    await using world = new World();
    const { pod, index } = await makePod(world);
    await pod.addresses.add(index, "10.1.2.3/24");
    await pod.addresses.add(index, "10.1.2.4/24");
    await pod.addresses.add(index, "fd01::3/64", { flags: ["nodad"], preferredLifetime: 0 });
    const { addresses } = await pod.addresses.list({ link: index });
    assert.deepEqual(
      addresses.map(({ flags }) => flags),
      [["permanent"], ["secondary", "permanent"], ["nodad", "deprecated", "permanent"]],
    );
  },
);

test("the kernel picks the addresses of a link or family", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  const lo = await pod.links.get("lo");
  await pod.links.set(lo.index, { isUp: true });
  await pod.addresses.add(index, "10.1.2.3/24");
  await pod.addresses.add(index, "fd01::3/64");
  const list = async (filter: Parameters<typeof pod.addresses.list>[0]) =>
    (await pod.addresses.list(filter)).addresses.map(({ address }) => address);
  assert.deepEqual(await list({}), ["127.0.0.1/8", "10.1.2.3/24", "::1/128", "fd01::3/64"]);
  assert.deepEqual(await list({ link: index }), ["10.1.2.3/24", "fd01::3/64"]);
  assert.deepEqual(await list({ family: "ipv6" }), ["::1/128", "fd01::3/64"]);
  assert.deepEqual(await list({ link: lo.index, family: "ipv4" }), ["127.0.0.1/8"]);
  await assert.rejects(pod.addresses.list({ link: 4711 }), (error) => {
    assert.ok(isErrno(error, ENODEV));
    assert.match(error.message, /^list addresses of link 4711 in a new network namespace: /);
    return true;
  });
});

test("one IPv6 address of a link is looked up", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  await pod.addresses.add(index, "fd01::3/64");
  const { addresses } = await pod.addresses.list({ link: index });
  assert.deepEqual(await pod.addresses.find(index, "fd01::3/64"), addresses[0]);
  assert.equal(await pod.addresses.find(index, "fd01::4/64"), undefined);
  assert.equal(await pod.addresses.find((await pod.links.get("peer")).index, "fd01::3/64"), undefined);
  assert.equal(await pod.addresses.find(4711, "fd01::3/64"), undefined);
  await assert.rejects(pod.addresses.find(index, "10.1.2.3/24"), { code: "invalid" });
});

/** Two namespaces on one network; in the second somebody may have the address already. */
async function joinTwo(
  world: World,
): Promise<{ here: Namespace; link: Link; there: Namespace; other: Link }> {
  const [here, there] = [await world.makeNamespace(), await world.makeNamespace()];
  // A link made into a namespace gives that one an id in the namespace it was made from, not here.
  const [link, other] = await world.joinByVeth([here, "net1"], [there, "net1"]);
  return { here, link, there, other };
}

test("an address is waited for until duplicate address detection has passed it", PATIENCE, async () => {
  await using world = new World();
  const { here, link } = await joinTwo(world);
  const id = await world.kernel.host.namespaceIds.ensure(here.fd);
  const states: string[][] = [];
  let announcements = 0;
  const stop = world.kernel.addressEvents.onChange(
    ({ address, namespaceId }) => {
      if (namespaceId !== id) return;
      announcements += 1;
      if (address.address === "fd01::3/64") states.push([...address.flags]);
    },
    () => {},
  );
  world.defer(() => stop());
  await here.addresses.add(link.index, "10.1.2.3/24");
  await here.addresses.add(link.index, "fd01::3/64", { flags: [] });
  const tentative = (await here.addresses.list({ link: link.index })).addresses.at(-1);
  assert.ok(tentative?.flags.includes("tentative"));
  const counted = world.kernel.counts().requests;
  await waitUntilUsable(world.kernel, {
    namespace: here,
    link: link.index,
    // Another spelling of the same.
    addresses: ["10.1.2.3/24", "fd01:0::3/64"],
  });
  assert.deepEqual(states.at(-1), ["permanent"]);
  // Announced, not looked for: the namespace's id, one look at first and one for each announcement about the link.
  assert.ok(world.kernel.counts().requests - counted <= 2 + announcements);
});

test("where nothing is heard of a namespace, its addresses are looked at again", PATIENCE, async () => {
  await using world = new World();
  const { here, link } = await joinTwo(world);
  assert.equal(await world.kernel.host.namespaceIds.find(here.fd), undefined);
  await here.addresses.add(link.index, "fd01::3/64", { flags: [] });
  await waitUntilUsable(world.kernel, { namespace: here, link: link.index, addresses: ["fd01::3/64"] });
  assert.equal(await world.kernel.host.namespaceIds.find(here.fd), undefined);
  const { addresses } = await here.addresses.list({ link: link.index });
  assert.deepEqual(addresses.find(({ address }) => address === "fd01::3/64")?.flags, ["permanent"]);
});

test("an address that another host has is found to be a duplicate", PATIENCE, async () => {
  await using world = new World();
  const { here, link, there, other } = await joinTwo(world);
  await world.kernel.host.namespaceIds.ensure(here.fd);
  for (const address of ["fd01::3/64", "fd01::4/64"]) await there.addresses.add(other.index, address);
  await here.addresses.add(link.index, "fd01::3/64", { flags: [] });
  const wait = { namespace: here, link: link.index };
  await assert.rejects(waitUntilUsable(world.kernel, { ...wait, addresses: ["fd01::3/64"] }), {
    code: "conflict",
    message: /^another host on the network has fd01::3\/64 of link \d+ in a new network namespace: choose /,
  });
  const { addresses } = await here.addresses.list({ link: link.index });
  const duplicate = addresses.find(({ address }) => address === "fd01::3/64");
  assert.ok(duplicate?.flags.includes("dadfailed"));
  // The kernel removes a duplicate that would not last for ever, sometimes before it can be looked at.
  await here.addresses.add(link.index, "fd01::4/64", { flags: [], validLifetime: 1000 });
  await assert.rejects(
    waitUntilUsable(world.kernel, { ...wait, addresses: ["fd01::4/64"] }),
    /fd01::4\/64.* gone.*another host has it/,
  );
});

test("an address that cannot be decided is waited for no longer than was asked", PATIENCE, async () => {
  await using world = new World();
  const { pod, index } = await makePod(world);
  // Without a carrier nobody can be asked.
  await pod.addresses.add(index, "fd01::3/64", { flags: [] });
  const wait = { namespace: pod, link: index, timeoutMs: 30 };
  await assert.rejects(waitUntilUsable(world.kernel, { ...wait, addresses: ["fd01::3/64"] }), {
    code: "timeout",
    message:
      /^the kernel still looks for duplicates of fd01::3\/64 of link \d+ in .* after 30 ms; it begins when/,
  });
  await assert.rejects(waitUntilUsable(world.kernel, { ...wait, addresses: ["fd01::9/64"] }), {
    code: "not-found",
    message: /^link \d+ in a new network namespace has no address fd01::9\/64: it was not added, or/,
  });
});

test("what happens to addresses is announced", PATIENCE, async () => {
  await using world = new World();
  const { host, addressEvents } = world.kernel;
  const { index } = await host.links.get("lo");
  const nextChange = (change: "present" | "gone") =>
    within<string>(`the address is ${change}`, (settle) =>
      addressEvents.onChange(
        (event) => {
          if (event.change === change && event.namespaceId === undefined) settle(event.address.address);
        },
        () => {},
      ),
    );
  const present = nextChange("present");
  await host.addresses.add(index, "10.99.0.1/32");
  assert.equal(await present, "10.99.0.1/32");
  const gone = nextChange("gone");
  await host.addresses.delete(index, "10.99.0.1/32");
  assert.equal(await gone, "10.99.0.1/32");
});
