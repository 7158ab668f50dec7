import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { changeNetworks, editNetworks, type WrittenNetwork } from "../../../src/demo/manifest-edit.ts";
import { NotFoundError } from "../../../src/model/errors.ts";
import { readManifestFile } from "../../../src/standalone/manifest-file.ts";

const example = readFileSync(
  new URL("../../../deploy/standalone/manifests/pods.yaml", import.meta.url),
  "utf8",
);
const added: WrittenNetwork = { podNetworkName: "backbone", interfaceName: "net3", ips: ["10.77.3.10/24"] };

/** The pods of a manifest: interface names by pod, read as the agent reads them. */
function interfacesOf(text: string): Record<string, string[]> {
  const { entries, problems } = readManifestFile("pods.yaml", text);
  assert.deepEqual(problems, []);
  return Object.fromEntries(
    entries.flatMap(({ manifest }) =>
      manifest.kind === "Pod"
        ? [[manifest.name, manifest.networks.map(({ interfaceName }) => interfaceName)]]
        : [],
    ),
  );
}

test("a network is added to one pod and to no other", () => {
  const text = changeNetworks(example, "alpha", (networks) => [...networks, added]);
  assert.deepEqual(interfacesOf(text), { alpha: ["net1", "net2", "net3"], beta: ["net1", "net2"] });
});

test("taking it out again gives the manifest as it was", () => {
  const once = changeNetworks(example, "alpha", (networks) => networks);
  const more = changeNetworks(once, "alpha", (networks) => [...networks, added]);
  const less = changeNetworks(more, "alpha", (networks) =>
    networks.filter(({ interfaceName }) => interfaceName !== "net3"),
  );
  assert.notEqual(more, once);
  assert.equal(less, once);
});

test("comments and the other documents stay", () => {
  const text = changeNetworks(example, "beta", (networks) => [...networks, added]);
  const commentsIn = (manifest: string) => manifest.match(/#.*/g);
  assert.deepEqual(commentsIn(text), commentsIn(example));
});

test("the list stays one that a person can edit: one network on a line", () => {
  const text = changeNetworks(example, "alpha", (networks) => [...networks, added]);
  assert.match(
    text,
    /^ +\{"podNetworkName": "backbone", "interfaceName": "net3", "ips": \["10.77.3.10\/24"\]\}$/m,
  );
});

test("a pod without the annotation gets it", () => {
  const plain =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: gamma\nspec:\n  containers: [{ name: main }]\n";
  const text = changeNetworks(plain, "gamma", (networks) => [...networks, added]);
  assert.deepEqual(interfacesOf(text), { gamma: ["net3"] });
});

test("a pod that is not there is named", () => {
  assert.throws(() => changeNetworks(example, "delta", (networks) => networks), NotFoundError);
});

test("the file is replaced whole, and no draft is left beside it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "demo-"));
  try {
    const path = join(folder, "pods.yaml");
    await writeFile(path, example);
    await editNetworks(path, "alpha", (networks) => [...networks, added]);
    assert.deepEqual(interfacesOf(await readFile(path, "utf8")).alpha, ["net1", "net2", "net3"]);
    assert.deepEqual(await readdir(folder), ["pods.yaml"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
