import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { RpcError } from "../../../../src/rpc/errors.ts";
import { AdmissionError } from "../../../../src/standalone/kubelet/admission.ts";
import type { EmbeddedKubelet } from "../../../../src/standalone/kubelet/embedded-kubelet.ts";
import { prepareFolder } from "../../../../src/standalone/kubelet/folder.ts";
import { FakePlugin, type Script } from "./fake-plugin.ts";
import { newPod, until, World } from "./world.ts";

const resource = "lanyard.dev/nics";
const other = "lanyard.dev/shares";
let world: World;

beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world.end());

async function addPlugin(
  devices: readonly string[],
  script: Script = {},
  name = resource,
  endpoint?: string,
): Promise<FakePlugin> {
  const plugin = new FakePlugin(world.directory, name, devices, script, endpoint);
  world.defer(() => plugin.stop());
  await plugin.listen();
  return plugin;
}

async function registered(kubelet: EmbeddedKubelet, devices: string[], script: Script = {}, name = resource) {
  const plugin = await addPlugin(devices, script, name);
  await plugin.register();
  const healthy = devices.filter((id) => !id.startsWith("!")).length;
  await until(kubelet, name, `${devices.length}/${healthy}`);
  return plugin;
}

function ask(count: number, name = resource) {
  return [{ name: "main", resources: { [name]: count } }];
}

function admissionFailure(text: string) {
  return (error: unknown) => {
    assert(error instanceof AdmissionError);
    assert.equal(error.reason, "UnexpectedAdmissionError");
    assert.equal(error.message, `pod default/pod: Allocate failed due to ${text}, which is unexpected`);
    return true;
  };
}

describe("the embedded kubelet at its start", () => {
  it("removes every socket in the folder and leaves checkpoint, files and sub-folders", async () => {
    const stale = createServer().listen(join(world.directory, "old.sock"));
    await new Promise((resolve) => stale.once("listening", resolve));
    world.defer(() => new Promise((resolve) => stale.close(resolve)));
    await mkdir(join(world.directory, "folder"));
    await writeFile(join(world.directory, "DEPRECATION"), "");
    const kubelet = await world.kubelet();
    assert.deepEqual((await readdir(world.directory)).sort(), ["DEPRECATION", "folder", "kubelet.sock"]);
    await kubelet.stop();
    assert.deepEqual((await readdir(world.directory)).sort(), ["DEPRECATION", "folder"]);
  });

  it("leaves a folder alone in which another kubelet answers", async () => {
    const names = ["kubelet.sock", "plugin.sock"];
    for (const name of names) {
      const server = createServer().listen(join(world.directory, name));
      await new Promise((resolve) => server.once("listening", resolve));
      world.defer(() => new Promise((resolve) => server.close(resolve)));
    }
    await assert.rejects(world.kubelet(), {
      code: "conflict",
      message: `a kubelet answers at ${join(world.directory, "kubelet.sock")} already; name another folder with --kubelet-dir`,
    });
    assert.deepEqual((await readdir(world.directory)).sort(), names);
  });

  it("says that its folder cannot be made where the kernel lets nobody make one", async () => {
    await assert.rejects(prepareFolder("/proc/nowhere/device-plugins"), { code: "unavailable" });
  });

  it("makes its folder when it is missing", async () => {
    await rm(world.directory, { recursive: true });
    await world.kubelet();
    assert.deepEqual(await readdir(world.directory), ["kubelet.sock"]);
  });

  it("says in its log that it is a stand-in", async () => {
    await world.kubelet();
    assert(world.lines.some((line) => line.includes("embedded kubelet, a stand-in")));
  });
});

