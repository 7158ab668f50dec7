import assert from "node:assert/strict";
import test from "node:test";
import { EINVAL, ENODEV, EOPNOTSUPP } from "../../../src/linux/errno.ts";
import { COUNTERS } from "../../../src/linux/generic/ethtool/statistics.ts";
import { GenericFamily, nestsOf, readGeneric } from "../../../src/linux/generic/family.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { isErrno } from "../../../src/linux/netlink/error.ts";
import { NETLINK_GENERIC } from "../../../src/linux/netlink/socket.ts";
import { NetlinkClient } from "../../../src/linux/worker/netlink-client.ts";
import { WorkerPool } from "../../../src/linux/worker/pool.ts";
import { NotFoundError } from "../../../src/model/errors.ts";
import { openFiles, PATIENCE, runIn, World } from "../world.ts";

/** A client of generic netlink in this process' namespace, without a namespace object around it. */
class Generic implements AsyncDisposable {
  readonly client: NetlinkClient;
  readonly #pool = new WorkerPool();

  constructor() {
    const place = { keyPrefix: "here", enter: () => ({ fd: undefined, leave: () => {} }) };
    const counts = { requests: 0, errors: 0, interruptedDumps: 0 };
    this.client = new NetlinkClient(this.#pool, NETLINK_GENERIC, place, counts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.stop();
  }
}

/** A namespace with the veth pair v0 and v1, each with four queues in each direction. */
async function makePair(world: World): Promise<Namespace> {
  const namespace = await world.makeNamespace();
  const queues = ["numtxqueues", "4", "numrxqueues", "4"];
  await runIn(
    namespace,
    "ip",
    "link",
    "add",
    "v0",
    ...queues,
    "type",
    "veth",
    "peer",
    "name",
    "v1",
    ...queues,
  );
  return namespace;
}

test("families are found by name, and one that is not there is not", PATIENCE, async () => {
  await using generic = new Generic();
  // The family of families itself: CTRL_CMD_GETFAMILY as a table, with CTRL_ATTR_FAMILY_NAME in each entry.
  const families = new GenericFamily(generic.client, "nlctrl", 2);
  const { entries } = await families.dump({ operation: "list families", command: 3 });
  const names = entries.map((payload) => readGeneric(payload).string(2));
  assert.ok(names.includes("nlctrl") && names.includes("ethtool"), names.join(", "));
  const missing = new GenericFamily(generic.client, "no-such-family", 1);
  await assert.rejects(missing.request({ operation: "ask", command: 1 }), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, /no generic netlink family "no-such-family"/);
    return true;
  });
});

test("a veth's driver is told, by the link's index and by its name", PATIENCE, async () => {
  await using world = new World();
  const namespace = await makePair(world);
  const { index } = await namespace.links.get("v0");
  for (const link of [index, "v0"]) {
    const { driver, version } = await namespace.ethtool.driver(link);
    assert.equal(driver, "veth");
    assert.notEqual(version, "");
  }
});

test("a link that is not there is ENODEV, for ioctls as for netlink", PATIENCE, async () => {
  await using world = new World();
  const { ethtool } = await makePair(world);
  const calls: readonly (() => Promise<unknown>)[] = [
    () => ethtool.driver(999),
    () => ethtool.driver("nope"),
    () => ethtool.driverStatistics(999),
    () => ethtool.channels.get(999),
    () => ethtool.channels.get("nope"),
  ];
  for (const call of calls) await assert.rejects(call(), (error) => isErrno(error, ENODEV));
});

test("a name that is too long for an ioctl is a name for netlink", PATIENCE, async () => {
  await using world = new World();
  const namespace = await makePair(world);
  const name = "another-name-of-the-link";
  await runIn(namespace, "ip", "link", "property", "add", "dev", "v0", "altname", name);
  assert.equal((await namespace.ethtool.channels.get(name)).most.receive, 4);
  await assert.rejects(namespace.ethtool.driver(name), /link: "another-name-of-the-link" is not usable/);
});

test("an index is never answered with another link, whatever is renamed meanwhile", PATIENCE, async () => {
  await using world = new World();
  const namespace = await makePair(world);
  await namespace.links.create({ name: "b0", of: { kind: "bridge" } });
  const pair = (await namespace.links.get("v0")).index;
  const bridge = (await namespace.links.get("b0")).index;
  let isOver = false;
  const renaming = (async () => {
    for (let round = 0; round < 300 && !isOver; round++) {
      await namespace.links.set(pair, { name: "swap" });
      await namespace.links.set(bridge, { name: round % 2 === 0 ? "v0" : "b0" });
      await namespace.links.set(pair, { name: round % 2 === 0 ? "b0" : "v0" });
    }
    isOver = true;
  })();
  let answers = 0;
  try {
    while (!isOver) {
      const drivers = await Promise.all([namespace.ethtool.driver(pair), namespace.ethtool.driver(bridge)]);
      assert.deepEqual(
        drivers.map(({ driver }) => driver),
        ["veth", "bridge"],
      );
      answers += 1;
    }
  } finally {
    isOver = true;
    await renaming;
  }
  assert.ok(answers > 10, `${answers} answers while links were renamed`);
});

test("nothing stays open behind an ioctl", PATIENCE, async () => {
  await using world = new World();
  const { ethtool } = await makePair(world);
  await ethtool.driver("v0");
  const before = openFiles().length;
  for (let round = 0; round < 5; round++) {
    await ethtool.driverStatistics("v0");
    await assert.rejects(ethtool.driver(999));
  }
  assert.equal(openFiles().length, before);
});

