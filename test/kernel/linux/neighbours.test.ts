import assert from "node:assert/strict";
import test from "node:test";
import { EEXIST, ENODEV, ENOENT } from "../../../src/linux/errno.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import { leaveSharedNamespace, PATIENCE, runIn, World } from "../world.ts";

leaveSharedNamespace();

const MAC = "02:00:00:00:00:09";
const OTHER_MAC = "02:00:00:00:00:0a";

/** A namespace with `net1`, whose other end `net2` is a port of the bridge `br0`, all up. */
async function makePod(world: World) {
  const pod = await world.makeNamespace();
  await pod.links.create({ name: "br0", of: { kind: "bridge" }, isUp: true });
  await pod.links.create({ name: "net1", of: { kind: "veth", peer: { name: "net2" } }, isUp: true });
  const [bridge, link, port] = [
    (await pod.links.get("br0")).index,
    (await pod.links.get("net1")).index,
    (await pod.links.get("net2")).index,
  ];
  await pod.links.set(port, { isUp: true, master: bridge });
  return { pod, bridge, link, port };
}

test("neighbours of both families are added, found, changed and removed", PATIENCE, async () => {
  await using world = new World();
  const { pod, link } = await makePod(world);
  for (const address of ["10.1.2.9", "fd01::9"]) {
    const key = { link, address };
    await pod.neighbours.add({ ...key, mac: MAC });
    await assert.rejects(pod.neighbours.add({ ...key, mac: MAC }), (error) => isErrno(error, EEXIST));
    const added = await pod.neighbours.find(key);
    assert.deepEqual(
      [added?.address, added?.mac, added?.state, added?.isRouter],
      [address, MAC, "permanent", false],
    );
    await pod.neighbours.replace({
      ...key,
      mac: OTHER_MAC,
      state: "stale",
      isExternallyLearned: true,
      isRouter: address.includes(":"),
      protocol: "bgp",
    });
    const changed = await pod.neighbours.find(key);
    assert.deepEqual(
      [changed?.mac, changed?.state, changed?.isExternallyLearned, changed?.isRouter, changed?.protocol],
      [OTHER_MAC, "stale", true, address.includes(":"), "bgp"],
    );
    assert.ok(changed?.sinceUpdated !== undefined && changed.sinceUpdated < 10_000);
    await pod.neighbours.delete(key);
    assert.equal(await pod.neighbours.find(key), undefined);
    await assert.rejects(pod.neighbours.delete(key), (error) => {
      assert.ok(isErrno(error, ENOENT));
      assert.match(error.message, /^remove neighbour \S+ of link \d+ in a new network namespace: /);
      return true;
    });
  }
  await pod.neighbours.add({ link, address: "fd01::9", state: "none" });
  assert.equal((await pod.neighbours.find({ link, address: "fd01::9" }))?.state, "none");
  await assert.rejects(pod.neighbours.add({ link: 4711, address: "10.1.2.9", mac: MAC }), (error) =>
    isErrno(error, ENODEV),
  );
});

test("the kernel picks the neighbours of a link or family", PATIENCE, async () => {
  await using world = new World();
  const { pod, link, bridge } = await makePod(world);
  await pod.neighbours.add({ link, address: "10.1.2.9", mac: MAC });
  await pod.neighbours.add({ link, address: "fd01::9", mac: MAC });
  await pod.neighbours.add({ link: bridge, address: "10.1.3.9", mac: MAC });
  const list = async (filter: Parameters<typeof pod.neighbours.list>[0]) => {
    const { neighbours } = await pod.neighbours.list(filter);
    return neighbours
      .filter(({ state }) => state === "permanent")
      .map(({ address }) => address)
      .sort();
  };
  assert.deepEqual(await list({}), ["10.1.2.9", "10.1.3.9", "fd01::9"]);
  assert.deepEqual(await list({ link }), ["10.1.2.9", "fd01::9"]);
  assert.deepEqual(await list({ family: "ipv4" }), ["10.1.2.9", "10.1.3.9"]);
  assert.deepEqual(await list({ link: bridge, family: "ipv6" }), []);
});

