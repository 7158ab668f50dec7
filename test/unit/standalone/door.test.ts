import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import type { AttachmentOutcome, PodAttachments } from "../../../src/model/attachment.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import type { AssignedDevice, PodIdentity } from "../../../src/model/pod.ts";
import { type PodManifest, parsePodManifest } from "../../../src/model/pod-manifest.ts";
import { StandaloneDoor } from "../../../src/standalone/door.ts";
import type { Sandbox } from "../../../src/standalone/sandbox.ts";

const NICS = "lanyard.dev/nics";

function pod(name: string, spec: { networks?: unknown[]; nics?: number; uid?: string; path?: string } = {}) {
  const annotations = {
    "lanyard.dev/networks": JSON.stringify(spec.networks ?? []),
    ...(spec.path !== undefined && { "lanyard.dev/network-namespace": spec.path }),
  };
  const limits = spec.nics === undefined ? {} : { [NICS]: spec.nics };
  return parsePodManifest(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, uid: spec.uid ?? `uid-${name}`, annotations },
      spec: { containers: [{ name: "main", resources: { limits } }] },
    },
    "p#1",
  );
}

class Emitter<Args extends unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();
  readonly subscribe = (listener: (...args: Args) => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  emit(...args: Args) {
    for (const listener of this.#listeners) listener(...args);
  }
}

/** A small world around the door that writes down, in order, what the door has it do. */
class World {
  readonly calls: string[] = [];
  readonly lines: string[] = [];
  /** What is to fail, by the call's text, and with what. */
  readonly faults = new Map<string, Error>();
  readonly timers: { wait: number; callback: () => void }[] = [];
  readonly manifestChange = new Emitter<[]>();
  readonly kubeletChange = new Emitter<[]>();
  readonly exits = new Emitter<[PodIdentity]>();
  manifests: PodManifest[] = [];
  problems: unknown[] = [];
  isLoaded = true;
  free = 4;
  isOffered = true;
  devices = new Map<string, AssignedDevice[]>();
  sandboxes = new Map<string, Sandbox>();
  attached = new Map<string, PodAttachments>();
  failedInterfaces = new Set<string>();
  /** When set, a reconcile waits for it. */
  gate: Promise<void> | undefined;
  busy = new Set<string>();

  readonly door: StandaloneDoor;

  constructor() {
    const world = this;
    this.door = new StandaloneDoor({
      manifests: {
        pods: () => world.manifests,
        problems: () => world.problems,
        get isLoaded() {
          return world.isLoaded;
        },
        onChange: this.manifestChange.subscribe,
      },
      kubelet: {
        resources: () => {
          const allocated = [...world.devices.values()].flat().length;
          return world.isOffered ? [{ resource: NICS, allocatable: world.free, allocated }] : [];
        },
        onChange: this.kubeletChange.subscribe,
        admit: async ({ uid, name }, containers) => {
          world.note(`admit ${name}`);
          const count = containers[0]?.resources[NICS] ?? 0;
          const ids = Array.from({ length: count }, (_, index) => `${name}-nic${index}`);
          world.devices.set(
            uid,
            ids.map((id) => ({ resource: NICS, id, container: "main" })),
          );
        },
        startContainer: async ({ name }, container) => world.note(`start ${name} ${container}`),
        release: async ({ uid }) => {
          world.note(`free ${uid}`);
          world.devices.delete(uid);
        },
        assignedTo: async ({ uid }) => world.devices.get(uid) ?? [],
        podUids: () => [...world.devices.keys()],
      },
      sandboxes: {
        start: async (pod) => {
          world.note(`sandbox ${pod.name}`);
          const pid = 100 + world.sandboxes.size + world.calls.length;
          const sandbox = { pod, pid, namespacePath: `/proc/${pid}/ns/net` };
          world.sandboxes.set(pod.uid, sandbox);
          return sandbox;
        },
        stop: async ({ uid }) => {
          if (world.sandboxes.has(uid)) world.note(`stop ${uid}`);
          world.sandboxes.delete(uid);
        },
        find: ({ uid }) => world.sandboxes.get(uid),
        list: () => [...world.sandboxes.values()],
        onExit: this.exits.subscribe,
      },
      attachments: {
        reconcile: async (wanted) => {
          const names = wanted.references.map(({ interfaceName }) => interfaceName);
          assert.ok(!world.busy.has(wanted.pod.uid), "one thing at a time for one pod");
          world.busy.add(wanted.pod.uid);
          world.note(`attach ${wanted.pod.name} ${names.join(",")}`);
          await world.gate;
          world.busy.delete(wanted.pod.uid);
          world.attached.set(wanted.pod.uid, wanted);
          return names.map((interfaceName): AttachmentOutcome => {
            if (!world.failedInterfaces.has(interfaceName)) return { interfaceName, action: "attached" };
            const error = new LanyardError(
              "kernel",
              `pod default/${wanted.pod.name}, interface ${interfaceName}: no luck`,
            );
            return { interfaceName, action: "failed", error };
          });
        },
        release: async ({ uid, name }) => {
          world.note(`detach ${name}`);
          world.attached.delete(uid);
        },
        list: () =>
          [...world.attached.values()].map(({ pod, namespacePath }) => ({
            pod,
            interfaceName: "net1",
            podNetworkName: "fast",
            type: "hostDevice",
            state: "attached",
            mac: "",
            mtu: 1500,
            addresses: [],
            result: EMPTY_RESULT,
            namespacePath,
          })),
      },
      log: pino({ level: "info" }, { write: (line: string) => world.lines.push(JSON.parse(line).msg) }),
      clock: {
        now: () => 0,
        after: (wait, callback) => {
          const timer = { wait, callback };
          world.timers.push(timer);
          return () => {
            const index = world.timers.indexOf(timer);
            if (index >= 0) world.timers.splice(index, 1);
          };
        },
      },
      retry: { first: 1_000, most: 4_000 },
    });
  }

  note(call: string) {
    this.calls.push(call);
    const fault = this.faults.get(call);
    if (fault !== undefined) throw fault;
  }

  /** The calls since the last time. */
  take(): string[] {
    return this.calls.splice(0);
  }

  async change(...manifests: PodManifest[]) {
    this.manifests = manifests;
    this.manifestChange.emit();
    await this.door.settle();
  }

  async begin(...manifests: PodManifest[]) {
    this.manifests = manifests;
    this.door.start();
    await this.door.settle();
  }

  /** Lets the planned retry happen; tells how long it had been waited for. */
  async retry(): Promise<number> {
    const [timer] = this.timers.splice(0, 1);
    assert.ok(timer, "a retry is planned");
    timer.callback();
    await this.door.settle();
    return timer.wait;
  }
}

function setUp(context: TestContext): World {
  const world = new World();
  context.after(() => world.door.stop());
  return world;
}

const fast = { podNetworkName: "fast" };

test("a pod comes up in the kubelet's order: devices, sandbox, interfaces, containers", async (context) => {
  const world = setUp(context);
  let changes = 0;
  world.door.onChange(() => changes++);
  await world.begin(pod("alpha", { networks: [fast], nics: 2 }));
  assert.deepEqual(world.take(), [
    "admit alpha",
    "detach alpha",
    "sandbox alpha",
    "attach alpha net1",
    "start alpha main",
  ]);
  const [alpha] = world.door.pods();
  assert.deepEqual(alpha, {
    pod: { namespace: "default", name: "alpha", uid: "uid-alpha" },
    phase: "Running",
    message: undefined,
    devices: ["alpha-nic0", "alpha-nic1"].map((id) => ({ resource: NICS, id, container: "main" })),
    sandboxPid: alpha?.sandboxPid,
    namespacePath: `/proc/${alpha?.sandboxPid}/ns/net`,
  });
  assert.ok(changes > 0);
});

test("a change of the annotation or of anything else in the folder reconciles, and nothing more", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { networks: [fast] }));
  world.take();
  await world.change(pod("alpha", { networks: [fast, { podNetworkName: "backbone" }] }));
  assert.deepEqual(world.take(), ["attach alpha net1,net2"]);
  await world.change(...world.manifests);
  assert.deepEqual(world.take(), ["attach alpha net1,net2"]);
});

