import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ContainerRuntime } from "../../../src/clients/container-runtime.ts";
import { LanyardError, NotFoundError } from "../../../src/model/errors.ts";
import { ImageService, PodSandboxState, RuntimeService } from "../../../src/rpc/generated/cri/v1_pb.js";
import { implement, type ServedService, serveOnUnixSocket } from "../../../src/rpc/server.ts";

function makeFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "runtime-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function serve(context: TestContext, path: string, service: ServedService): Promise<void> {
  const server = await serveOnUnixSocket({ path }, [service]);
  context.after(() => server.stop());
}

const pod = { name: "alpha", namespace: "default", uid: "uid-1" };

/** A runtime with one sandbox, `one`, of which `info` is told. */
function runtimeWith(info: string) {
  const never = () => Promise.reject(new LanyardError("unsupported", "not here"));
  return implement(RuntimeService, {
    version: never,
    runPodSandbox: never,
    stopPodSandbox: never,
    removePodSandbox: never,
    status: never,
    listPodSandbox: async () => ({
      items: [
        { id: "one", metadata: pod },
        { id: "two", state: PodSandboxState.SANDBOX_NOTREADY },
      ],
    }),
    podSandboxStatus: async ({ podSandboxId, verbose }) => {
      if (podSandboxId !== "one") throw new NotFoundError(`no sandbox ${podSandboxId}`);
      const told: Record<string, string> = verbose ? { info } : {};
      return {
        status: { id: "one", metadata: pod, state: PodSandboxState.SANDBOX_READY },
        info: told,
      };
    },
  });
}

const specification = (...namespaces: { type: string; path?: string }[]) =>
  JSON.stringify({ pid: 812, runtimeSpec: { linux: { namespaces } } });

test("all sandboxes are told, those that ended too", async (context) => {
  const socket = join(makeFolder(context), "cri.sock");
  await serve(context, socket, runtimeWith("{}"));
  assert.deepEqual(await new ContainerRuntime({ socket }).sandboxes(), new Set(["one", "two"]));
});

test("a sandbox is told with its pod and the path of its network namespace", async (context) => {
  const socket = join(makeFolder(context), "cri.sock");
  const info = specification({ type: "pid" }, { type: "network", path: "/run/netns/cni-1" });
  await serve(context, socket, runtimeWith(info));
  const runtime = new ContainerRuntime({ socket });
  assert.deepEqual(await runtime.sandbox("one"), {
    id: "one",
    pod,
    isReady: true,
    namespacePath: "/run/netns/cni-1",
  });
  assert.equal(await runtime.sandbox("three"), undefined);
});

for (const info of [specification({ type: "pid" }), specification({ type: "network" }), "{}", "null"]) {
  test(`a sandbox of which the runtime tells ${info} has no path`, async (context) => {
    const socket = join(makeFolder(context), "cri.sock");
    await serve(context, socket, runtimeWith(info));
    assert.equal((await new ContainerRuntime({ socket }).sandbox("one"))?.namespacePath, undefined);
  });
}

test("what a runtime tells of a sandbox that is no JSON is an error that says so", async (context) => {
  const socket = join(makeFolder(context), "cri.sock");
  await serve(context, socket, runtimeWith("{oh"));
  await assert.rejects(new ContainerRuntime({ socket }).sandbox("one"), /something else than JSON/);
});

test("the first of the usual sockets that is there is asked, also when it comes later", async (context) => {
  const folder = makeFolder(context);
  const usualSockets = ["containerd.sock", "crio.sock"].map((name) => join(folder, name));
  const runtime = new ContainerRuntime({ usualSockets });
  await assert.rejects(runtime.sandboxes(), {
    code: "not-found",
    message: `no container runtime: there is no socket at ${usualSockets.join(", ")}; name it as cni.runtimeSocket`,
  });
  await serve(context, usualSockets[1] as string, runtimeWith("{}"));
  assert.equal((await runtime.sandboxes()).size, 2);
});

test("a runtime without this version of the interface is told as unsupported", async (context) => {
  const socket = join(makeFolder(context), "cri.sock");
  await serve(context, socket, implement(ImageService, { imageStatus: async () => ({}) }));
  await assert.rejects(new ContainerRuntime({ socket }).sandboxes(), { code: "unsupported" });
});
