import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder, removeFolder, removeLeftover, writeWorld } from "../../../src/demo/folder.ts";

async function inTemporary(work: (folder: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "demo-"));
  try {
    await work(join(parent, "lanyard-demo"));
    assert.deepEqual(await readdir(parent), []);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

test("the folder is its owner's alone and holds the example's manifests", async () => {
  await inTemporary(async (folder) => {
    const places = makeFolder(folder);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.ok((await readdir(places.manifests)).includes("pods.yaml"));
    assert.ok(existsSync(places.config));
    await removeFolder(folder);
  });
});

test("removing is fine when there is nothing, and finishes what was cut off", async () => {
  await inTemporary(async (folder) => {
    await removeFolder(folder);
    await mkdir(`${folder}.ended`);
    await writeFile(join(`${folder}.ended`, "rest"), "");
    await removeFolder(folder);
  });
});

test("what a killed demo left is removed, whatever it had come to", async () => {
  await inTemporary(async (folder) => {
    assert.equal(await removeLeftover(folder), false);
    const places = makeFolder(folder);
    assert.equal(await removeLeftover(folder), true);
    makeFolder(folder);
    await writeFile(places.worldFile, '{"pid": 1');
    assert.equal(await removeLeftover(folder), true);
  });
});

test("a world that is still ending is waited for", async () => {
  await inTemporary(async (folder) => {
    const places = makeFolder(folder);
    const world = spawn(process.execPath, ["--eval", "process.stdin.resume()"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    const ended = once(world, "exit");
    try {
      assert.ok(world.pid);
      writeWorld(places.worldFile, world.pid);
      const removing = removeLeftover(folder);
      assert.ok(existsSync(folder));
      world.stdin.end();
      await removing;
      await ended;
    } finally {
      world.kill("SIGKILL");
    }
  });
});

test("a number that another process has by now is nobody to wait for", async () => {
  await inTemporary(async (folder) => {
    const places = makeFolder(folder);
    await writeFile(places.worldFile, JSON.stringify({ pid: process.pid, startTime: "1", bootId: "other" }));
    assert.equal(await removeLeftover(folder), true);
  });
});