test("a removed pod loses its interfaces, then its sandbox, then its devices", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { nics: 1 }), pod("beta"));
  world.take();
  await world.change(pod("beta"));
  assert.deepEqual(
    world.take().filter((call) => !call.includes("beta")),
    ["detach alpha", "stop uid-alpha", "free uid-alpha"],
  );
  assert.deepEqual(
    world.door.pods().map(({ pod }) => pod.name),
    ["beta"],
  );
});

test("devices stay with a pod whose interfaces could not be taken back, until a retry succeeds", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { nics: 1 }));
  world.take();
  world.faults.set("detach alpha", new LanyardError("kernel", "busy"));
  await world.change();
  assert.deepEqual(world.take(), ["detach alpha"]);
  assert.match(world.door.pods()[0]?.message ?? "", /^cannot be removed: busy$/);
  world.faults.clear();
  await world.retry();
  assert.deepEqual(world.take(), ["detach alpha", "stop uid-alpha", "free uid-alpha"]);
  assert.deepEqual(world.door.pods(), []);
});

test("a pod waits for a resource nobody offers yet, and starts when it comes", async (context) => {
  const world = setUp(context);
  world.isOffered = false;
  await world.begin(pod("alpha", { nics: 2 }), pod("beta"));
  assert.deepEqual(
    world.door.pods().map(({ phase, message }) => [phase, message]),
    [
      ["Pending", `waits for 2 of ${NICS}, which nobody offers`],
      ["Running", undefined],
    ],
  );
  world.take();
  world.isOffered = true;
  world.free = 1;
  world.kubeletChange.emit();
  await world.door.settle();
  assert.deepEqual(world.take(), [], "running pods are not looked at for this");
  assert.equal(world.door.pods()[0]?.message, `waits for 2 of ${NICS}, of which 1 are free`);
  world.free = 2;
  world.kubeletChange.emit();
  await world.door.settle();
  assert.equal(world.door.pods()[0]?.phase, "Running");
  assert.deepEqual(world.timers, [], "no retry is left over");
});