describe("registration with the embedded kubelet", () => {
  it("is refused for another version of the API, in the real kubelet's words", async () => {
    await world.kubelet();
    const plugin = await addPlugin(["a"]);
    await assert.rejects(plugin.register("v1alpha"), (error) => {
      assert(error instanceof RpcError);
      assert.equal(error.status, 2);
      assert.equal(
        error.details,
        'requested API version "v1alpha" is not supported by kubelet. Supported version is ["v1beta1"]',
      );
      return true;
    });
    assert.deepEqual(plugin.calls, ["Register"]);
  });

  it("is refused for a name that is not an extended resource's", async () => {
    await world.kubelet();
    const plugin = await addPlugin(["a"], {}, "cpu", "x.sock");
    await assert.rejects(plugin.register(), /the ResourceName "cpu" is invalid/);
  });

  it("fails when nobody listens at the endpoint, and an older plugin stays", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a"]);
    const absent = new FakePlugin(world.directory, resource, [], {}, "absent.sock");
    await assert.rejects(absent.register(), /failed to dial device plugin:/);
    assert.deepEqual(kubelet.resources(), [{ resource, capacity: 1, allocatable: 1, allocated: 0 }]);
  });

  it("is followed by options, list, preference, allocation and pre-start, in this order", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a"], { offersPreference: true, wantsPreStart: true });
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    await kubelet.startContainer(pod, "main");
    assert.deepEqual(plugin.calls, [
      "Register",
      "GetDevicePluginOptions",
      "ListAndWatch",
      "GetPreferredAllocation",
      "Allocate a",
      "PreStartContainer a",
    ]);
  });
});

describe("counting devices", () => {
  it("counts healthy and unhealthy ones in the capacity, healthy ones as allocatable", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a", "b", "!c"]);
    plugin.set("a", "!b", "!c");
    await until(kubelet, resource, "3/1");
    plugin.set("a");
    await until(kubelet, resource, "1/1");
  });

  it("marks all devices unhealthy when the stream breaks, and forgets the resource after the grace", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a", "b"]);
    await plugin.stop();
    await until(kubelet, resource, "2/0");
    world.clock.advance(299_999);
    assert.deepEqual(kubelet.resources(), [{ resource, capacity: 2, allocatable: 0, allocated: 0 }]);
    world.clock.advance(1);
    assert.deepEqual(kubelet.resources(), []);
  });

  it("keeps the resource when the plugin comes back within the grace", async () => {
    const kubelet = await world.kubelet({ endpointGraceMs: 100 });
    const plugin = await registered(kubelet, ["a"]);
    await plugin.stop();
    await until(kubelet, resource, "1/0");
    await registered(kubelet, ["a", "b"]);
    world.clock.advance(1000);
    assert.equal(kubelet.resources()[0]?.allocatable, 2);
  });

  it("follows the newest plugin of a resource: the older one's end changes nothing", async () => {
    const kubelet = await world.kubelet();
    const older = await registered(kubelet, ["a"]);
    const newer = await addPlugin(["b", "c"], {}, resource, "newer.sock");
    await newer.register();
    await until(kubelet, resource, "2/2");
    older.set("a", "x", "y", "z");
    await older.stop();
    newer.set("b", "c", "d");
    await until(kubelet, resource, "3/3");
    world.clock.advance(300_000);
    assert.equal(kubelet.resources()[0]?.allocatable, 3);
    await kubelet.admit(newPod(), ask(3));
    assert(newer.calls.includes("Allocate b,c,d"));
  });

  it("goes on when one plugin registers twice on one socket", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a"]);
    await plugin.register();
    plugin.set("a", "b");
    await until(kubelet, resource, "2/2");
  });
});

