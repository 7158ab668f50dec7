import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { ManifestFolder } from "../../../src/standalone/manifests.ts";

const head = "apiVersion: lanyard.dev/v1alpha1\nkind: QosClass\n";
const qos = (name: string, priority: number) =>
  `${head}metadata: {name: ${name}}\nspec: {priority: ${priority}}\n`;

/** A folder that does not exist yet, its reader, and the lines it logged; all gone after the test. */
function setUp(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "lanyard-manifests-"));
  const directory = join(root, "etc", "manifests");
  const lines: string[] = [];
  const write = (line: string) => {
    lines.push(JSON.parse(line).msg);
  };
  const log = pino({}, { write });
  const folder = new ManifestFolder({ directory, log, debounceMs: 5 });
  const events = new EventEmitter();
  folder.onChange(() => events.emit("reload"));
  context.after(async () => {
    await folder.stop();
    rmSync(root, { recursive: true, force: true });
  });
  /** Resolves at the first reload after which the condition holds. */
  const until = async (condition: () => boolean) => {
    while (!condition()) await once(events, "reload", { signal: AbortSignal.timeout(5_000) });
  };
  return { root, directory, folder, lines, until };
}

test("the example folder is read without a problem", async (context) => {
  const directory = new URL("../../../deploy/standalone/manifests/", import.meta.url).pathname;
  const folder = new ManifestFolder({ directory, log: pino({ level: "silent" }) });
  context.after(() => folder.stop());
  await folder.start();
  assert.deepEqual(folder.problems(), []);
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();
  assert.deepEqual(names(folder.pods()), ["alpha", "beta"]);
  assert.deepEqual(names(folder.qosClasses()), ["bronze", "gold", "silver"]);
  assert.deepEqual(names(folder.podNetworks()), ["backbone", "fast", "plain", "shared"]);
  for (const network of folder.podNetworks()) {
    for (const { name } of network.parametersRefs) assert.ok(folder.linkProfile(name), name);
  }
  for (const { networks } of folder.pods()) {
    for (const { target, qosClassName } of networks) {
      assert.ok(target.kind === "PodNetwork" && folder.podNetwork(target.name), JSON.stringify(target));
      if (qosClassName !== undefined) assert.ok(folder.qosClass(qosClassName), qosClassName);
    }
  }
});

test("files that come, change and go are followed", async (context) => {
  const { directory, folder, until } = setUp(context);
  mkdirSync(directory, { recursive: true });
  await folder.start();
  assert.ok(folder.isLoaded);
  assert.equal(folder.qosClass("gold"), undefined);

  writeFileSync(join(directory, "q.yaml"), qos("gold", 5));
  await until(() => folder.qosClass("gold")?.priority === 5);
  writeFileSync(join(directory, "q.yaml"), qos("gold", 6));
  await until(() => folder.qosClass("gold")?.priority === 6);
  renameSync(join(directory, "q.yaml"), join(directory, "r.yaml"));
  writeFileSync(join(directory, "s.json"), "");
  await until(() => folder.qosClass("gold")?.priority === 6);
  rmSync(join(directory, "r.yaml"));
  await until(() => folder.qosClass("gold") === undefined);
});

test("a NetworkAttachmentDefinition is found by its namespace and name", async (context) => {
  const { directory, folder } = setUp(context);
  mkdirSync(directory, { recursive: true });
  const definition = (namespace: string, vlan: number) => ({
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name: "fast", namespace },
    spec: { config: JSON.stringify({ type: "sriov", vlan }) },
  });
  writeFileSync(join(directory, "a.json"), JSON.stringify(definition("blue", 5)));
  writeFileSync(join(directory, "b.json"), JSON.stringify(definition("green", 6)));
  await folder.start();
  assert.deepEqual(folder.problems(), []);
  assert.equal(folder.networkAttachmentDefinitions().length, 2);
  const [plugin] = folder.networkAttachmentDefinition("green", "fast")?.configuration?.plugins ?? [];
  assert.deepEqual(plugin?.written, { type: "sriov", vlan: 6 });
  assert.equal(folder.networkAttachmentDefinition("default", "fast"), undefined);
});

