import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, get, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startRelay } from "../../../src/demo/relay.ts";

async function withPage(answer: RequestListener, work: (socket: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "relay-"));
  const socket = join(folder, "page.sock");
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    await work(socket);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
}

function read(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => resolve(text(response))).on("error", reject);
  });
}

/** A port that is free now, found by having had it. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a page of any size is passed on whole", async () => {
  const body = "x".repeat(3_000_000);
  await withPage(
    (_, response) => response.end(body),
    async (socket) => {
      const relay = await startRelay(await freePort(), socket);
      assert.ok(relay);
      try {
        assert.equal(await read(`${relay.url}/metrics`), body);
      } finally {
        relay.close();
      }
    },
  );
});

test("a port that is taken is passed by", async () => {
  const taken = createTcpServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const relay = await startRelay(port, "/nowhere");
    assert.ok(relay);
    relay.close();
    assert.notEqual(relay.url, `http://127.0.0.1:${port}`);
  } finally {
    await new Promise((resolve) => taken.close(resolve));
  }
});

test("while nobody is behind it, a connection is closed and the relay stays", async () => {
  const relay = await startRelay(await freePort(), "/nowhere/page.sock");
  assert.ok(relay);
  try {
    for (let attempt = 0; attempt < 2; attempt++)
      await assert.rejects(read(relay.url), { code: "ECONNRESET" });
  } finally {
    relay.close();
  }
});
