import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect as connectSocket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it, type TestContext } from "node:test";
import { status } from "@grpc/grpc-js";
import { LanyardError, NotFoundError } from "../../../src/model/errors.ts";
import { UnixSocketClient } from "../../../src/rpc/client.ts";
import { RpcError, toStatus } from "../../../src/rpc/errors.ts";
import { DevicePlugin } from "../../../src/rpc/generated/deviceplugin/v1beta1_pb.js";
import { implement, serveOnUnixSocket, type UnixServer } from "../../../src/rpc/server.ts";
import type { Handlers } from "../../../src/rpc/service.ts";
import { isListening } from "../../../src/rpc/socket-file.ts";

let folder: string;
let path: string;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rpc-"));
});
after(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  count += 1;
  path = join(folder, `${count}.sock`);
});

const plain: Handlers<typeof DevicePlugin> = {
  getDevicePluginOptions: async () => ({ preStartRequired: true }),
  async *listAndWatch() {
    yield { devices: [{ ID: "a", health: "Healthy" }] };
    yield { devices: [] };
  },
  getPreferredAllocation: async () => ({}),
  allocate: async () => ({}),
  preStartContainer: async () => ({}),
};

async function serve(
  t: TestContext,
  handlers: Partial<Handlers<typeof DevicePlugin>> = {},
  options: { mode?: number; stopWithinMs?: number } = {},
): Promise<UnixServer> {
  const server = await serveOnUnixSocket({ path, ...options }, [
    implement(DevicePlugin, { ...plain, ...handlers }),
  ]);
  t.after(() => server.stop());
  return server;
}

function connect(t: TestContext): UnixSocketClient<typeof DevicePlugin> {
  const client = new UnixSocketClient(DevicePlugin, path);
  t.after(() => client.close());
  return client;
}

describe("a gRPC service on a unix socket", () => {
  it("answers a call and a stream", async (t) => {
    await serve(t);
    const client = connect(t);
    assert.equal((await client.call("getDevicePluginOptions", {})).preStartRequired, true);
    const lists: string[][] = [];
    for await (const message of client.watch("listAndWatch", {}))
      lists.push(message.devices.map((d) => d.ID));
    assert.deepEqual(lists, [["a"], []]);
  });

  it("carries maps and messages of several megabytes", async (t) => {
    const long = "x".repeat(6 * 1024 * 1024);
    await serve(t, {
      allocate: async (request) => ({
        containerResponses: [{ envs: { ids: (request.containerRequests[0]?.devicesIds ?? []).join() } }],
      }),
    });
    const answer = await connect(t).call("allocate", { containerRequests: [{ devicesIds: [long] }] });
    assert.equal(answer.containerResponses[0]?.envs.ids, long);
  });

  it("answers a LanyardError with the status of its code and its own words", async (t) => {
    await serve(t, {
      allocate: async () => {
        throw new NotFoundError("there is no device ü");
      },
    });
    await assert.rejects(connect(t).call("allocate", {}), (error) => {
      assert(error instanceof RpcError);
      assert.equal(error.code, "not-found");
      assert.equal(error.status, status.NOT_FOUND);
      assert.equal(error.details, "there is no device ü");
      assert.match(error.message, /Allocate on .*\.sock failed: NOT_FOUND: there is no device ü/);
      return true;
    });
  });

  it("answers any other error as UNKNOWN, as a Go server does", () => {
    assert.deepEqual(toStatus(new Error("odd")), { code: status.UNKNOWN, details: "odd" });
    assert.equal(toStatus(new LanyardError("timeout", "slow")).code, status.DEADLINE_EXCEEDED);
  });

  it("ends a stream with the error its handler threw", async (t) => {
    await serve(t, {
      // biome-ignore lint/correctness/useYield: this stream fails before its first message
      async *listAndWatch() {
        throw new LanyardError("unavailable", "no list today");
      },
    });
    await assert.rejects(connect(t).watch("listAndWatch", {}).next(), { code: "unavailable" });
  });

  it("gives up on a call at its deadline", async (t) => {
    await serve(t, { allocate: () => new Promise(() => {}) }, { stopWithinMs: 1 });
    await assert.rejects(connect(t).call("allocate", {}, { deadlineMs: 50 }), { code: "timeout" });
  });

  it("tells the handler when the reader of a stream has gone", async (t) => {
    const gone = Promise.withResolvers<void>();
    await serve(t, {
      async *listAndWatch(_request, { signal }) {
        signal.addEventListener("abort", () => gone.resolve());
        yield {};
        await gone.promise;
      },
    });
    const reading = new AbortController();
    for await (const _ of connect(t).watch("listAndWatch", {}, { signal: reading.signal })) reading.abort();
    await gone.promise;
  });

  it("says that nobody listens where no socket is", async (t) => {
    await assert.rejects(connect(t).call("allocate", {}), (error) => {
      assert(error instanceof RpcError);
      assert.equal(error.code, "unavailable");
      assert(error.message.includes(path));
      return true;
    });
  });
});

