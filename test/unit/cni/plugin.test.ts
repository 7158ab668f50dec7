import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { Plugin } from "../../../src/cni/plugin.ts";
import type { Attachments } from "../../../src/model/attachment.ts";
import { LanyardError } from "../../../src/model/errors.ts";

const log = pino({ level: "silent" });
const PREVIOUS = { cniVersion: "1.0.0", ips: [] };
const ENTRY = {
  cniVersion: "1.0.0",
  name: "net",
  type: "lanyard",
  attachPodNetworks: true,
  prevResult: PREVIOUS,
};
const waits = () => false;
const isGone = () => true;

/** Stands in for the engine: notes what it is asked, and attaches nothing. */
class NoAttachments {
  readonly asked: string[] = [];
  attaching: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  async attach({ owner, references }: Parameters<Attachments["attach"]>[0]): Promise<[]> {
    this.asked.push(
      `attach ${owner.sandbox} ${references.map(({ interfaceName }) => interfaceName).join(",")}`,
    );
    await this.attaching;
    return [];
  }

  async releaseOwned({ sandbox, interfaceName }: Parameters<Attachments["releaseOwned"]>[0]): Promise<void> {
    this.asked.push(`release ${sandbox} ${interfaceName}`);
    if (this.failure !== undefined) throw this.failure;
  }

  async check(): Promise<[]> {
    this.asked.push("check");
    return [];
  }

  async releaseOthers(): Promise<void> {}
}

function makePlugin(annotations: Record<string, string> | undefined = {}) {
  const attachments = new NoAttachments();
  const plugin = new Plugin({
    attachments,
    pods: { annotations: async () => annotations },
    defaultNetworks: [],
    systemNamespaces: [],
    whyNotBehind: () => undefined,
    log,
  });
  return { attachments, plugin };
}

function request(environment: Record<string, string>, input: string): Buffer {
  const all = {
    ...{
      CNI_CONTAINERID: "box1",
      CNI_NETNS: "/run/netns/blue",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/opt/cni/bin",
    },
    ...{ CNI_ARGS: "K8S_POD_NAMESPACE=blue;K8S_POD_NAME=alpha;K8S_POD_UID=1" },
    ...environment,
  };
  const entries = Object.entries(all).map(([name, value]) => `${name}=${value}\0`);
  return Buffer.from(`${entries.join("")}\0${input}`);
}

const add = (entry: object = ENTRY) => request({ CNI_COMMAND: "ADD" }, JSON.stringify(entry));
const WISHES = { "k8s.v1.cni.cncf.io/networks": "fast" };

