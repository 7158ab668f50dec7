import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { listenOnSocket } from "../../../src/rpc/unix-socket.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

test("what fails while a server listens is told, and the server goes on", PATIENCE, async () => {
  const folder = mkdtempSync(join(tmpdir(), "lanyard-socket-"));
  const server = createServer();
  const told: string[] = [];
  try {
    const socket = await listenOnSocket(server, join(folder, "a.sock"), 0o600, ({ message }) =>
      told.push(message),
    );
    server.emit("error", new Error("accept EMFILE"));
    server.emit("error", new Error("accept ENFILE"));
    assert.deepEqual([told, server.listening], [["accept EMFILE", "accept ENFILE"], true]);
    await socket.close();
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a socket in a folder that is not there, and cannot be, is refused", PATIENCE, async () => {
  await assert.rejects(
    listenOnSocket(createServer(), "/proc/nowhere/a.sock", 0o600, () => {}),
    {
      code: "not-found",
      message: "cannot serve on /proc/nowhere/a.sock: there is no folder /proc/nowhere",
    },
  );
});
