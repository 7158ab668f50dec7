import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import test, { after } from "node:test";
import { EBUSY, EEXIST, EINVAL, ENODEV, EOPNOTSUPP } from "../../src/linux/errno.ts";
import { isErrno } from "../../src/linux/netlink/error.ts";
import { leaveSharedNamespace, World } from "../kernel/world.ts";
import { loadModule, Netdevsim } from "./guest.ts";

leaveSharedNamespace();
loadModule("netdevsim");

const PATIENCE = { timeout: 60_000 };

/** One for all tests: its threads take seconds to start in the guest. */
const world = new World();
after(() => world[Symbol.asyncDispose]());
const here = world.kernel.host;
const { devices, eswitches, ports, rates, parameters, health } = here.devlink;

/** What iproute2 says, behind the word that all of it stands under. */
function devlinkSays(...words: readonly string[]): Record<string, unknown> {
  const [said] = Object.values(JSON.parse(execFileSync("devlink", ["-j", ...words], { encoding: "utf8" })));
  return said as Record<string, unknown>;
}

/** A device of netdevsim with VFs, whose eswitch shows each by a representor. */
function makeSwitch(id: number, vfs: number): Netdevsim {
  const device = new Netdevsim(id);
  device.vfCount = vfs;
  execFileSync("devlink", ["dev", "eswitch", "set", device.devlinkName, "mode", "switchdev"]);
  return device;
}

/** What netdevsim holds in debugfs. */
function held(device: Netdevsim, path: string): string {
  return readFileSync(`${device.debugFolder}/${path}`, "utf8").trim();
}

test("devices are listed and found, and told apart from those that are not there", PATIENCE, async () => {
  using device = new Netdevsim(20);
  assert.deepEqual(
    (await devices.list()).map((one) => one.device),
    Object.keys(devlinkSays("dev", "show")),
  );
  assert.deepEqual(await devices.get(device.devlinkName), {
    device: "netdevsim/netdevsim20",
    hasReloadFailed: false,
    reloads: [{ action: "driver_reinit", limit: "unspecified", count: 0 }],
  });
  assert.equal(await devices.find("netdevsim/netdevsim21"), undefined);
  await assert.rejects(devices.get("netdevsim/netdevsim21"), (error) => isErrno(error, ENODEV));
});

test("the driver tells what iproute2 shows of it", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const info = await devices.info(device.devlinkName);
  const said = devlinkSays("dev", "info")[device.devlinkName] as {
    driver: string;
    versions: { running: object; stored: object };
  };
  assert.equal(info.driver, said.driver);
  assert.deepEqual(info.versions, { fixed: {}, ...said.versions });
  assert.notDeepEqual(info.versions.running, {});
});

test(
  "in switchdev mode each VF has a port that a link shows, and in legacy mode none",
  PATIENCE,
  async () => {
    using device = new Netdevsim(20);
    device.vfCount = 3;
    const name = device.devlinkName;
    assert.equal((await eswitches.get(name)).mode, "legacy");
    assert.deepEqual(
      (await ports.list(name)).map(({ flavour }) => flavour),
      ["physical"],
    );

    await eswitches.set(name, { mode: "switchdev" });
    assert.equal((devlinkSays("dev", "eswitch", "show", name)[name] as { mode: string }).mode, "switchdev");
    const representors = (await ports.list(name)).filter(({ flavour }) => flavour === "pcivf");
    assert.deepEqual(
      representors.map(({ vfNumber }) => vfNumber),
      [0, 1, 2],
    );
    for (const { linkIndex, linkName } of representors) {
      assert.equal((await here.links.get(linkIndex ?? 0)).name, linkName);
    }

    await eswitches.set(name, { mode: "legacy" });
    assert.equal((await ports.list(name)).length, 1);
    for (const { linkIndex } of representors) assert.equal(await here.links.find(linkIndex ?? 0), undefined);
  },
);

