import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import test, { type TestContext } from "node:test";
import { pino } from "pino";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import { BareKubelet } from "../../../bench/devices/kubelet.ts";
import { FakePools, nic, poolOf, sick } from "../../kubelet/pools.ts";

const RESOURCE = "lanyard.dev/nics";

function makeFolder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "bare-kubelet-"));
  t.after(() => rmSync(root, { recursive: true }));
  return mkdtempSync(join(root, "d-"));
}

async function startDoor(kubeletDir: string, pools: FakePools): Promise<DevicePluginDoor> {
  const door = new DevicePluginDoor({ pools, kubeletDir, log: pino({ level: "silent" }) });
  await door.start();
  return door;
}

function healthTold(kubelet: BareKubelet, wanted: Record<string, string>): Promise<number> {
  return kubelet.until(`${JSON.stringify(wanted)} is told`, () => {
    const list = kubelet.plugins.get(RESOURCE)?.list;
    const isMeant = JSON.stringify(Object.fromEntries(list?.health ?? [])) === JSON.stringify(wanted);
    return isMeant ? list?.at : undefined;
  });
}

test("a plugin's registration and lists are noted one after another", async (t) => {
  const folder = makeFolder(t);
  const pools = new FakePools(poolOf(RESOURCE, nic("nic0"), nic("nic1")));
  const door = await startDoor(folder, pools);
  try {
    await using kubelet = new BareKubelet(folder);
    await kubelet.start();
    const first = await healthTold(kubelet, { nic0: "Healthy", nic1: "Healthy" });
    pools.set(poolOf(RESOURCE, nic("nic0"), sick("nic1", "no carrier")));
    const second = await healthTold(kubelet, { nic0: "Healthy", nic1: "Unhealthy" });
    const { registeredAt } = kubelet.plugins.get(RESOURCE) ?? assert.fail("the plugin is not known");
    const times = [kubelet.listeningAt, registeredAt, first, second];
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
  } finally {
    await door.stop();
  }
});

test("a list that the plugin ends is a failure for whoever waits", async (t) => {
  const folder = makeFolder(t);
  const door = await startDoor(folder, new FakePools(poolOf(RESOURCE, nic("nic0"))));
  await using kubelet = new BareKubelet(folder);
  await kubelet.start();
  await healthTold(kubelet, { nic0: "Healthy" });
  const waiting = assert.rejects(
    kubelet.until("what never comes", () => undefined),
    /the list of lanyard\.dev\/nics ended/,
  );
  await door.stop();
  await waiting;
});

test("it empties the folder of sockets when it starts, and leaves nothing at its end", async (t) => {
  const folder = makeFolder(t);
  const left = createServer().listen(join(folder, "left.sock"));
  t.after(() => left.close());
  await new Promise<void>((resolve) => left.once("listening", resolve));
  {
    await using kubelet = new BareKubelet(folder);
    await kubelet.start();
    assert.deepEqual(readdirSync(folder), ["kubelet.sock"]);
  }
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(readdirSync(join(folder, "..")), [basename(folder)]);
});

test("one that follows another is registered with anew", async (t) => {
  const folder = makeFolder(t);
  const door = await startDoor(folder, new FakePools(poolOf(RESOURCE, nic("nic0"))));
  try {
    for (let round = 0; round < 2; round++) {
      await using kubelet = new BareKubelet(folder);
      await kubelet.start();
      await healthTold(kubelet, { nic0: "Healthy" });
    }
  } finally {
    await door.stop();
  }
});
