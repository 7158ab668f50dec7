import assert from "node:assert/strict";
import { link, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import type { DoorTiming } from "../../../../src/kubelet/timing.ts";
import { UnixSocketClient } from "../../../../src/rpc/client.ts";
import { DevicePlugin } from "../../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { Registration } from "../../../../src/rpc/generated/pluginregistration/v1_pb.js";
import { implement, serveOnUnixSocket } from "../../../../src/rpc/server.ts";
import { FakePools, nic, poolOf } from "../../kubelet/pools.ts";
import { newPod, socketsIn, until, World } from "./world.ts";

const nics = "lanyard.dev/nics";
let world: World;

beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world.end());

async function startDoor(pools: FakePools, timing: Partial<DoorTiming> = {}): Promise<DevicePluginDoor> {
  const door = new DevicePluginDoor({
    pools,
    log: world.log,
    pluginsRegistry: world.registry,
    timing: { retryMs: 60_000, longestRetryMs: 60_000, streamMs: 60_000, stopMs: 50, ...timing },
  });
  world.defer(() => door.stop());
  await door.start();
  return door;
}

function startKubelet() {
  return world.kubelet({ pluginsRegistry: world.registry });
}

function twoPools(): FakePools {
  return new FakePools(poolOf(nics, nic("up0"), nic("up1")), poolOf("lanyard.dev/more", nic("up2")));
}

/** Plays the kubelet's watcher by hand: what is called on the plugin's socket. */
async function connect<S extends typeof Registration | typeof DevicePlugin>(service: S) {
  await world.until(async () => (await socketsIn(world.registry)).length > 0);
  const [name = ""] = await socketsIn(world.registry);
  const client = new UnixSocketClient(service, join(world.registry, name));
  world.defer(() => client.close());
  return { client, name };
}