test("ports are what iproute2 shows, each alone and all together", PATIENCE, async () => {
  using device = makeSwitch(20, 2);
  using _other = new Netdevsim(21);
  const said = devlinkSays("port", "show");
  const all = await ports.list();
  const shown = all.map((port) => [
    `${port.device}/${port.index}`,
    [port.type, port.flavour, port.portNumber, port.pfNumber, port.vfNumber, port.controller, port.linkName],
  ]);
  assert.deepEqual(
    Object.fromEntries(shown),
    Object.fromEntries(
      Object.entries(said as Record<string, Record<string, unknown>>).map(([name, port]) => [
        name,
        [port.type, port.flavour, port.port, port.pfnum, port.vfnum, port.controller, port.netdev],
      ]),
    ),
  );
  const own = await ports.list(device.devlinkName);
  assert.deepEqual([all.length, own.length], [4, 3]);
  for (const port of own) assert.deepEqual(await ports.get(device.devlinkName, port.index), port);
});

test("what netdevsim's switch does not offer is refused with words", PATIENCE, async () => {
  using device = makeSwitch(20, 1);
  const name = device.devlinkName;
  await assert.rejects(eswitches.set(name, { inlineMode: "link" }), (error) => {
    assert.ok(isErrno(error, EOPNOTSUPP));
    assert.match(
      error.message,
      /^set the inline mode link of netdevsim\/netdevsim20 in .*: the device has no eswitch/,
    );
    return true;
  });
  await assert.rejects(
    ports.setFunctionMac(name, 128, "02:00:00:00:00:01"),
    /Port doesn't support function attributes/,
  );
  await assert.rejects(ports.get(name, 77), (error) => isErrno(error, ENODEV));
});

test(
  "rates are set on a node and on the port under it, in the driver and as iproute2 shows them",
  PATIENCE,
  async () => {
    using device = makeSwitch(20, 2);
    const name = device.devlinkName;
    await rates.addNode(name, "gold");
    await rates.set(name, { node: "gold" }, { txShare: 10e6, txMax: 100e6 });
    await rates.set(name, { port: 128 }, { txShare: 1e6, txMax: 50e6, parent: "gold" });

    const node = { device: name, node: "gold", txShare: 10e6, txMax: 100e6, txPriority: 0, txWeight: 0 };
    const leaf = { device: name, port: 128, txShare: 1e6, txMax: 50e6, txPriority: 0, txWeight: 0 };
    const free = { ...leaf, port: 129, txShare: 0, txMax: 0 };
    const list = await rates.list(name);
    assert.equal(list.length, 3);
    assert.deepEqual(await rates.get(name, { node: "gold" }), node);
    assert.deepEqual(await rates.get(name, { port: 128 }), { ...leaf, parent: "gold" });
    assert.deepEqual(await rates.get(name, { port: 129 }), free);
    for (const one of [node, { ...leaf, parent: "gold" }, free]) {
      assert.deepEqual(
        list.filter((found) => JSON.stringify(found) === JSON.stringify(one)),
        [one],
      );
    }
    // netdevsim holds megabits, iproute2 shows bytes.
    assert.deepEqual([held(device, "ports/128/tx_max"), held(device, "ports/128/tx_share")], ["50", "1"]);
    assert.equal(held(device, "ports/128/rate_parent"), "gold");
    assert.equal(held(device, "rate_nodes/gold/tx_max"), "100");
    const shown = devlinkSays("port", "function", "rate", "show") as Record<string, Record<string, unknown>>;
    assert.deepEqual(shown[`${name}/gold`], { type: "node", tx_share: 1_250_000, tx_max: 12_500_000 });
    assert.deepEqual(shown[`${name}/128`]?.tx_max, 6_250_000);
  },
);