describe("the plugin", () => {
  test("asks who knows the pods where the runtime does not hand over their annotations", async () => {
    const { attachments, plugin } = makePlugin(WISHES);
    const answer = await plugin.answer(add(), waits);
    assert.deepEqual([answer.exitCode, JSON.parse(answer.output)], [0, PREVIOUS]);
    assert.deepEqual(attachments.asked, ["attach box1 net1"]);
  });

  test("lets no pod start that nobody knows", async () => {
    const attachments = new NoAttachments();
    const pods = { annotations: async () => undefined };
    const rest = { defaultNetworks: [], systemNamespaces: [], whyNotBehind: () => undefined, log };
    const { exitCode, output } = await new Plugin({ attachments, pods, ...rest }).answer(add(), waits);
    assert.equal(exitCode, 1);
    assert.match(JSON.parse(output).msg, /^pod blue\/alpha with uid 1 is not known/);
    assert.deepEqual(attachments.asked, []);
  });

  test("asks for nothing where a pod wishes for nothing", async () => {
    const { attachments, plugin } = makePlugin();
    assert.equal((await plugin.answer(add(), waits)).exitCode, 0);
    assert.equal(
      (await plugin.answer(request({ CNI_COMMAND: "CHECK" }, JSON.stringify(ENTRY)), waits)).exitCode,
      0,
    );
    assert.deepEqual(attachments.asked, []);
  });

  test("takes back an ADD that nobody waits for", async () => {
    const { attachments, plugin } = makePlugin(WISHES);
    const { exitCode, output } = await plugin.answer(add(), isGone);
    assert.deepEqual([exitCode, JSON.parse(output).code], [1, 11]);
    assert.deepEqual(attachments.asked, ["attach box1 net1", "release box1 eth0"]);
  });

  test("leaves to a repeated ADD what the first, whose caller went away, has made", async () => {
    const { attachments, plugin } = makePlugin(WISHES);
    const { promise, resolve } = Promise.withResolvers<void>();
    attachments.attaching = promise;
    const first = plugin.answer(add(), isGone);
    const second = plugin.answer(add(), waits);
    resolve();
    assert.deepEqual([(await first).exitCode, (await second).exitCode], [0, 0]);
    assert.deepEqual(attachments.asked, ["attach box1 net1", "attach box1 net1"]);
  });

  test("deletes whatever the configuration says, and also without the pod's namespace", async () => {
    const { attachments, plugin } = makePlugin();
    for (const input of ["", "{", '{"cniVersion": "9.9.9"}', JSON.stringify({ name: "net" })]) {
      const answer = await plugin.answer(request({ CNI_COMMAND: "DEL", CNI_NETNS: "" }, input), waits);
      assert.deepEqual(answer, { exitCode: 0, output: "" });
    }
    assert.deepEqual(new Set(attachments.asked), new Set(["release box1 eth0"]));
  });

  test("tells of a DEL that failed where it stands alone or the DEL was queued, so that it is tried again", async () => {
    const { attachments, plugin } = makePlugin();
    attachments.failure = new LanyardError("kernel", "the VF stays where it is");
    const own = { cniVersion: "1.0.0", name: "net", type: "lanyard", podNetworkName: "over" };
    const alone = request({ CNI_COMMAND: "DEL" }, JSON.stringify(own));
    const { exitCode, output } = await plugin.answer(alone, waits);
    assert.deepEqual([exitCode, JSON.parse(output).msg], [1, "the VF stays where it is"]);
    await assert.rejects(plugin.deleteQueued(request({ CNI_COMMAND: "DEL" }, "{}")), attachments.failure);
    await assert.rejects(plugin.deleteQueued(add()), { message: /DEL, which alone is queued/ });
  });

  test("keeps the DEL of the plugins it stands behind from nothing when its own fails", async () => {
    const { attachments, plugin } = makePlugin();
    attachments.failure = new LanyardError("kernel", "the VF stays where it is");
    for (const entry of [ENTRY, { ...ENTRY, attachPodNetworks: false, qosClassName: "gold" }]) {
      const answer = await plugin.answer(request({ CNI_COMMAND: "DEL" }, JSON.stringify(entry)), waits);
      assert.deepEqual(answer, { exitCode: 0, output: "" });
    }
  });

  for (const [what, call, code] of [
    ["no environment", Buffer.from("CNI_COMMAND"), 7],
    ["an unknown command", request({ CNI_COMMAND: "FIX" }, "{}"), 4],
    ["an ADD without a sandbox", request({ CNI_COMMAND: "ADD", CNI_CONTAINERID: "" }, "{}"), 4],
    ["an ADD of an unknown version", add({ ...ENTRY, cniVersion: "9.9.9" }), 1],
    [
      "a CHECK before there was one",
      request({ CNI_COMMAND: "CHECK" }, '{"cniVersion": "0.3.1", "name": "net"}'),
      1,
    ],
    ["an ADD without standard input", request({ CNI_COMMAND: "ADD" }, ""), 6],
    ["a pod's networks with nothing to stand behind", add({ ...ENTRY, prevResult: undefined }), 7],
    [
      "a network of its own behind another",
      add({ ...ENTRY, attachPodNetworks: false, podNetworkName: "over" }),
      7,
    ],
  ] as const) {
    test(`answers ${what} with code ${code}`, async () => {
      const { exitCode, output } = await makePlugin().plugin.answer(call, waits);
      assert.deepEqual([exitCode, JSON.parse(output).code], [1, code], output);
    });
  }

  test("tells which versions it speaks", async () => {
    const { plugin } = makePlugin();
    const { output } = await plugin.answer(
      request({ CNI_COMMAND: "VERSION" }, '{"cniVersion": "1.0.0"}'),
      waits,
    );
    assert.equal(JSON.parse(output).supportedVersions.at(-1), "1.1.0");
  });
});