describe("admission", () => {
  it("returns what the plugin answered, for each container", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "b", "c"]);
    const pod = newPod();
    const allocations = await kubelet.admit(pod, [
      { name: "one", resources: { cpu: 2, [resource]: 2 } },
      { name: "two", resources: { [resource]: 1 } },
      { name: "three", resources: {} },
    ]);
    assert.deepEqual(
      allocations.map(({ name, env, devices }) => [name, env, devices.map((device) => device.id)]),
      [
        ["one", { IDS: "a,b" }, ["a", "b"]],
        ["two", { IDS: "c" }, ["c"]],
        ["three", {}, []],
      ],
    );
    assert.deepEqual(await kubelet.assignedTo(pod), [
      { resource, id: "a", container: "one" },
      { resource, id: "b", container: "one" },
      { resource, id: "c", container: "two" },
    ]);
    assert.equal(kubelet.resources()[0]?.allocated, 3);
  });

  it("takes what the plugin prefers, as far as it is available, and any other for the rest", async () => {
    const kubelet = await world.kubelet();
    const seen: string[][] = [];
    await registered(kubelet, ["a", "b", "c", "d", "!e"], {
      offersPreference: true,
      prefer: (request) => {
        const [container] = request.containerRequests;
        seen.push([...(container?.availableDeviceIDs ?? []), `size ${container?.allocationSize}`]);
        return ["e", "unknown", "d"];
      },
    });
    const pod = newPod();
    await kubelet.admit(pod, ask(2));
    assert.deepEqual(seen, [["a", "b", "c", "d", "size 2"]]);
    assert.deepEqual(
      (await kubelet.assignedTo(pod)).map((device) => device.id),
      ["a", "d"],
    );
  });

  it("does not ask a plugin for a preference that offers none", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a", "b"]);
    await kubelet.admit(newPod(), ask(1));
    assert(!plugin.calls.includes("GetPreferredAllocation"));
  });

  it("gives an admitted pod the devices it has, though they are unhealthy by now", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a"]);
    const pod = newPod();
    const first = await kubelet.admit(pod, ask(1));
    plugin.set("!a");
    await until(kubelet, resource, "1/0");
    assert.deepEqual(await kubelet.admit(pod, ask(1)), first);
    assert.equal(plugin.calls.filter((call) => call.startsWith("Allocate")).length, 1);
  });

  it("admits two pods that come at once, one after the other", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "b", "c"]);
    const pods = [newPod(), newPod(), newPod()];
    await Promise.all(pods.map((pod) => kubelet.admit(pod, ask(1))));
    const given = await Promise.all(pods.map((pod) => kubelet.assignedTo(pod)));
    assert.deepEqual(
      given.flat().map((device) => device.id),
      ["a", "b", "c"],
    );
  });

  it("fails with the numbers when there are not enough devices", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "b", "!c"]);
    await kubelet.admit(newPod(), ask(1));
    const text = `requested number of devices unavailable for ${resource}. Requested: 2, Available: 1`;
    await assert.rejects(kubelet.admit(newPod(), ask(2)), admissionFailure(text));
  });

  it("fails when no device is healthy", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["!a"]);
    const text = `no healthy devices present; cannot allocate unhealthy devices ${resource}`;
    await assert.rejects(kubelet.admit(newPod(), ask(1)), admissionFailure(text));
  });

  it("fails for a resource nobody registered", async () => {
    const kubelet = await world.kubelet();
    const text = `cannot allocate unregistered device ${resource}`;
    await assert.rejects(kubelet.admit(newPod(), ask(1)), admissionFailure(text));
  });

  it("fails when a pod asks for another number than it got before", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "b"]);
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    const text = `pod "${pod.uid}" container "main" changed request for resource "${resource}" from 1 to 2`;
    await assert.rejects(kubelet.admit(pod, ask(2)), admissionFailure(text));
    assert.equal((await kubelet.assignedTo(pod)).length, 1);
  });

  it("refuses half a device", async () => {
    const kubelet = await world.kubelet();
    await assert.rejects(
      kubelet.admit(newPod(), ask(0.5)),
      /resources\[lanyard\.dev\/nics\]: 0\.5 is not usable/,
    );
  });

  it("takes nothing when one of several resources fails", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a"]);
    await registered(
      kubelet,
      ["s"],
      {
        allocate: () => {
          throw new Error("broken plugin");
        },
      },
      other,
    );
    const pod = newPod();
    const wanted = [{ name: "main", resources: { [resource]: 1, [other]: 1 } }];
    await assert.rejects(
      kubelet.admit(pod, wanted),
      /Allocate failed due to .*broken plugin, which is unexpected/,
    );
    assert.deepEqual(await kubelet.assignedTo(pod), []);
    assert.equal(kubelet.resources()[0]?.allocated, 0);
    await kubelet.admit(newPod(), ask(1));
  });

  it("fails when the plugin's preference call fails", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "b"], {
      offersPreference: true,
      prefer: () => {
        throw new Error("no idea");
      },
    });
    await assert.rejects(
      kubelet.admit(newPod(), ask(1)),
      /device plugin GetPreferredAllocation rpc failed with err: .*no idea/,
    );
  });

  it("gives a released device to the next pod", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a"]);
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    await kubelet.release(pod);
    assert.deepEqual(await kubelet.assignedTo(pod), []);
    await kubelet.admit(newPod(), ask(1));
  });
});

