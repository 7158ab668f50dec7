import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { takeLock } from "../../../src/demo/lock.ts";

test("a second one is refused and told who has it; afterwards it is free again", async () => {
  const name = randomUUID();
  const lock = await takeLock(name);
  await assert.rejects(takeLock(name), {
    code: "conflict",
    message: new RegExp(`process ${process.pid}\\b`),
  });
  await lock.close();
  await (await takeLock(name)).close();
});

test("a killed holder leaves nothing that keeps the next one out", async () => {
  const name = randomUUID();
  const module = new URL("../../../src/demo/lock.ts", import.meta.url).href;
  const script = `import { takeLock } from ${JSON.stringify(module)};
    await takeLock(${JSON.stringify(name)}); console.log("held"); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(holder.stdout, "data");
    await assert.rejects(takeLock(name), new RegExp(`process ${holder.pid}\\b`));
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "close");
  }
  await (await takeLock(name)).close();
});