test("failures are tried again, each time after twice the time, up to a most", async (context) => {
  const world = setUp(context);
  world.faults.set("sandbox alpha", new LanyardError("unavailable", "no room"));
  await world.begin(pod("alpha"));
  assert.deepEqual(
    world.door.pods().map(({ phase, message }) => [phase, message]),
    [["Failed", "no room"]],
  );
  const waits: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) waits.push(await world.retry());
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 4_000]);
  world.faults.clear();
  world.take();
  await world.retry();
  assert.deepEqual(world.take(), ["detach alpha", "sandbox alpha", "attach alpha ", "start alpha main"]);
  assert.deepEqual(
    world.door.pods().map(({ phase, message }) => [phase, message]),
    [["Running", undefined]],
  );
});

test("an interface that fails keeps containers from starting", async (context) => {
  const world = setUp(context);
  world.failedInterfaces.add("net2");
  await world.begin(pod("alpha", { networks: [fast, fast] }));
  assert.ok(!world.take().includes("start alpha main"));
  assert.equal(world.door.pods()[0]?.phase, "Failed");
  assert.equal(world.door.pods()[0]?.message, "net2: no luck");
  assert.deepEqual(world.lines, ["pod default/alpha: net2: no luck; tried again in 1 s"]);
  world.failedInterfaces.clear();
  await world.retry();
  assert.deepEqual(world.take(), ["attach alpha net1,net2", "start alpha main"]);
});

test("a pod that runs goes on running when a hot-plug fails", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { networks: [fast] }));
  world.failedInterfaces.add("net2");
  await world.change(pod("alpha", { networks: [fast, fast] }));
  assert.deepEqual(
    world.door.pods().map(({ phase, message }) => [phase, message]),
    [["Running", "net2: no luck"]],
  );
});

test("work on one pod is done in turn, and of several wishes only the last", async (context) => {
  const world = setUp(context);
  const { promise, resolve } = Promise.withResolvers<void>();
  world.gate = promise;
  world.manifests = [pod("alpha", { networks: [fast] })];
  world.door.start();
  while (!world.calls.includes("attach alpha net1")) await new Promise(setImmediate);
  for (const count of [2, 3, 4]) {
    world.manifests = [pod("alpha", { networks: Array(count).fill(fast) })];
    world.manifestChange.emit();
  }
  resolve();
  await world.door.settle();
  assert.deepEqual(
    world.take().filter((call) => call.startsWith("attach")),
    ["attach alpha net1", "attach alpha net1,net2,net3,net4"],
  );
});

test("a pod that is removed and named again while it goes down comes up again", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { nics: 1 }));
  world.take();
  world.manifests = [];
  world.manifestChange.emit();
  await world.change(pod("alpha", { nics: 1 }));
  const calls = world.take();
  assert.deepEqual(calls.slice(0, 3), ["detach alpha", "stop uid-alpha", "free uid-alpha"]);
  assert.deepEqual(calls.slice(-3), ["sandbox alpha", "attach alpha ", "start alpha main"]);
  assert.equal(world.door.pods()[0]?.phase, "Running");
});

test("a pod with another UID is another pod", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { uid: "one" }));
  await world.change(pod("alpha", { uid: "two" }));
  assert.deepEqual(
    world.door.pods().map(({ pod }) => pod.uid),
    ["two"],
  );
  assert.deepEqual([...world.sandboxes.keys()], ["two"]);
});

test("a pod without a UID gets one that is settled by its name", async (context) => {
  const world = setUp(context);
  const { uid: _, ...manifest } = pod("alpha");
  await world.begin(manifest);
  assert.match(world.door.pods()[0]?.pod.uid ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-5/);
});

test("a pod whose namespace somebody else made gets no sandbox", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { path: "/run/netns/blue", networks: [fast] }));
  assert.deepEqual(world.take(), ["admit alpha", "attach alpha net1", "start alpha main"]);
  assert.equal(world.attached.get("uid-alpha")?.namespacePath, "/run/netns/blue");
  assert.equal(world.door.pods()[0]?.sandboxPid, undefined);
  await world.change(pod("alpha", { path: "/run/netns/green", networks: [fast] }));
  assert.deepEqual(world.take(), ["detach alpha", "attach alpha net1", "start alpha main"]);
});