test("a node goes when nothing hangs under it any more", PATIENCE, async () => {
  using device = makeSwitch(20, 1);
  const name = device.devlinkName;
  await rates.addNode(name, "gold", { txMax: 100e6 });
  assert.equal((await rates.get(name, { node: "gold" })).txMax, 100e6);
  await assert.rejects(rates.addNode(name, "gold"), (error) => isErrno(error, EEXIST));
  await rates.set(name, { port: 128 }, { parent: "gold" });
  await assert.rejects(rates.deleteNode(name, "gold"), (error) => {
    assert.ok(isErrno(error, EBUSY));
    assert.match(error.message, /Node has children/);
    return true;
  });
  await rates.set(name, { port: 128 }, { parent: null });
  assert.equal((await rates.get(name, { port: 128 })).parent, undefined);
  await rates.deleteNode(name, "gold");
  await assert.rejects(rates.get(name, { node: "gold" }), /no such devlink device, port or rate node/);
});

test("rates the driver cannot keep are refused in its own words", PATIENCE, async () => {
  using device = makeSwitch(20, 1);
  const port = { port: 128 };
  await assert.rejects(rates.set(device.devlinkName, port, { txMax: 100 }), (error) => {
    assert.ok(isErrno(error, EINVAL));
    assert.match(error.message, /TX rate value not in link speed units of 1Mbps/);
    return true;
  });
  await assert.rejects(rates.set(device.devlinkName, port, { txWeight: 5 }), /TX weight set isn't supported/);
  await assert.rejects(rates.get(device.devlinkName, { port: 0 }), (error) => isErrno(error, ENODEV));
});

test("parameters are what iproute2 shows, and hold from the next reload on", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const name = device.devlinkName;
  assert.deepEqual(await parameters.list(name), [
    { device: name, name: "max_macs", isGeneric: true, type: "u32", values: { driverinit: 32 } },
    { device: name, name: "test1", isGeneric: false, type: "bool", values: { driverinit: true } },
  ]);
  await parameters.set(name, { name: "max_macs", value: 16, mode: "driverinit" });
  await parameters.set(name, { name: "test1", value: false, mode: "driverinit", type: "bool" });
  assert.deepEqual((await parameters.get(name, "max_macs")).values, { driverinit: 16 });
  const shown = devlinkSays("dev", "param", "show")[name];
  assert.deepEqual(
    (shown as { name: string; values: object[] }[]).map(({ values }) => values),
    [[{ cmode: "driverinit", value: 16 }], [{ cmode: "driverinit", value: false }]],
  );
  assert.deepEqual([held(device, "max_macs"), held(device, "test1")], ["32", "Y"]);
  assert.deepEqual(await devices.reload(name), ["driver_reinit"]);
  assert.deepEqual([held(device, "max_macs"), held(device, "test1")], ["16", "N"]);
});

test("parameters that are not there, or not of that mode, are refused", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const name = device.devlinkName;
  await assert.rejects(parameters.get(name, "nothing"), /there is no parameter of that name/);
  const setting = { name: "max_macs", value: 16 } as const;
  await assert.rejects(parameters.set(name, { ...setting, mode: "runtime" }), (error) =>
    isErrno(error, EOPNOTSUPP),
  );
  await assert.rejects(
    parameters.set(name, { ...setting, value: 2 ** 32, mode: "driverinit" }),
    /from 0 to 4294967295/,
  );
});

test("an error of a device is told, kept, and recovered from when that is asked for", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const reporter = { device: device.devlinkName, name: "dummy" };
  assert.deepEqual(
    (await health.list(device.devlinkName)).map(({ name, state }) => [name, state]),
    [
      ["empty", "healthy"],
      ["dummy", "healthy"],
    ],
  );
  await health.set(reporter, { isAutoRecovering: false, gracePeriod: 100 });
  const before = Date.now();
  writeFileSync(`${device.debugFolder}/health/break_health`, "something burst");
  const broken = await health.get(reporter);
  assert.deepEqual(
    { ...broken, dumpedAt: undefined },
    {
      ...reporter,
      state: "error",
      errors: 1,
      recoveries: 0,
      gracePeriod: 100,
      isAutoRecovering: false,
      isAutoDumping: true,
      dumpedAt: undefined,
    },
  );
  // The kernel's clock ticks in milliseconds here.
  assert.ok(
    (broken.dumpedAt ?? 0) >= before - 20 && (broken.dumpedAt ?? 0) <= Date.now(),
    `${broken.dumpedAt}`,
  );
  const [shown] = (devlinkSays("health", "show")[device.devlinkName] as { reporter: string }[]).filter(
    (one) => one.reporter === "dummy",
  ) as unknown as { state: string; error: number; recover: number; grace_period: number }[];
  assert.deepEqual([shown?.state, shown?.error, shown?.recover, shown?.grace_period], ["error", 1, 0, 100]);

  await health.recover(reporter);
  const recovered = await health.get(reporter);
  assert.deepEqual([recovered.state, recovered.errors, recovered.recoveries], ["healthy", 1, 1]);
});