test("a veth's own counters are told by name", PATIENCE, async () => {
  await using world = new World();
  const namespace = await makePair(world);
  const statistics = await namespace.ethtool.driverStatistics("v0");
  assert.equal(statistics.peer_ifindex, (await namespace.links.get("v1")).index);
  assert.equal(statistics.rx_queue_0_drops, 0);
});

test("channels are told and set", PATIENCE, async () => {
  await using world = new World();
  const { channels } = (await makePair(world)).ethtool;
  const before = await channels.get("v0");
  assert.deepEqual(before.most, { receive: 4, transmit: 4 });
  await channels.set("v0", { receive: 2, transmit: 3 });
  const after = await channels.get("v0");
  assert.deepEqual([after.receive, after.transmit, after.combined], [2, 3, undefined]);
  await channels.set("v0", { transmit: 1 });
  assert.deepEqual(await channels.get("v0"), { receive: 2, transmit: 1, most: before.most });
});

test("more channels than there can be are refused in the kernel's words", PATIENCE, async () => {
  await using world = new World();
  const { channels } = (await makePair(world)).ethtool;
  await assert.rejects(channels.set("v0", { receive: 5 }), (error) => {
    assert.ok(isErrno(error, EINVAL));
    assert.match(error.message, /set the channels of link v0 in .*: requested channel count exceeds maximum/);
    return true;
  });
});

test("features are told and switched by name, with what follows from it", PATIENCE, async () => {
  await using world = new World();
  const { features } = (await makePair(world)).ethtool;
  const before = await features.get("v0");
  for (const name of ["tx-checksum-ip-generic", "tx-tcp-segmentation"]) {
    assert.ok(
      before.known.includes(name) && before.hardware.includes(name) && before.active.includes(name),
      name,
    );
  }
  const { refused, changed } = await features.set("v0", { "tx-checksum-ip-generic": false });
  assert.deepEqual(refused, []);
  assert.equal(changed["tx-checksum-ip-generic"], false);
  assert.equal(changed["tx-tcp-segmentation"], false);
  const after = await features.get("v0");
  assert.ok(
    !after.active.includes("tx-checksum-ip-generic") && !after.wanted.includes("tx-checksum-ip-generic"),
  );
  assert.ok(after.wanted.includes("tx-tcp-segmentation") && !after.active.includes("tx-tcp-segmentation"));
  await features.set("v0", { "tx-checksum-ip-generic": true });
  assert.deepEqual((await features.get("v0")).active, before.active);
});

test(
  "a feature the driver is against is refused without an error, one nobody knows with one",
  PATIENCE,
  async () => {
    await using world = new World();
    const { features } = (await makePair(world)).ethtool;
    assert.deepEqual(await features.set("v0", { "rx-all": true }), { refused: ["rx-all"], changed: {} });
    await assert.rejects(features.set("v0", { "no-such-feature": true }), /bit name not found/);
  },
);

test("link modes, kind of port and state are told", PATIENCE, async () => {
  await using world = new World();
  const namespace = await makePair(world);
  const { ethtool, links } = namespace;
  const modes = await ethtool.linkModes.get("v0");
  assert.deepEqual([modes.speed, modes.duplex, modes.isNegotiating], [10e9, "full", false]);
  assert.equal(await ethtool.linkModes.port("v0"), "twisted-pair");
  assert.deepEqual(await ethtool.linkState("v0"), { hasCarrier: false });
  for (const name of ["v0", "v1"]) await links.set((await links.get(name)).index, { isUp: true });
  assert.deepEqual(await ethtool.linkState("v0"), { hasCarrier: true });
});

test("what a driver does not offer is EOPNOTSUPP with words of our own", PATIENCE, async () => {
  await using world = new World();
  const { ethtool } = await makePair(world);
  await assert.rejects(ethtool.rings.get("v0"), (error) => {
    assert.ok(isErrno(error, EOPNOTSUPP));
    assert.match(error.message, /the link's driver offers no ring sizes \(EOPNOTSUPP\)$/);
    return true;
  });
  await assert.rejects(ethtool.pause("v0"), /offers no pause settings/);
  await assert.rejects(ethtool.linkModes.set("v0", { speed: 1e9 }), /offers no link modes that can be set/);
  await assert.rejects(ethtool.driver("lo"), /offers no information about itself/);
  assert.deepEqual(await ethtool.driverStatistics("lo"), {});
  assert.deepEqual(await ethtool.standardStatistics("v0"), []);
});

test("the names of standard statistics are the kernel's", PATIENCE, async () => {
  await using generic = new Generic();
  const ethtool = new GenericFamily(generic.client, "ethtool", 1);
  /** Names of a string set of the kernel's own: ETHTOOL_MSG_STRSET_GET, with one ETHTOOL_A_STRINGSET_ID. */
  const namesOf = async (set: number) => {
    const [answer] = await ethtool.request({
      operation: "read names",
      command: 1,
      write: (attributes) =>
        attributes.nest(1, () => {}).nest(2, (sets) => sets.nest(1, (one) => one.u32(1, set))),
    });
    const one = readGeneric(answer as Uint8Array)
      .nested(2)
      ?.nested(1);
    return nestsOf(one?.nested(3), 1).map((string) => string.string(2));
  };
  const groups = { "eth-phy": 17, "eth-mac": 18, "eth-ctrl": 19, rmon: 20 } as const;
  for (const [group, set] of Object.entries(groups)) {
    const names = await namesOf(set);
    assert.deepEqual(COUNTERS[group as keyof typeof groups], names, group);
  }
});
