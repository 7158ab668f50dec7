import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DeviceBook } from "../../../../src/clients/device-book.ts";
import { PodResourcesClient } from "../../../../src/clients/pod-resources.ts";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import { FakePools, nic, poolOf, sick } from "../../kubelet/pools.ts";
import { newPod, until, World } from "./world.ts";

const nics = "lanyard.dev/nics";
let world: World;
let socket: string;

beforeEach(async () => {
  world = await World.create();
  socket = join(world.directory, "pod-resources", "kubelet.sock");
});
afterEach(() => world.end());

function startKubelet() {
  return world.kubelet({ podResourcesSocket: socket });
}

function connect(): PodResourcesClient {
  return new PodResourcesClient(socket);
}

async function startDoor(uses?: DeviceBook): Promise<void> {
  const pools = new FakePools(
    poolOf(nics, nic("up0", { numaNode: 1 }), nic("up1"), sick("up2", "no carrier")),
  );
  const door = new DevicePluginDoor({
    pools,
    log: world.log,
    kubeletDir: world.directory,
    timing: { stopMs: 50 },
    ...(uses && { uses }),
  });
  world.defer(() => door.stop());
  await door.start();
}

function ask(count: number) {
  return [{ name: "main", resources: { [nics]: count } }];
}

describe("the pod-resources API of the embedded kubelet", () => {
  it("tells which container has which device, and which can be given away", async () => {
    const kubelet = await startKubelet();
    await startDoor();
    await until(kubelet, nics, "3/2");
    const pod = newPod("alpha");
    await kubelet.admit(pod, ask(2));
    const client = connect();
    const main = { namespace: "default", pod: "alpha", container: "main", resource: nics };
    const expected = [
      { ...main, id: "up0" },
      { ...main, id: "up1" },
    ];
    assert.deepEqual(await client.list(), expected);
    assert.deepEqual(await client.get(pod), expected);
    assert.deepEqual(await client.pods(), new Set(["default/alpha"]));
    assert.deepEqual(await client.allocatable(), [
      { resource: nics, id: "up0", numaNodes: [1] },
      { resource: nics, id: "up1", numaNodes: [] },
    ]);
    await assert.rejects(client.get({ namespace: "default", name: "beta" }), {
      message: /pod beta in namespace default not found$/,
    });
    await kubelet.release(pod);
    assert.deepEqual(await client.list(), []);
  });

  it("tells of pods without devices too, but not of those that were not admitted", async () => {
    const kubelet = await startKubelet();
    await kubelet.admit(newPod("alpha"), [{ name: "main", resources: {} }]);
    await assert.rejects(kubelet.admit(newPod("beta"), ask(1)));
    const client = connect();
    assert.deepEqual(await client.pods(), new Set(["default/alpha"]));
    assert.deepEqual(await client.get({ namespace: "default", name: "alpha" }), []);
    assert.deepEqual(await client.list(), []);
  });

  it("knows a pod by its UID after a restart, until that is admitted again", async () => {
    const first = await startKubelet();
    await startDoor();
    await until(first, nics, "3/2");
    const pod = newPod("alpha");
    await first.admit(pod, ask(1));
    await first.stop();
    const second = await startKubelet();
    const client = connect();
    const namesOf = async () =>
      (await client.list()).map((device) => [device.namespace, device.pod, device.id]);
    assert.deepEqual(await namesOf(), [["", pod.uid, "up0"]]);
    await second.admit(pod, ask(1));
    assert.deepEqual(await namesOf(), [["default", "alpha", "up0"]]);
  });

  it("cannot be asked when nobody serves it", async () => {
    await assert.rejects(connect().list(), { code: "unavailable" });
  });
});

describe("the book of devices beside the embedded kubelet", () => {
  it("follows a pod from its admission to its end", async () => {
    const kubelet = await startKubelet();
    const book = new DeviceBook({ client: connect(), log: world.log, clock: world.clock });
    await startDoor(book);
    await until(kubelet, nics, "3/2");
    const pod = newPod("alpha");
    await kubelet.admit(pod, ask(1));
    assert.deepEqual(book.uses(), [{ resource: nics, id: "up0", user: "a pod that is being started" }]);
    await book.refresh();
    assert.deepEqual(book.uses(), [{ resource: nics, id: "up0", user: "pod default/alpha, container main" }]);
    await kubelet.stop();
    world.clock.advance(100_000);
    await book.refresh();
    assert.equal(book.uses().length, 1, "a kubelet that is away takes nobody's device");
    const again = await startKubelet();
    await again.release(pod);
    await book.refresh();
    assert.equal(book.uses().length, 1, "a kubelet that has just come may not know its pods yet");
    world.clock.advance(60_000);
    await book.refresh();
    assert.deepEqual(book.uses(), []);
  });
});