test("an object whose file became invalid stays as it was until the file is mended", async (context) => {
  const { directory, folder, lines, until } = setUp(context);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "q.yaml"), qos("gold", 5));
  await folder.start();

  writeFileSync(join(directory, "q.yaml"), qos("gold", 50));
  await until(() => folder.problems().length > 0);
  assert.equal(folder.qosClass("gold")?.priority, 5);
  assert.deepEqual(folder.problems()[0]?.kept, ["QosClass gold"]);
  assert.match(lines.join("\n"), /spec\.priority: 50 .*what was there stays as it was: QosClass gold/);

  writeFileSync(join(directory, "q.yaml"), "{");
  await until(() => /cannot be read/.test(folder.problems()[0]?.message ?? ""));
  assert.equal(folder.qosClass("gold")?.priority, 5);

  writeFileSync(join(directory, "q.yaml"), qos("gold", 7));
  await until(() => folder.problems().length === 0);
  assert.equal(folder.qosClass("gold")?.priority, 7);
  assert.match(lines.at(-1) ?? "", /in order again$/);
});

test("who looks up an object that cannot be read is told what is wrong with it", async (context) => {
  const { directory, folder } = setUp(context);
  mkdirSync(directory, { recursive: true });
  const network = {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name: "fast", namespace: "blue" },
    spec: { config: "{" },
  };
  writeFileSync(join(directory, "n.json"), JSON.stringify(network));
  writeFileSync(join(directory, "q.yaml"), qos("gold", 50));
  await folder.start();
  const isUnclear = /^NetworkAttachmentDefinition blue\/fast: n\.json#1 spec\.config: "\{" is not usable/;
  assert.throws(() => folder.networkAttachmentDefinition("blue", "fast"), {
    code: "invalid",
    message: isUnclear,
  });
  assert.throws(() => folder.qosClass("gold"), { message: /^QosClass gold: q\.yaml#1 spec\.priority: 50/ });
  assert.equal(folder.networkAttachmentDefinition("green", "fast"), undefined);
  assert.equal(folder.qosClass("silver"), undefined);
});

test("a problem that stays is logged once", async (context) => {
  const { directory, folder, lines } = setUp(context);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "q.yaml"), qos("gold", 50));
  await folder.start();
  await folder.reload();
  await folder.reload();
  assert.equal(lines.filter((line) => line.includes("spec.priority")).length, 1);
});

test("a folder that does not exist yet is waited for, with its parents", async (context) => {
  const { directory, folder, until } = setUp(context);
  await folder.start();
  assert.equal(folder.isLoaded, false);
  assert.match(folder.problems()[0]?.message ?? "", /the folder cannot be read/);

  mkdirSync(directory, { recursive: true });
  await until(() => folder.isLoaded);
  writeFileSync(join(directory, "q.yaml"), qos("gold", 5));
  await until(() => folder.qosClass("gold") !== undefined);
});

test("a folder that vanished is no empty folder, and one put in its place is read and followed", async (context) => {
  const { root, directory, folder, until } = setUp(context);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "q.yaml"), qos("gold", 5));
  await folder.start();

  renameSync(directory, join(root, "aside"));
  await until(() => folder.problems().length > 0);
  assert.equal(folder.qosClass("gold")?.priority, 5);

  mkdirSync(directory);
  writeFileSync(join(directory, "q.yaml"), qos("silver", 3));
  await until(() => folder.qosClass("silver") !== undefined);
  assert.equal(folder.qosClass("gold"), undefined);
  writeFileSync(join(directory, "q.yaml"), qos("silver", 4));
  await until(() => folder.qosClass("silver")?.priority === 4);
});

test("a link that is pointed at another folder, as ConfigMaps are, is followed", async (context) => {
  const { root, directory, folder, until } = setUp(context);
  mkdirSync(directory, { recursive: true });
  for (const [version, priority] of [["one", 1] as const, ["two", 2] as const]) {
    mkdirSync(join(root, version));
    writeFileSync(join(root, version, "q.yaml"), qos("gold", priority));
  }
  symlinkSync(join(root, "one"), join(directory, "..data"));
  symlinkSync(join("..data", "q.yaml"), join(directory, "q.yaml"));
  await folder.start();
  assert.equal(folder.qosClass("gold")?.priority, 1);
  symlinkSync(join(root, "two"), join(directory, "..new"));
  renameSync(join(directory, "..new"), join(directory, "..data"));
  await until(() => folder.qosClass("gold")?.priority === 2);
});

test("a file that cannot be read keeps what it held", async (context) => {
  const { directory, folder, until } = setUp(context);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "q.yaml"), qos("gold", 5));
  await folder.start();
  rmSync(join(directory, "q.yaml"));
  mkdirSync(join(directory, "q.yaml"));
  await until(() => folder.problems().length > 0 || folder.qosClass("gold") === undefined);
  if (folder.problems().length === 0) await until(() => folder.problems().length > 0);
  assert.match(folder.problems()[0]?.message ?? "", /^q\.yaml: cannot be read/);
});
