import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, it, test } from "node:test";
import { KubeletAssignments } from "../../../src/clients/device-assignments.ts";
import { type PodDevice, PodResourcesClient } from "../../../src/clients/pod-resources.ts";
import { type ErrorCode, LanyardError } from "../../../src/model/errors.ts";
import { PodResourcesLister } from "../../../src/rpc/generated/podresources/v1_pb.js";
import { implement, serveOnUnixSocket } from "../../../src/rpc/server.ts";

const alpha = { namespace: "default", name: "alpha", uid: "1" };
const beta = { namespace: "default", name: "beta", uid: "2" };

function given(id: string, pod = "alpha", container = "main"): PodDevice {
  return { namespace: "default", pod, container, resource: "a.b/vfs", id };
}

/** A kubelet that a test answers for. */
class FakeKubelet {
  socket: string | undefined = "first";
  /** What `get` fails with; undefined where it answers. */
  refusal: ErrorCode | undefined;
  readonly asked: string[] = [];
  readonly lists: PromiseWithResolvers<readonly PodDevice[]>[] = [];

  readonly findKubelet = async () => this.socket;

  readonly get = async ({ name }: { readonly name: string }) => {
    this.asked.push(`get ${name}`);
    if (this.refusal !== undefined) throw new LanyardError(this.refusal, `get failed: ${this.refusal}`);
    return [given(`of ${name}`, name)];
  };

  readonly list = () => {
    this.asked.push("list");
    const answer = Promise.withResolvers<readonly PodDevice[]>();
    this.lists.push(answer);
    return answer.promise as Promise<PodDevice[]>;
  };

  /** Resolves when so many lists have been asked for; nothing but promises stands between a question and its list. */
  async listed(count: number): Promise<void> {
    for (let turn = 0; this.lists.length < count; turn++) {
      assert.ok(turn < 100, `${count} lists were to be asked for, and ${this.lists.length} were`);
      await new Promise(setImmediate);
    }
  }
}

let kubelet: FakeKubelet;
let assignments: KubeletAssignments;

beforeEach(() => {
  kubelet = new FakeKubelet();
  assignments = new KubeletAssignments(kubelet);
});

describe("what the kubelet gave a pod", () => {
  it("is asked about the pod alone where the kubelet answers that", async () => {
    assert.deepEqual(await assignments.assignedTo(alpha), [
      { resource: "a.b/vfs", id: "of alpha", container: "main" },
    ]);
    assert.deepEqual(kubelet.asked, ["get alpha"]);
  });

  it("is looked for among all pods otherwise, in the order in which it is told", async () => {
    kubelet.refusal = "unsupported";
    const answer = assignments.assignedTo(alpha);
    await kubelet.listed(1);
    kubelet.lists[0]?.resolve([
      given("b", "alpha", "side"),
      given("x", "beta"),
      { ...given("y"), namespace: "other" },
      given("a"),
    ]);
    assert.deepEqual(
      (await answer).map(({ id, container }) => [id, container]),
      [
        ["b", "side"],
        ["a", "main"],
      ],
    );
  });

  it("is not asked about a pod alone again until another kubelet is there", async () => {
    kubelet.refusal = "unsupported";
    for (const [socket, expected] of [
      ["first", ["get alpha", "list"]],
      ["first", ["list"]],
      ["second", ["get alpha", "list"]],
    ] as const) {
      kubelet.socket = socket;
      kubelet.asked.length = 0;
      const answer = assignments.assignedTo(alpha);
      await kubelet.listed(kubelet.lists.length + 1);
      kubelet.lists.at(-1)?.resolve([]);
      assert.deepEqual(await answer, []);
      assert.deepEqual(kubelet.asked, expected);
    }
  });

  it("is looked for among all pods where the kubelet knows the pod not, or has the question switched off", async () => {
    kubelet.refusal = "internal";
    for (let round = 1; round <= 2; round++) {
      const answer = assignments.assignedTo(alpha);
      await kubelet.listed(round);
      kubelet.lists.at(-1)?.resolve([given("a")]);
      assert.deepEqual(
        (await answer).map(({ id }) => id),
        ["a"],
      );
    }
    assert.deepEqual(kubelet.asked, ["get alpha", "list", "get alpha", "list"]);
  });

  it("is not known while the kubelet does not answer", async () => {
    for (const code of ["unavailable", "timeout"] as const) {
      kubelet.refusal = code;
      await assert.rejects(assignments.assignedTo(alpha), {
        code: "unavailable",
        message:
          "which devices pod default/alpha was given is not known, because the kubelet does not tell: " +
          `get failed: ${code}`,
      });
    }
    assert.deepEqual(kubelet.asked, ["get alpha", "get alpha"]);
  });
});

describe("one answer about all pods", () => {
  beforeEach(() => {
    kubelet.refusal = "unsupported";
  });

  it("is shared by all who ask at once", async () => {
    const answers = [alpha, beta, alpha].map((pod) => assignments.assignedTo(pod));
    await kubelet.listed(1);
    kubelet.lists[0]?.resolve([given("a"), given("b", "beta")]);
    const ids = (await Promise.all(answers)).map((devices) => devices.map(({ id }) => id));
    assert.deepEqual(ids, [["a"], ["b"], ["a"]]);
    assert.equal(kubelet.lists.length, 1);
  });

  it("is not for who asks while it is on its way, since it may be older than what that pod was given", async () => {
    const first = assignments.assignedTo(alpha);
    await kubelet.listed(1);
    const later = [beta, beta].map((pod) => assignments.assignedTo(pod));
    await new Promise(setImmediate);
    assert.equal(kubelet.lists.length, 1);
    kubelet.lists[0]?.resolve([given("a")]);
    await kubelet.listed(2);
    kubelet.lists[1]?.resolve([given("a"), given("b", "beta")]);
    assert.deepEqual((await first).length, 1);
    for (const answer of later)
      assert.deepEqual(
        (await answer).map(({ id }) => id),
        ["b"],
      );
    assert.equal(kubelet.lists.length, 2);
  });

  it("that fails, fails for those who shared it alone", async () => {
    const first = assignments.assignedTo(alpha);
    await kubelet.listed(1);
    const second = assignments.assignedTo(beta);
    await new Promise(setImmediate);
    kubelet.lists[0]?.reject(new LanyardError("unavailable", "gone"));
    await assert.rejects(first, /does not tell: gone$/);
    await kubelet.listed(2);
    kubelet.lists[1]?.resolve([given("b", "beta")]);
    assert.equal((await second).length, 1);
  });
});

test("a kubelet without the method is asked about all pods, over its socket", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lanyard-"));
  const path = join(folder, "kubelet.sock");
  const server = await serveOnUnixSocket({ path }, [
    implement(PodResourcesLister, {
      list: async () => ({
        podResources: [
          {
            namespace: "default",
            name: "alpha",
            containers: [{ name: "main", devices: [{ resourceName: "a.b/vfs", deviceIds: ["x", "y"] }] }],
          },
        ],
      }),
      get: async () => {
        throw new LanyardError("unsupported", "unknown method Get");
      },
      getAllocatableResources: async () => ({}),
    }),
  ]);
  try {
    const real = new KubeletAssignments(new PodResourcesClient(path));
    const devices = await real.assignedTo(alpha);
    assert.deepEqual(
      devices.map(({ id }) => id),
      ["x", "y"],
    );
    await server.stop();
    await assert.rejects(real.assignedTo(alpha), { code: "unavailable" });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
