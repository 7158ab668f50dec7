import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DevicePluginDoor } from "../../../../src/kubelet/door.ts";
import { AdmissionError } from "../../../../src/standalone/kubelet/admission.ts";
import type { EmbeddedKubelet } from "../../../../src/standalone/kubelet/embedded-kubelet.ts";
import type { KeysBy } from "../../../../src/standalone/kubelet/plugin-table.ts";
import { FakePools, nic, poolOf } from "../../kubelet/pools.ts";
import { newPod, socketsIn, until, World } from "./world.ts";

const nics = "lanyard.dev/nics";
const modes: readonly KeysBy[] = ["resource", "resourceAndSocket"];
let world: World;

beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world.end());

/** A door with so many links. It is patient, so that what it does is not done because of a timer. */
async function startDoor(links: number, isByRegistry = false): Promise<DevicePluginDoor> {
  const devices = Array.from({ length: links }, (_, index) => nic(`up${index}`));
  const door = new DevicePluginDoor({
    pools: new FakePools(poolOf(nics, ...devices)),
    log: world.log,
    kubeletDir: world.directory,
    ...(isByRegistry && { pluginsRegistry: world.registry }),
    timing: { retryMs: 20, longestRetryMs: 60_000, streamMs: 60_000, stopMs: 100 },
  });
  world.defer(() => door.stop());
  await door.start();
  return door;
}

function startKubelet(keysBy: KeysBy): Promise<EmbeddedKubelet> {
  return world.kubelet({ keysBy, pluginsRegistry: world.registry });
}

/** A pod gets so many links, however often the kubelet has to be asked. */
async function admitSoon(kubelet: EmbeddedKubelet, count: number): Promise<void> {
  await world.until(async () => {
    const admission = kubelet.admit(newPod(), [{ name: "main", resources: { [nics]: count } }]);
    return admission.then(
      () => true,
      (error) => {
        assert(error instanceof AdmissionError);
        return false;
      },
    );
  });
}

/** Notes every count of healthy devices that the kubelet has from now on. */
function watchCounts(kubelet: EmbeddedKubelet): number[] {
  const counts: number[] = [];
  kubelet.onChange(() => {
    const count = kubelet.resources()[0]?.allocatable ?? -1;
    if (counts.at(-1) !== count) counts.push(count);
  });
  return counts;
}

for (const keysBy of modes) {
  for (const isByRegistry of [false, true]) {
    const way = isByRegistry ? "by plugins_registry" : "by kubelet.sock";
    describe(`a new agent before the old one's end, with a kubelet that keys by ${keysBy}, ${way}`, () => {
      it("takes over, and has the resource when the old one has ended", async () => {
        const kubelet = await startKubelet(keysBy);
        const older = await startDoor(1, isByRegistry);
        await until(kubelet, nics, "1/1");
        const newer = await startDoor(2, isByRegistry);
        await until(kubelet, nics, "2/2");
        const counts = watchCounts(kubelet);
        await older.stop();
        if (keysBy === "resource") {
          // This kubelet takes the older one's end for the newer one's; there is a gap, and no timer ends it.
          while (!counts.includes(0)) await world.nextLine();
          await until(kubelet, nics, "2/2");
        }
        await admitSoon(kubelet, 2);
        await world.until(() => newer.status()[0]?.isRegistered ?? false);
        if (keysBy === "resourceAndSocket")
          assert.deepEqual(
            counts.filter((count) => count < 2),
            [],
          );
      });

      it("leaves the resource to the old one when it ends first", async () => {
        const kubelet = await startKubelet(keysBy);
        const older = await startDoor(1, isByRegistry);
        await until(kubelet, nics, "1/1");
        const newer = await startDoor(2, isByRegistry);
        await until(kubelet, nics, "2/2");
        await world.until(() => older.status()[0]?.lastError?.includes("stands aside") ?? false);
        assert.equal(older.status()[0]?.isRegistered, false);
        await newer.stop();
        await until(kubelet, nics, "1/1");
        await world.until(() => older.status()[0]?.isRegistered ?? false);
        await admitSoon(kubelet, 1);
      });

      it("lives through the kubelet's restart beside the old one, and one of them serves", async () => {
        const first = await startKubelet(keysBy);
        await startDoor(2, isByRegistry);
        await until(first, nics, "2/2");
        await startDoor(2, isByRegistry);
        await until(first, nics, "2/2");
        await first.stop();
        const second = await startKubelet(keysBy);
        await until(second, nics, "2/2");
        await admitSoon(second, 2);
      });
    });
  }

  it(`an agent that is killed and started again has the resource at once, with a kubelet that keys by ${keysBy}`, async () => {
    const kubelet = await startKubelet(keysBy);
    const script = join(import.meta.dirname, "door-process.ts");
    const child = spawn(process.execPath, [script, world.directory, nics], { stdio: "ignore" });
    world.defer(() => child.kill("SIGKILL"));
    await until(kubelet, nics, "1/1");
    child.kill("SIGKILL");
    await once(child, "exit");
    await until(kubelet, nics, "1/0");
    assert.equal((await socketsIn(world.directory)).length, 2);
    await startDoor(3);
    await until(kubelet, nics, "3/3");
    const [own, ...others] = (await socketsIn(world.directory)).filter((name) => name !== "kubelet.sock");
    assert.match(own ?? "", /^lanyard\.dev_nics-[0-9a-f]{8}\.sock$/);
    assert.deepEqual(others, [], "the socket that was left behind is removed");
  });
}

it("a socket of another resource is left alone, whoever answers there", async () => {
  const kubelet = await world.kubelet();
  const other = join(world.directory, "lanyard.dev_nics-fast-00c0ffee.sock");
  await writeFile(other, "");
  const living = join(world.directory, "lanyard.dev_other-00c0ffee.sock");
  const server = createServer().listen(living);
  world.defer(() => new Promise((resolve) => server.close(resolve)));
  await startDoor(1);
  await until(kubelet, nics, "1/1");
  assert((await socketsIn(world.directory)).includes("lanyard.dev_other-00c0ffee.sock"));
});
