import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import type { EmbeddedKubelet } from "../../../../src/standalone/kubelet/embedded-kubelet.ts";
import { FakePools, nic, poolOf, share, sick } from "../../kubelet/pools.ts";
import { newPod, until, World } from "./world.ts";

const nics = "lanyard.dev/nics";
const shares = "lanyard.dev/up0-mbit";
let world: World;

beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world.end());

async function startDoor(pools: FakePools): Promise<DevicePluginDoor> {
  const timing = { retryMs: 5, longestRetryMs: 50, stopMs: 100 };
  const door = new DevicePluginDoor({ pools, log: world.log, kubeletDir: world.directory, timing });
  world.defer(() => door.stop());
  await door.start();
  return door;
}

function bothPools(): FakePools {
  return new FakePools(
    poolOf(nics, nic("up0", { numaNode: 0 }), nic("up1", { numaNode: 1 }), nic("up2", { numaNode: 1 })),
    poolOf(shares, share("up0-1", "up0", 1e6), share("up0-2", "up0", 1e6)),
  );
}

async function admit(kubelet: EmbeddedKubelet, resources: Record<string, number>) {
  const pod = newPod();
  const [allocation] = await kubelet.admit(pod, [{ name: "main", resources }]);
  return { pod, env: allocation?.env ?? {}, ids: (await kubelet.assignedTo(pod)).map((device) => device.id) };
}

describe("the device plugin door and the embedded kubelet", () => {
  it("bring every pool to the node, and devices of one NUMA node to a pod", async () => {
    const kubelet = await world.kubelet();
    const door = await startDoor(bothPools());
    await until(kubelet, nics, "3/3");
    await until(kubelet, shares, "2/2");
    assert.deepEqual(
      door.status().map(({ resource, isRegistered }) => [resource, isRegistered]),
      [
        [nics, true],
        [shares, true],
      ],
    );
    const { ids, env } = await admit(kubelet, { [nics]: 2, [shares]: 1 });
    assert.deepEqual(ids, ["up1", "up2", "up0-1"]);
    assert.equal(env.LANYARD_DEVICE_LANYARD_DEV_NICS, "up1,up2");
    assert.deepEqual(JSON.parse(env.LANYARD_DEVICE_LANYARD_DEV_UP0_MBIT_INFO ?? ""), {
      "up0-1": { kind: "bandwidthShare", link: "up0", rate: 1_000_000 },
    });
  });

  it("carry a change of health to the node, there and back", async () => {
    const kubelet = await world.kubelet();
    const pools = new FakePools(poolOf(nics, nic("up0"), nic("up1")));
    await startDoor(pools);
    await until(kubelet, nics, "2/2");
    pools.set(poolOf(nics, nic("up0"), sick("up1", "no carrier")));
    await until(kubelet, nics, "2/1");
    assert.deepEqual((await admit(kubelet, { [nics]: 1 })).ids, ["up0"]);
    pools.set(poolOf(nics, nic("up0"), nic("up1")));
    await until(kubelet, nics, "2/2");
  });

  it("find each other again after the kubelet restarted, and pods keep their devices", async () => {
    const first = await world.kubelet();
    await startDoor(bothPools());
    await until(first, nics, "3/3");
    const { pod, ids } = await admit(first, { [nics]: 1 });
    await first.stop();
    const second = await world.kubelet();
    await until(second, nics, "3/3");
    await until(second, shares, "2/2");
    assert.deepEqual(
      (await second.assignedTo(pod)).map((device) => device.id),
      ids,
    );
    const rest = await admit(second, { [nics]: 2 });
    assert(!rest.ids.some((id) => ids.includes(id)));
  });

  it("find each other again after ten restarts in a row", async () => {
    let kubelet = await world.kubelet();
    const door = await startDoor(bothPools());
    for (let round = 0; round < 10; round += 1) {
      if (round % 2 === 0) await until(kubelet, nics, "3/3");
      await kubelet.stop();
      kubelet = await world.kubelet();
    }
    await until(kubelet, nics, "3/3");
    await until(kubelet, shares, "2/2");
    // A registration that was begun with one kubelet and answered by the next is made again.
    await world.until(() => door.status().every((each) => each.isRegistered));
  });

  it("find each other when the plugin was there first", async () => {
    await startDoor(bothPools());
    const kubelet = await world.kubelet();
    await until(kubelet, nics, "3/3");
  });

  it("part when the plugin is killed: unhealthy at once, forgotten after the grace", async () => {
    const kubelet = await world.kubelet({ endpointGraceMs: 50 });
    const door = await startDoor(bothPools());
    await until(kubelet, nics, "3/3");
    await until(kubelet, shares, "2/2");
    await door.stop();
    await until(kubelet, nics, "3/0");
    await until(kubelet, shares, "2/0");
    world.clock.advance(50);
    assert.deepEqual(kubelet.resources(), []);
    const files = (await readdir(world.directory)).filter((name) => name.endsWith(".sock"));
    assert.deepEqual(files, ["kubelet.sock"]);
  });

  it("part when the plugin's process gets SIGKILL, and a new process takes the socket it left behind", async () => {
    const kubelet = await world.kubelet();
    const script = join(import.meta.dirname, "door-process.ts");
    const child = spawn(process.execPath, [script, world.directory, nics], { stdio: "ignore" });
    world.defer(() => child.kill("SIGKILL"));
    await until(kubelet, nics, "1/1");
    child.kill("SIGKILL");
    await until(kubelet, nics, "1/0");
    await startDoor(bothPools());
    await until(kubelet, nics, "3/3");
  });

  it("hand over from one plugin to the next without losing the resource", async () => {
    const kubelet = await world.kubelet({ endpointGraceMs: 50 });
    const older = await startDoor(bothPools());
    await until(kubelet, nics, "3/3");
    await until(kubelet, shares, "2/2");
    await startDoor(new FakePools(poolOf(nics, nic("up0"), nic("up1"), nic("up2"), nic("up3"))));
    await until(kubelet, nics, "4/4");
    await older.stop();
    world.clock.advance(1000);
    assert.equal((await admit(kubelet, { [nics]: 4 })).ids.length, 4);
  });

  it("do not let two plugins take one resource from each other: the older stands aside and comes back", async () => {
    const kubelet = await world.kubelet();
    const older = await startDoor(new FakePools(poolOf(nics, nic("up0"))));
    await until(kubelet, nics, "1/1");
    const newer = await startDoor(new FakePools(poolOf(nics, nic("up0"), nic("up1"))));
    await until(kubelet, nics, "2/2");
    while (!older.status()[0]?.lastError?.includes("stands aside")) await world.nextLine();
    assert.equal(newer.status()[0]?.isRegistered, true);
    await newer.stop();
    await until(kubelet, nics, "1/1");
  });

  it("let one pool go and another come while running", async () => {
    const kubelet = await world.kubelet({ endpointGraceMs: 50 });
    const pools = new FakePools(poolOf(nics, nic("up0")));
    await startDoor(pools);
    await until(kubelet, nics, "1/1");
    pools.set(poolOf(shares, share("up0-1", "up0", 1e6)));
    await until(kubelet, shares, "1/1");
    await until(kubelet, nics, "1/0");
    world.clock.advance(50);
    await until(kubelet, nics, "forgotten");
  });
});