describe("the socket file", () => {
  it("has the wanted mode and leaves nothing beside it or after it", async (t) => {
    const server = await serve(t, {}, { mode: 0o640 });
    assert.equal((await stat(path)).mode & 0o777, 0o640);
    const mine = (await readdir(folder)).filter((name) => name.startsWith("."));
    assert.deepEqual(mine, []);
    await server.stop();
    await assert.rejects(stat(path), { code: "ENOENT" });
  });

  it("replaces a stale socket", async (t) => {
    const dead = createServer().listen(path);
    await new Promise((resolve) => dead.once("listening", resolve));
    t.after(() => dead.close());
    await serve(t);
    await connect(t).call("getDevicePluginOptions", {});
  });

  it("is left alone by an older server that stops after a newer one took its place", async (t) => {
    const older = await serve(t);
    await serve(t);
    assert.equal(await older.place(), "other");
    await older.stop();
    await connect(t).call("getDevicePluginOptions", {});
  });

  it("is known to be gone when someone removed it", async (t) => {
    const server = await serve(t);
    assert.equal(await server.place(), "own");
    await rm(path);
    assert.equal(await server.place(), "gone");
  });

  it("tells a socket that is served from one that was left behind", async (t) => {
    assert.equal(await isListening(path), false);
    const server = await serve(t);
    assert.equal(await isListening(path), true);
    await link(path, `${path}.left`);
    await server.stop();
    assert.equal(await isListening(`${path}.left`), false);
  });

  it("takes a process that accepts no connection now for one that listens", async (t) => {
    const listen = `require("node:net").createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => {
      process.stdout.write("ready");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    })`;
    const busy = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => busy.kill("SIGKILL"));
    await once(busy.stdout, "data");
    const refused = Promise.withResolvers<NodeJS.ErrnoException>();
    for (let number = 0; number < 4; number += 1) {
      const waiting = connectSocket(path);
      t.after(() => waiting.destroy());
      waiting.on("error", refused.resolve);
    }
    assert.equal((await refused.promise).code, "EAGAIN");
    assert.equal(await isListening(path), true);
  });

  it("never replaces a file that is not a socket", async (t) => {
    await writeFile(path, "precious");
    await assert.rejects(serve(t), { code: "conflict" });
  });

  it("is refused when its path is longer than a unix socket's can be", async () => {
    const long = join(folder, `${"n".repeat(120)}.sock`);
    await assert.rejects(serveOnUnixSocket({ path: long }, []), {
      code: "invalid",
      message: /at most 107 bytes/,
    });
  });

  it("cannot be made in a folder that is not there, and the message says where", async () => {
    const lost = join(folder, "lost", "a.sock");
    await assert.rejects(serveOnUnixSocket({ path: lost }, []), {
      code: "not-found",
      message: /lost\/a\.sock/,
    });
  });
});

describe("stopping a server", () => {
  it("lets streams end by themselves", async (t) => {
    const server = await serve(t, {
      async *listAndWatch(_request, { signal }) {
        yield {};
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    const stream = connect(t).watch("listAndWatch", {});
    await stream.next();
    await server.stop();
    assert.deepEqual(await stream.next(), { value: undefined, done: true });
  });

  it("does not wait longer than its bound for a call that hangs", async (t) => {
    const called = Promise.withResolvers<void>();
    const server = await serve(
      t,
      {
        allocate: () => {
          called.resolve();
          return new Promise(() => {});
        },
      },
      { stopWithinMs: 20 },
    );
    const call = assert.rejects(connect(t).call("allocate", {}, { deadlineMs: 5000 }), RpcError);
    await called.promise;
    const begun = performance.now();
    await server.stop();
    assert(performance.now() - begun < 2000);
    await call;
  });
});
