import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "node:test";
import { pino } from "pino";
import type { Kernel } from "../../../src/linux/kernel.ts";
import { MetricsDoor, type MetricsDoorOptions } from "../../../src/metrics/door.ts";
import { MetricsRegistry } from "../../../src/metrics/registry.ts";
import type { ListenAddress } from "../../../src/model/agent-config.ts";
import { makePool } from "./samples.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

/** As much of the kernel as is asked for when nothing is attached. */
const kernel = {
  counts: () => ({ requests: 42, errors: 0, overruns: 0, interruptedDumps: 0 }),
} as unknown as Kernel;

/** A door on `address`, closed at the end. */
async function openDoor(address: ListenAddress, more: Partial<MetricsDoorOptions> = {}) {
  const door = new MetricsDoor({
    address,
    registry: new MetricsRegistry(),
    kernel,
    attachments: { list: () => [] },
    pools: { pools: () => [makePool("lanyard.dev/nics", ["nic0"], [])], onChange: () => () => {} },
    uses: { uses: () => [{ resource: "lanyard.dev/nics", id: "nic0", user: "pod default/a" }] },
    resyncs: () => 0,
    whyNotReady: () => undefined,
    log: pino({ level: "silent" }),
    ...more,
  });
  await door.start();
  return { door, [Symbol.asyncDispose]: () => door.stop() };
}

/** A folder for sockets, gone at the end. */
function makeFolder() {
  const path = mkdtempSync(join(tmpdir(), "lanyard-metrics-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function ask(where: { socketPath: string } | { host: string; port: number }, path: string) {
  const asked = request({ ...where, path, agent: false });
  asked.end();
  const [response] = await once(asked, "response");
  return { status: response.statusCode, type: response.headers["content-type"], body: await text(response) };
}

/** An IPv4 address of this machine; a container may have none but its loopback's, or not even that. */
const host = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4")?.address;
const WITH_ADDRESS = { ...PATIENCE, skip: host === undefined && "this machine has no IPv4 address" };

/** A port of `host` that was free a moment ago. */
async function findPort(): Promise<{ kind: "tcp"; host: string; port: number }> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return { kind: "tcp", host: host ?? "", port };
}

test("metrics are served on a unix socket that only its owner may use", PATIENCE, async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "metrics.sock");
  {
    await using _ = await openDoor({ kind: "unix", path: socketPath });
    const { status, type, body } = await ask({ socketPath }, "/metrics");
    assert.equal(status, 200);
    assert.match(type ?? "", /^text\/plain; version=0\.0\.4/);
    assert.match(body, /^lanyard_netlink_requests_total 42$/m);
    assert.match(body, /^lanyard_device_healthy\{resource="lanyard.dev\/nics",device="nic0"\} 1$/m);
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  }
  assert.equal(existsSync(socketPath), false);
});

test("metrics are served on a TCP port", WITH_ADDRESS, async () => {
  const address = await findPort();
  {
    await using _ = await openDoor(address);
    const { status, body } = await ask(address, "/metrics?x=1");
    assert.equal(status, 200);
    assert.match(body, /lanyard_/);
  }
  await assert.rejects(ask(address, "/metrics"), { code: "ECONNREFUSED" });
});

test("a port that is taken is named with what to do", WITH_ADDRESS, async () => {
  const address = await findPort();
  await using _ = await openDoor(address);
  const place = `metrics.address ${address.host}:${address.port}`;
  await assert.rejects(openDoor(address), (error: Error & { code: string }) => {
    assert.equal(error.code, "unavailable");
    assert.ok(error.message.startsWith(`${place}: cannot listen there (listen EADDRINUSE`), error.message);
    assert.match(error.message, /choose another address$/);
    return true;
  });
});

test("the agent is alive as soon as it answers, and ready when it is", PATIENCE, async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "metrics.sock");
  let reason: string | undefined = "the agent is starting or stopping";
  await using _ = await openDoor({ kind: "unix", path: socketPath }, { whyNotReady: () => reason });
  assert.deepEqual((await ask({ socketPath }, "/healthz")).status, 200);
  const notYet = await ask({ socketPath }, "/readyz");
  assert.deepEqual([notYet.status, notYet.body], [503, "the agent is starting or stopping\n"]);
  reason = undefined;
  const now = await ask({ socketPath }, "/readyz");
  assert.deepEqual([now.status, now.body], [200, "ok\n"]);
});

test("what is not there is answered with what is", PATIENCE, async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "metrics.sock");
  await using _ = await openDoor({ kind: "unix", path: socketPath });
  for (const path of ["/", "/metrics/", "//"]) {
    const { status, body } = await ask({ socketPath }, path);
    assert.deepEqual([status, body], [404, "there is /metrics, /healthz and /readyz\n"], path);
  }
});

test("a scrape that fails is answered, and the next one works", PATIENCE, async () => {
  using folder = makeFolder();
  const socketPath = join(folder.path, "metrics.sock");
  let isBroken = true;
  const list = () => {
    if (isBroken) throw new Error("the journal is gone");
    return [];
  };
  await using _ = await openDoor({ kind: "unix", path: socketPath }, { attachments: { list } });
  const failed = await ask({ socketPath }, "/metrics");
  assert.deepEqual([failed.status, failed.body], [500, "the journal is gone\n"]);
  isBroken = false;
  assert.equal((await ask({ socketPath }, "/metrics")).status, 200);
});

test("a door that never opened, or was closed before, can be closed", PATIENCE, async () => {
  using folder = makeFolder();
  const { door } = await openDoor({ kind: "unix", path: join(folder.path, "metrics.sock") });
  await door.stop();
  await door.stop();
});