describe("starting a container", () => {
  it("does not call a plugin that did not ask for it", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a"]);
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    await kubelet.startContainer(pod, "main");
    assert(!plugin.calls.some((call) => call.startsWith("PreStartContainer")));
  });

  it("fails with the plugin's words, and when the plugin is gone", async () => {
    const kubelet = await world.kubelet();
    const plugin = await registered(kubelet, ["a"], {
      wantsPreStart: true,
      preStart: () => {
        throw new Error("cannot reset");
      },
    });
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    await assert.rejects(
      kubelet.startContainer(pod, "main"),
      /device plugin PreStartContainer rpc failed with err: .*cannot reset/,
    );
    await plugin.stop();
    await until(kubelet, resource, "1/0");
    await assert.rejects(kubelet.startContainer(pod, "main"), /endpoint .*\.sock has been stopped/);
  });
});

describe("a restart of the embedded kubelet", () => {
  it("keeps allocations, and has nothing to give until the plugin registers again", async () => {
    const first = await world.kubelet();
    await registered(first, ["a", "b"]);
    const pod = newPod();
    const given = await first.admit(pod, ask(1));
    await first.stop();

    const second = await world.kubelet();
    assert.deepEqual(second.resources(), [{ resource, capacity: 0, allocatable: 0, allocated: 1 }]);
    assert.deepEqual(second.podUids(), [pod.uid]);
    assert.deepEqual(await second.assignedTo(pod), [{ resource, id: "a", container: "main" }]);
    assert.deepEqual(await second.admit(pod, ask(1)), given);
    await assert.rejects(second.admit(newPod(), ask(1)), /no healthy devices present/);

    await registered(second, ["a", "b"]);
    const next = newPod();
    await second.admit(next, ask(1));
    assert.deepEqual(
      (await second.assignedTo(next)).map((device) => device.id),
      ["b"],
    );
  });

  it("forgets a resource whose plugin does not come back within the grace", async () => {
    const first = await world.kubelet();
    await registered(first, ["a"]);
    await first.stop();
    const second = await world.kubelet();
    assert.equal(second.resources().length, 1);
    world.clock.advance(300_000);
    assert.deepEqual(second.resources(), []);
  });

  it("writes the fields of the real kubelet's checkpoint", async () => {
    const kubelet = await world.kubelet();
    await registered(kubelet, ["a", "!b"]);
    const pod = newPod();
    await kubelet.admit(pod, ask(1));
    const text = await readFile(join(world.directory, "kubelet_internal_checkpoint"), "utf8");
    const { Data, Checksum } = JSON.parse(text);
    assert.equal(typeof Checksum, "number");
    assert.deepEqual(Data.RegisteredDevices, { [resource]: ["a"] });
    const [{ AllocResp, ...entry }] = Data.PodDeviceEntries;
    assert.deepEqual(entry, {
      PodUID: pod.uid,
      ContainerName: "main",
      ResourceName: resource,
      DeviceIDs: { "-1": ["a"] },
    });
    // ContainerAllocateResponse: field 1 (envs), length 8: key "IDS" (field 1), value "a" (field 2).
    assert.equal(Buffer.from(AllocResp, "base64").toString("latin1"), "\x0a\x08\x0a\x03IDS\x12\x01a");
  });

  it("goes on with empty books, and says so, when the checkpoint is damaged", async () => {
    const first = await world.kubelet();
    await registered(first, ["a"]);
    await first.admit(newPod(), ask(1));
    await first.stop();
    const path = join(world.directory, "kubelet_internal_checkpoint");
    await writeFile(path, (await readFile(path, "utf8")).replace('"main"', '"mine"'));
    const second = await world.kubelet();
    assert.deepEqual(second.resources(), []);
    assert(world.lines.some((line) => line.includes("checkpoint is corrupted")));
  });
});