test("addresses that are answered for are kept apart from the neighbours", PATIENCE, async () => {
  await using world = new World();
  const { pod, link } = await makePod(world);
  const key = { link, address: "10.1.2.77", isProxy: true };
  await pod.neighbours.add(key);
  assert.equal((await pod.neighbours.find(key))?.isProxy, true);
  const { neighbours } = await pod.neighbours.list({ isProxy: true });
  assert.deepEqual(
    neighbours.map(({ address, isProxy }) => [address, isProxy]),
    [["10.1.2.77", true]],
  );
  assert.match(await runIn(pod, "ip", "neigh", "show", "proxy"), /^10\.1\.2\.77 dev net1 +proxy/);
  assert.equal(await pod.neighbours.find({ link, address: "10.1.2.77" }), undefined);
  await pod.neighbours.delete(key);
  assert.deepEqual((await pod.neighbours.list({ isProxy: true })).neighbours, []);
});

test("entries of a bridge are added, found, moved and removed", PATIENCE, async () => {
  await using world = new World();
  const { pod, bridge, port } = await makePod(world);
  await pod.links.create({ name: "net3", of: { kind: "veth", peer: { name: "net4" } }, isUp: true });
  const second = (await pod.links.get("net3")).index;
  await pod.links.set(second, { master: bridge });
  const key = { link: port, mac: MAC, owner: "master" } as const;
  for (const state of ["static", "dynamic", "permanent"] as const) {
    await pod.fdb.add({ ...key, state });
    const found = await pod.fdb.find(key);
    assert.deepEqual(
      [found?.mac, found?.link, found?.state, found?.bridge, found?.owner],
      [MAC, port, state, bridge, "master"],
    );
    await assert.rejects(pod.fdb.add({ ...key, state }), (error) => isErrno(error, EEXIST));
    await pod.fdb.delete(key);
    assert.equal(await pod.fdb.find(key), undefined);
    await assert.rejects(pod.fdb.delete(key), (error) => isErrno(error, ENOENT));
  }
  await pod.links.set(port, { isUp: false });
  await assert.rejects(pod.fdb.add({ ...key, state: "dynamic" }), {
    message:
      /^add forwarding entry \S+ at port \d+ in .*: not permitted: a dynamic entry needs .* \(EPERM\)$/,
  });
  await pod.links.set(port, { isUp: true });
  await pod.fdb.replace({ ...key, state: "static", isSticky: true });
  assert.equal((await pod.fdb.find(key))?.isSticky, true);
  await pod.fdb.replace({ ...key, link: second, state: "static", isExternallyLearned: true });
  const { entries } = await pod.fdb.list({ bridge });
  const moved = entries.filter(({ mac }) => mac === MAC);
  // A bridge that knows VLANs has the entry once more in each VLAN of the port.
  assert.ok(moved.length > 0);
  assert.ok(moved.every(({ link, isExternallyLearned }) => link === second && isExternallyLearned));
});

test(
  "the kernel picks the entries of a bridge or port, and a link has a table of its own",
  PATIENCE,
  async () => {
    await using world = new World();
    const { pod, bridge, link, port } = await makePod(world);
    await pod.fdb.add({ link: port, mac: MAC, owner: "master", state: "static" });
    await pod.fdb.add({ link, mac: OTHER_MAC, owner: "self", state: "permanent" });
    const list = async (filter: Parameters<typeof pod.fdb.list>[0]) => {
      const { entries } = await pod.fdb.list(filter);
      const ours = entries.filter(({ mac }) => mac === MAC || mac === OTHER_MAC);
      return [...new Set(ours.map(({ mac, owner }) => `${mac} ${owner}`))];
    };
    assert.deepEqual((await list({})).sort(), [`${MAC} master`, `${OTHER_MAC} self`]);
    assert.deepEqual(await list({ bridge }), [`${MAC} master`]);
    assert.deepEqual(await list({ link: port }), [`${MAC} master`]);
    assert.deepEqual(await list({ link }), [`${OTHER_MAC} self`]);
    await assert.rejects(pod.fdb.find({ link, mac: OTHER_MAC, owner: "self" }), {
      message:
        /^get forwarding entry 02:00:00:00:00:0a at link \d+ in .*: Fdb get operation not supported by device \(EOPNOTSUPP\)$/,
    });
    await pod.fdb.delete({ link, mac: OTHER_MAC, owner: "self" });
    assert.deepEqual(await list({ link }), []);
  },
);