test("a pod whose sandbox ended gets a new one, with its interfaces and containers", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { networks: [fast] }));
  world.take();
  const [alpha] = world.door.pods();
  assert.ok(alpha);
  world.sandboxes.delete("uid-alpha");
  world.exits.emit(alpha.pod);
  await world.door.settle();
  assert.deepEqual(world.take(), ["detach alpha", "sandbox alpha", "attach alpha net1", "start alpha main"]);
  assert.notEqual(world.door.pods()[0]?.sandboxPid, alpha.sandboxPid);
});

test("an agent that stops leaves its pods, and the next one takes them over as they run", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { networks: [fast], nics: 1 }));
  await world.door.stop();
  world.take();
  await world.change();
  assert.deepEqual(world.take(), []);

  const next = new World();
  context.after(() => next.door.stop());
  next.devices = world.devices;
  next.sandboxes = world.sandboxes;
  next.attached = world.attached;
  await next.begin(pod("alpha", { networks: [fast], nics: 1 }));
  assert.deepEqual(next.take(), ["attach alpha net1"], "containers are not started twice");
  assert.equal(next.door.pods()[0]?.phase, "Running");
});

/** A world in which an earlier agent left a pod with a sandbox, one with devices only, and one of another door. */
function leaveBehind(world: World) {
  const identity = (uid: string) => ({ namespace: "default", name: uid, uid });
  const sandbox = { pod: identity("old"), pid: 7, namespacePath: "/proc/7/ns/net" };
  world.sandboxes.set("old", sandbox);
  world.devices.set("older", []);
  const stranger = { pod: identity("stranger"), namespacePath: "/x", references: [] };
  world.attached.set("stranger", stranger);
}

test("pods of an earlier run that no manifest names are removed, those of other doors are not", async (context) => {
  const world = setUp(context);
  leaveBehind(world);
  await world.begin(pod("alpha"));
  const calls = world.take().filter((call) => !call.includes("alpha"));
  assert.deepEqual(calls.sort(), ["detach old", "free old", "free older", "stop old"]);
  assert.deepEqual([...world.attached.keys()], ["stranger", "uid-alpha"]);
});

test("nothing is removed while the folder was never read or holds what cannot be read", async (context) => {
  const world = setUp(context);
  leaveBehind(world);
  world.isLoaded = false;
  await world.begin();
  assert.deepEqual(world.take(), []);
  world.isLoaded = true;
  world.problems = ["a mistake"];
  await world.change();
  assert.deepEqual(world.take(), []);
  world.problems = [];
  await world.change();
  assert.ok(world.take().includes("stop old"));
});

test("removing all ends every pod, those of an earlier run too, and the folder is not followed any more", async (context) => {
  const world = setUp(context);
  leaveBehind(world);
  world.problems = ["a mistake"];
  await world.begin(pod("alpha", { nics: 1 }), pod("beta"));
  await world.door.removeAll();
  assert.deepEqual(world.door.pods(), []);
  assert.deepEqual([...world.sandboxes.keys(), ...world.devices.keys()], []);
  world.take();
  await world.change(pod("alpha"));
  assert.deepEqual(world.take(), []);
});

test("resources changed on a running pod are told, not followed", async (context) => {
  const world = setUp(context);
  await world.begin(pod("alpha", { nics: 1 }));
  world.take();
  await world.change(pod("alpha", { nics: 2 }));
  assert.deepEqual(world.take(), ["attach alpha "]);
  assert.match(world.door.pods()[0]?.message ?? "", /takes effect when the pod is removed and made anew/);
});

test("resources changed while no agent ran are told too, and the pod's networks are seen to", async (context) => {
  const world = setUp(context);
  const identity = { namespace: "default", name: "alpha", uid: "uid-alpha" };
  world.sandboxes.set("uid-alpha", { pod: identity, pid: 7, namespacePath: "/proc/7/ns/net" });
  world.devices.set("uid-alpha", [{ resource: NICS, id: "a", container: "main" }]);
  world.faults.set("admit alpha", new LanyardError("conflict", "changed request"));
  await world.begin(pod("alpha", { networks: [fast], nics: 2 }));
  assert.deepEqual(world.take(), ["attach alpha net1"]);
  const [alpha] = world.door.pods();
  assert.equal(alpha?.phase, "Running");
  assert.match(alpha?.message ?? "", /resources were changed/);
  await world.change(pod("alpha", { networks: [fast], nics: 1 }));
  assert.equal(world.door.pods()[0]?.message, undefined);
});