test("a recovery that fails is an error, and the device stays broken", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const reporter = { device: device.devlinkName, name: "dummy" };
  await health.set(reporter, { isAutoRecovering: false, isAutoDumping: false });
  writeFileSync(`${device.debugFolder}/health/fail_recover`, "1");
  writeFileSync(`${device.debugFolder}/health/break_health`, "something burst");
  await assert.rejects(
    health.recover(reporter),
    /recover the health reporter dummy .*: User setup the recover to fail/,
  );
  const { state, dumpedAt } = await health.get(reporter);
  assert.deepEqual([state, dumpedAt], ["error", undefined]);
});

test("a reporter recovers by itself where it may", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const reporter = { device: device.devlinkName, name: "dummy" };
  writeFileSync(`${device.debugFolder}/health/break_health`, "something burst");
  const { state, errors, recoveries } = await health.get(reporter);
  assert.deepEqual([state, errors, recoveries], ["healthy", 1, 1]);
});

test("a reporter that is not there, or plays no errors, refuses", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const place = { device: device.devlinkName };
  await assert.rejects(health.get({ ...place, name: "nothing" }), /there is no reporter of that name/);
  await assert.rejects(health.test({ ...place, name: "dummy" }), (error) => isErrno(error, EOPNOTSUPP));
});

test("a reload is counted, and one that cannot be is refused", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const name = device.devlinkName;
  assert.deepEqual(await devices.reload(name, { action: "driver_reinit" }), ["driver_reinit"]);
  assert.equal((await devices.get(name)).reloads[0]?.count, 1);
  await assert.rejects(devices.reload(name, { limit: "no_reset" }), /Requested limit is not supported/);
  await assert.rejects(devices.reload(name, { action: "fw_activate" }), /reload action is not supported/);
});

test("a reload that fails leaves the device down, and says so until another succeeds", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const name = device.devlinkName;
  writeFileSync(`${device.debugFolder}/fail_reload`, "1");
  await assert.rejects(devices.reload(name), (error) => isErrno(error, EINVAL));
  assert.equal((await devices.get(name)).hasReloadFailed, true);
  assert.deepEqual(await ports.list(name), []);
  writeFileSync(`${device.debugFolder}/fail_reload`, "0");
  await devices.reload(name);
  assert.equal((await devices.get(name)).hasReloadFailed, false);
  assert.equal((await ports.list(name)).length, 1);
});

test("a device moves to another namespace with its links, and back", PATIENCE, async () => {
  using device = new Netdevsim(20);
  const name = device.devlinkName;
  const there = await world.makeNamespace();
  assert.deepEqual(await here.devlink.devices.reload(name, { namespaceFd: there.fd }), ["driver_reinit"]);
  assert.equal(await here.devlink.devices.find(name), undefined);
  const [port] = await there.devlink.ports.list(name);
  assert.equal((await there.links.get(port?.linkIndex ?? 0)).name, port?.linkName);
  await assert.rejects(here.devlink.devices.reload(name), (error) => isErrno(error, ENODEV));

  await there.devlink.devices.reload(name, { namespaceFd: here.fd });
  assert.equal(await there.devlink.devices.find(name), undefined);
  assert.equal((await here.devlink.devices.get(name)).reloads[0]?.count, 2);
  assert.equal((await here.devlink.ports.list(name)).length, 1);
});