describe("registration by plugins_registry", () => {
  it("brings the pools to the node, by the plugin's own socket alone", async () => {
    const kubelet = await startKubelet();
    const door = await startDoor(twoPools());
    await until(kubelet, nics, "2/2");
    await until(kubelet, "lanyard.dev/more", "1/1");
    await kubelet.admit(newPod(), [{ name: "main", resources: { [nics]: 2 } }]);
    assert.deepEqual(
      door.status().map(({ isRegistered }) => isRegistered),
      [true, true],
    );
    assert.deepEqual(await socketsIn(world.directory), ["kubelet.sock"]);
  });

  it("says who it is in the watcher's words", async () => {
    await mkdir(world.registry);
    const door = await startDoor(new FakePools(poolOf(nics, nic("up0"))));
    const { client } = await connect(Registration);
    const { type, name, endpoint, supportedVersions } = await client.call("getInfo", {});
    assert.deepEqual([type, name, supportedVersions], ["DevicePlugin", nics, ["v1beta1"]]);
    assert.equal(endpoint, door.status()[0]?.socket);
  });

  it("finds a kubelet that comes later, and one that comes again", async () => {
    await mkdir(world.registry);
    await startDoor(twoPools());
    for (let round = 0; round < 3; round += 1) {
      const kubelet = await startKubelet();
      await until(kubelet, nics, "2/2");
      await kubelet.stop();
    }
  });

  it("removes what a killed process left of a resource that is offered no more, and nothing of others", async () => {
    await mkdir(world.registry);
    const at = (name: string) => join(world.registry, name);
    const killed = await serveOnUnixSocket({ path: at("killed.sock") }, []);
    for (const name of ["lanyard.dev_gone-00c0ffee.sock", "other-driver.sock"])
      await link(at("killed.sock"), at(name));
    await killed.stop();
    const living = createServer().listen(at("lanyard.dev_other-00c0ffee.sock"));
    world.defer(() => new Promise((resolve) => living.close(resolve)));
    await startDoor(new FakePools());
    await world.until(
      async () => !(await socketsIn(world.registry)).includes("lanyard.dev_gone-00c0ffee.sock"),
    );
    assert.deepEqual(await socketsIn(world.registry), [
      "lanyard.dev_other-00c0ffee.sock",
      "other-driver.sock",
    ]);
  });

  it("waits for the folder", async () => {
    const door = await startDoor(twoPools());
    assert.match(world.lines.join("\n"), /waiting for the kubelet: .*plugins_registry does not exist yet/);
    await world.until(() => door.status()[0]?.lastError?.includes("does not exist") ?? false);
    await until(await startKubelet(), nics, "2/2");
  });

  it("makes its socket anew at once when somebody removed it, and the resource comes back", async () => {
    const kubelet = await startKubelet();
    await startDoor(new FakePools(poolOf(nics, nic("up0"))));
    await until(kubelet, nics, "1/1");
    const [name = ""] = await socketsIn(world.registry);
    const gone = until(kubelet, nics, "1/0");
    await rm(join(world.registry, name));
    await gone;
    await until(kubelet, nics, "1/1");
    assert.notDeepEqual(await socketsIn(world.registry), [name]);
  });

  it("goes away with its pool", async () => {
    const kubelet = await startKubelet();
    const pools = twoPools();
    await startDoor(pools);
    await until(kubelet, "lanyard.dev/more", "1/1");
    pools.set(poolOf(nics, nic("up0"), nic("up1"), nic("up9")));
    await until(kubelet, "lanyard.dev/more", "1/0");
    await until(kubelet, nics, "3/3");
    assert.equal((await socketsIn(world.registry)).length, 1);
  });

  it("keeps the reason of a refusal and tries again with another socket", async () => {
    await mkdir(world.registry);
    const door = await startDoor(new FakePools(poolOf(nics, nic("up0"))), { retryMs: 5 });
    const { client, name } = await connect(Registration);
    await client.call("notifyRegistrationStatus", { pluginRegistered: false, error: "not today" });
    assert.equal(door.status()[0]?.lastError, "the kubelet refused the registration: not today");
    await world.until(async () => {
      const [now] = await socketsIn(world.registry);
      return now !== undefined && now !== name;
    });
  });

  it("makes its socket anew when the stream has ended", async () => {
    await mkdir(world.registry);
    const door = await startDoor(new FakePools(poolOf(nics, nic("up0"))));
    const { client, name } = await connect(DevicePlugin);
    const stream = client.watch("listAndWatch", {});
    await stream.next();
    assert.equal(door.status()[0]?.isRegistered, true);
    await stream.return();
    await world.until(async () => {
      const [now] = await socketsIn(world.registry);
      return now !== undefined && now !== name;
    });
  });

  it("makes its socket anew when nobody comes to it", async () => {
    await mkdir(world.registry);
    await startDoor(new FakePools(poolOf(nics, nic("up0"))), { streamMs: 20, retryMs: 5 });
    const names = new Set<string>();
    await world.until(async () => {
      for (const name of await socketsIn(world.registry)) names.add(name);
      return names.size > 2;
    });
    const told = world.lines.filter((line) => line.includes("did not watch the device list"));
    assert.equal(told.length, 1, "a kubelet that is away for hours is told of once");
  });
});

describe("the embedded kubelet's plugin watcher", () => {
  async function servePlugin(info: { type: string; name: string; supportedVersions: string[] }) {
    const told = Promise.withResolvers<{ pluginRegistered: boolean; error: string }>();
    const server = await serveOnUnixSocket({ path: join(world.registry, "strange.sock"), stopWithinMs: 50 }, [
      implement(Registration, {
        getInfo: async () => info,
        notifyRegistrationStatus: async (status) => {
          told.resolve(status);
          return {};
        },
      }),
    ]);
    world.defer(() => server.stop());
    return told.promise;
  }

  const strange: [name: string, info: Parameters<typeof servePlugin>[0], error: RegExp][] = [
    [
      "another kind of plugin",
      { type: "CSIPlugin", name: nics, supportedVersions: ["v1beta1"] },
      /no handler registered for plugin type: CSIPlugin/,
    ],
    [
      "another version",
      { type: "DevicePlugin", name: nics, supportedVersions: ["v2"] },
      /v1beta1, is not among plugin supported versions \["v2"\]/,
    ],
    [
      "a name that is no extended resource's",
      { type: "DevicePlugin", name: "cpu", supportedVersions: ["v1beta1"] },
      /the ResourceName "cpu" is invalid/,
    ],
  ];
  for (const [name, info, error] of strange) {
    it(`refuses ${name}, and tells it so`, async () => {
      const kubelet = await startKubelet();
      const told = await servePlugin(info);
      assert.equal(told.pluginRegistered, false);
      assert.match(told.error, error);
      assert.deepEqual(kubelet.resources(), []);
    });
  }
});
