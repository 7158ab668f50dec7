import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { DevicePluginDoor } from "../../../src/kubelet/door.ts";
import type { DoorTiming } from "../../../src/kubelet/timing.ts";
import { FolderWatch } from "../../../src/linux/folder-watch.ts";
import { UnixSocketClient } from "../../../src/rpc/client.ts";
import {
  DevicePlugin,
  type ListAndWatchResponse,
  type RegisterRequest,
  Registration,
} from "../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { implement, serveOnUnixSocket } from "../../../src/rpc/server.ts";
import { FakePools, nic, policyPool, poolOf, sick, vf } from "./pools.ts";

const resource = "lanyard.dev/nics";
const timing = {
  coalesceMs: 20,
  retryMs: 5,
  longestRetryMs: 40,
  streamMs: 60,
  registerMs: 2000,
  stopMs: 100,
};

let root: string;
let folder: string;
let lines: string[];
let cleanups: (() => Promise<unknown>)[];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "door-"));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, "d-"));
  lines = [];
  cleanups = [];
});
afterEach(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

async function startDoor(
  pools: FakePools,
  kubeletDir = folder,
  patience: Partial<DoorTiming> = {},
): Promise<DevicePluginDoor> {
  const log = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const door = new DevicePluginDoor({ pools, log, kubeletDir, timing: { ...timing, ...patience } });
  cleanups.push(() => door.stop());
  await door.start();
  return door;
}

/** A kubelet's registration socket that hands every request to the test. */
async function startRegistry(take: (request: RegisterRequest) => Promise<void> | void, directory = folder) {
  const server = await serveOnUnixSocket({ path: join(directory, "kubelet.sock"), stopWithinMs: 50 }, [
    implement(Registration, {
      register: async (request) => {
        await take(request);
        return {};
      },
    }),
  ]);
  cleanups.push(() => server.stop());
  return server;
}

/** The plugin's socket, whose name nobody knows before it is there. */
function pluginSocket(name = "lanyard.dev_nics"): string {
  const sockets = readdirSync(folder).filter((file) => file.startsWith(`${name}-`));
  assert.equal(sockets.length, 1, `sockets of ${name}: ${sockets}`);
  return join(folder, sockets[0] ?? "");
}

function connect(): UnixSocketClient<typeof DevicePlugin> {
  const client = new UnixSocketClient(DevicePlugin, pluginSocket());
  cleanups.push(async () => client.close());
  return client;
}

/** The first registration that comes. */
function firstRegistration(directory = folder) {
  const came = Promise.withResolvers<RegisterRequest>();
  return startRegistry(came.resolve, directory).then(() => came.promise);
}

function idsOf(list: ListAndWatchResponse | undefined): string[] {
  return list?.devices.map((device) => `${device.ID}:${device.health}`) ?? [];
}

describe("registration", () => {
  it("names version, socket, resource and options, and comes when the plugin answers already", async () => {
    const answered = Promise.withResolvers<{ request: RegisterRequest; preferred: boolean }>();
    await startRegistry(async (request) => {
      const options = await connect().call("getDevicePluginOptions", {});
      assert.equal(options.preStartRequired, false);
      answered.resolve({ request, preferred: options.getPreferredAllocationAvailable });
    });
    await startDoor(new FakePools(poolOf(resource, nic("up0"))));
    const { request, preferred } = await answered.promise;
    assert.equal(request.version, "v1beta1");
    assert.equal(request.endpoint, basename(pluginSocket()));
    assert.match(request.endpoint, /^lanyard\.dev_nics-[0-9a-f]{8}\.sock$/);
    assert.equal(request.resourceName, resource);
    assert.equal(request.options?.getPreferredAllocationAvailable, true);
    assert.equal(preferred, true);
  });

  it("waits for a kubelet that is not there yet and says so once", async () => {
    const door = await startDoor(new FakePools(poolOf(resource, nic("up0")), poolOf("lanyard.dev/more")));
    await writeFile(join(folder, "something"), "");
    const registration = firstRegistration();
    await registration;
    assert.equal(lines.filter((line) => line.startsWith("waiting for the kubelet")).length, 1);
    assert.equal(door.status().length, 2);
  });

  it("waits for a folder, and its parents, that are not there yet", async () => {
    const deep = join(folder, "kubelet", "device-plugins");
    const door = await startDoor(new FakePools(poolOf(resource, nic("up0"))), deep);
    assert.match(lines[0] ?? "", /device-plugins does not exist yet/);
    await mkdir(join(folder, "kubelet"));
    await mkdir(deep);
    await firstRegistration(deep);
    assert.match(door.status()[0]?.socket ?? "", /device-plugins\/lanyard\.dev_nics-[0-9a-f]{8}\.sock$/);
  });

  it("survives the folder being removed and made anew, again and again, even under the same inode number", async () => {
    await startDoor(new FakePools(poolOf(resource, nic("up0"))));
    for (let round = 0; round < 5; round += 1) {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await firstRegistration();
    }
  });

  it("is done at once with a kubelet whose socket took the place of another's without a gap", async () => {
    const registered = Promise.withResolvers<void>();
    await startRegistry(() => registered.resolve());
    await startDoor(new FakePools(poolOf(resource, nic("up0"))), folder, { streamMs: 60_000 });
    await registered.promise;
    await firstRegistration();
  });

  it("is tried again, with the reason known meanwhile, when the kubelet refuses", async () => {
    const again = Promise.withResolvers<void>();
    let count = 0;
    let seen: string | undefined;
    await startRegistry(() => {
      count += 1;
      if (count === 3) {
        seen = door.status()[0]?.lastError;
        again.resolve();
      }
      if (count < 3) throw new Error("not today");
    });
    const door = await startDoor(new FakePools(poolOf(resource, nic("up0"))));
    await again.promise;
    assert.match(seen ?? "", /Register on .*kubelet\.sock failed: UNKNOWN: not today/);
    assert.equal(lines.filter((line) => line.includes("not today")).length, 1);
  });

  it("is done again when a kubelet took it but never watches the list", async () => {
    const twice = Promise.withResolvers<string | undefined>();
    let count = 0;
    await startRegistry(() => {
      count += 1;
      if (count === 2) twice.resolve(door.status()[0]?.lastError);
    });
    const door = await startDoor(new FakePools(poolOf(resource, nic("up0"))));
    assert.match(
      (await twice.promise) ?? "",
      /did not watch the device list within 60 ms \(Kubernetes 1\.26/,
    );
    assert.equal(door.status()[0]?.isRegistered, false);
  });

  it("waits for no stream when it is stopped while the kubelet answers", async (context) => {
    const streamMs = 54_321;
    const setTimer = context.mock.method(globalThis, "setTimeout");
    const stopped = Promise.withResolvers<void>();
    const log = pino(
      { level: "info" },
      {
        write: (line: string) => {
          if (line.includes("registered lanyard.dev/nics")) door.stop().then(stopped.resolve, stopped.reject);
        },
      },
    );
    const pools = new FakePools(poolOf(resource, nic("up0")));
    const door = new DevicePluginDoor({ pools, log, kubeletDir: folder, timing: { ...timing, streamMs } });
    cleanups.push(() => door.stop());
    await startRegistry(() => {});
    await door.start();
    await stopped.promise;
    assert.equal(setTimer.mock.calls.filter((call) => call.arguments[1] === streamMs).length, 0);
  });

  it("is done again at once, and not when patience runs out, when the stream ends", async () => {
    const again = Promise.withResolvers<void>();
    let count = 0;
    await startRegistry(() => {
      count += 1;
      if (count === 2) again.resolve();
    });
    const patience = { retryMs: 600_000, longestRetryMs: 600_000, streamMs: 600_000 };
    const door = await startDoor(new FakePools(poolOf(resource, nic("up0"))), folder, patience);
    while (!lines.some((line) => line.startsWith("registered"))) await sleep(1);
    const stream = connect().watch("listAndWatch", {});
    await stream.next();
    await stream.return();
    await again.promise;
    assert.equal(door.status()[0]?.isRegistered, false);
  });

  it("is not done again when a stream ends that an earlier kubelet opened", async () => {
    const counts = [0, 0];
    const pools = new FakePools(poolOf(resource, nic("up0")));
    const patience = { retryMs: 600_000, longestRetryMs: 600_000, streamMs: 600_000 };
    const streams = [];
    let door: DevicePluginDoor | undefined;
    for (const round of [0, 1]) {
      const came = Promise.withResolvers<void>();
      await startRegistry(() => {
        counts[round] = (counts[round] ?? 0) + 1;
        came.resolve();
      });
      door ??= await startDoor(pools, folder, patience);
      await came.promise;
      const stream = connect().watch("listAndWatch", {});
      cleanups.push(() => stream.return());
      await stream.next();
      streams.push(stream);
    }
    await streams[0]?.return();
    pools.set(poolOf(resource, nic("up1")));
    // The list goes out some time after the plugin has seen the first stream's end.
    assert.deepEqual(idsOf((await streams[1]?.next())?.value ?? undefined), ["up1:Healthy"]);
    assert.deepEqual(counts, [1, 1]);
    assert.equal(door?.status()[0]?.isRegistered, true);
  });

  it("is done again when another plugin of the resource has ended, whose end a kubelet may take for this one's", async () => {
    const requests: RegisterRequest[] = [];
    let came = Promise.withResolvers<void>();
    await startRegistry((request) => {
      requests.push(request);
      came.resolve();
      came = Promise.withResolvers<void>();
    });
    const patience = { streamMs: 600_000, longestRetryMs: 600_000 };
    const first = came.promise;
    const older = await startDoor(new FakePools(poolOf(resource, nic("up0"))), folder, patience);
    await first;
    const second = came.promise;
    const newer = await startDoor(new FakePools(poolOf(resource, nic("up0"))), folder, patience);
    await second;
    const third = came.promise;
    while (!older.status()[0]?.lastError?.includes("stands aside")) await sleep(1);
    await older.stop();
    await third;
    const own = basename(newer.status()[0]?.socket ?? "");
    assert.deepEqual(
      requests.slice(1).map(({ endpoint }) => endpoint),
      [own, own],
    );
  });

  it("makes its own socket anew when a starting kubelet removed it", async () => {
    const first = Promise.withResolvers<void>();
    const registry = await startRegistry(() => first.resolve());
    await startDoor(new FakePools(poolOf(resource, nic("up0"))));
    await first.promise;
    await registry.stop();
    await rm(pluginSocket());
    await firstRegistration();
    await connect().call("getDevicePluginOptions", {});
  });
});

describe("ListAndWatch", () => {
  async function watchDoor(pools: FakePools) {
    const came = Promise.withResolvers<void>();
    const registry = await startRegistry(() => came.resolve());
    const door = await startDoor(pools);
    await came.promise;
    const stream = connect().watch("listAndWatch", {});
    cleanups.push(() => stream.return());
    const first = await stream.next();
    return { door, registry, stream, first: first.value as ListAndWatchResponse };
  }

  it("sends the whole list at once, and again when health changes", async () => {
    const pools = new FakePools(poolOf(resource, nic("up0"), nic("up1")));
    const { stream, first, door } = await watchDoor(pools);
    assert.deepEqual(idsOf(first), ["up0:Healthy", "up1:Healthy"]);
    assert.equal(door.status()[0]?.isRegistered, true);
    pools.set(poolOf(resource, nic("up0"), sick("up1", "no carrier")));
    assert.deepEqual(idsOf((await stream.next()).value ?? undefined), ["up0:Healthy", "up1:Unhealthy"]);
  });

  it("puts a burst of changes into few lists, ends with the last, and sends none that says nothing new", async () => {
    const pools = new FakePools(poolOf(resource, nic("up0")));
    const { stream } = await watchDoor(pools);
    const lists: string[][] = [];
    const settled = (async () => {
      while (lists.at(-1)?.[0] !== "up100:Healthy")
        lists.push(idsOf((await stream.next()).value ?? undefined));
    })();
    for (let index = 1; index <= 100; index += 1) {
      pools.set(poolOf(resource, nic(`up${index}`)));
      await sleep(1);
    }
    await settled;
    assert(lists.length <= 25, `100 changes came in ${lists.length} lists`);
    const third = stream.next();
    pools.set(poolOf(resource, nic("up100")));
    // Had the equal list been sent, it would come before this one.
    setTimeout(() => pools.set(poolOf(resource)), timing.coalesceMs * 3);
    assert.deepEqual(idsOf((await third).value ?? undefined), []);
  });

  it("ends cleanly when the door stops, which leaves no file behind", async () => {
    const { door, stream } = await watchDoor(new FakePools(poolOf(resource, nic("up0"))));
    const next = stream.next();
    await door.stop();
    assert.deepEqual(await next, { value: undefined, done: true });
    assert.deepEqual(await readdir(folder), ["kubelet.sock"]);
  });

  it("goes on, with no word about the kubelet's end, when the door was told to be quiet", async () => {
    const { door, registry, stream } = await watchDoor(new FakePools(poolOf(resource, nic("up0"))));
    const before = [...lines];
    door.quiesce();
    const seen = Promise.withResolvers<void>();
    const watcher = new FolderWatch(folder, pino({ level: "silent" }), () => {
      if (!existsSync(join(folder, "kubelet.sock"))) seen.resolve();
    });
    cleanups.push(async () => watcher.stop());
    watcher.start();
    await registry.stop();
    await seen.promise;
    assert.deepEqual(lines, before);
    await connect().call("getDevicePluginOptions", {});
    const next = stream.next();
    await door.stop();
    assert.deepEqual(await next, { value: undefined, done: true });
  });

  it("ends when the pool is gone, and is served again when the pool comes back", async () => {
    const pools = new FakePools(poolOf(resource, nic("up0")));
    const { door, registry, stream } = await watchDoor(pools);
    const next = stream.next();
    pools.set();
    assert.equal((await next).done, true);
    assert.deepEqual(door.status(), []);
    await registry.stop();
    const registration = firstRegistration();
    pools.set(poolOf(resource, nic("up7")));
    await registration;
    const again = connect().watch("listAndWatch", {});
    assert.deepEqual(idsOf((await again.next()).value ?? undefined), ["up7:Healthy"]);
    await again.return();
  });
});

describe("allocation over the socket", () => {
  it("answers for each container of a request", async () => {
    const registration = firstRegistration();
    await startDoor(new FakePools(poolOf(resource, nic("up0"), nic("up1"))));
    await registration;
    const client = connect();
    const preferred = await client.call("getPreferredAllocation", {
      containerRequests: [{ availableDeviceIDs: ["up1", "up0"], allocationSize: 1 }],
    });
    assert.deepEqual(preferred.containerResponses[0]?.deviceIDs, ["up0"]);
    const allocated = await client.call("allocate", {
      containerRequests: [{ devicesIds: ["up0"] }, { devicesIds: ["up1"] }],
    });
    assert.deepEqual(
      allocated.containerResponses.map((response) => response.envs.LANYARD_DEVICE_LANYARD_DEV_NICS),
      ["up0", "up1"],
    );
    await client.call("preStartContainer", { devicesIds: ["up0"] });
    await assert.rejects(client.call("preStartContainer", { devicesIds: ["up9"] }), { code: "not-found" });
  });

  it("gives no two devices of one PF where the policy is bond, though the kubelet may not ask for a preference", async () => {
    const registration = firstRegistration();
    await startDoor(new FakePools(policyPool("bond", resource, vf("a", "p"), vf("b", "p"), vf("c", "q"))));
    await registration;
    const client = connect();
    await assert.rejects(client.call("allocate", { containerRequests: [{ devicesIds: ["a", "b"] }] }), {
      code: "unavailable",
      message: /lanyard\.dev\/nics: its policy is bond, each device from another PF; a, b are on 1 PFs/,
    });
    await client.call("allocate", { containerRequests: [{ devicesIds: ["a", "c"] }, { devicesIds: ["b"] }] });
  });

  it("takes in a new pool while running", async () => {
    const seen = Promise.withResolvers<void>();
    await startRegistry((request) => {
      if (request.resourceName === "lanyard.dev/late") seen.resolve();
    });
    const pools = new FakePools(poolOf(resource, nic("up0")));
    await startDoor(pools);
    pools.set(poolOf(resource, nic("up0")), poolOf("lanyard.dev/late", nic("up1")));
    await seen.promise;
    assert(existsSync(pluginSocket("lanyard.dev_late")));
  });
});
