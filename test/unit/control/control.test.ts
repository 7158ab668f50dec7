import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "node:test";
import { pino } from "pino";
import { ControlClient } from "../../../src/control/client.ts";
import { describeNodeNetwork } from "../../../src/control/node-network.ts";
import type { DevicesReport, ReportSource, StatusReport } from "../../../src/control/report.ts";
import { ControlDoor } from "../../../src/control/server.ts";
import { LanyardError } from "../../../src/model/errors.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

const status: StatusReport = {
  version: "1.2.3",
  processId: 77,
  uptime: 5,
  isReady: true,
  mode: "kubelet",
  kubeletDirectory: "/var/lib/kubelet",
  kernelLacks: [],
  resources: [],
  attachments: [],
  pfs: [],
  notes: ["grün"],
};
const devices: DevicesReport = { pools: [], notes: [] };
const nodeNetwork = describeNodeNetwork({
  nodeName: "n1",
  functions: [],
  links: [],
  pools: [],
  uses: [],
  pfs: [],
  policies: [],
});
const source: ReportSource = {
  status: () => status,
  devices: () => devices,
  nodeNetwork: () => nodeNetwork,
  handOver: async () => {},
};
const log = pino({ level: "silent" });

/** A folder for sockets, with doors in it that are closed at the end. */
class Scene implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "lanyard-control-"));
  readonly socketPath = join(this.folder, "run", "agent.sock");
  readonly #doors: ControlDoor[] = [];

  constructor() {
    mkdirSync(join(this.folder, "run"));
  }

  async open(reports: ReportSource = source): Promise<ControlDoor> {
    const door = new ControlDoor({ socketPath: this.socketPath, source: reports, log });
    await door.start();
    this.#doors.push(door);
    return door;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const door of this.#doors) await door.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Asks by HTTP, as curl would. */
async function ask(socketPath: string, path: string, method = "GET") {
  const asked = request({ socketPath, path, method, agent: false });
  asked.end();
  const [response] = await once(asked, "response");
  return { status: response.statusCode, type: response.headers["content-type"], body: await text(response) };
}

test("the agent answers what is asked of it", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open();
  const client = new ControlClient(scene.socketPath);
  assert.deepEqual(await client.status(), status);
  assert.deepEqual(await client.devices(), devices);
  const answer = await ask(scene.socketPath, "/v1/status?pretty=1");
  assert.deepEqual([answer.status, answer.type], [200, "application/json"]);
});

test("only its owner may use the socket", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open();
  assert.equal(statSync(scene.socketPath).mode & 0o7777, 0o600);
});

test("a second agent is refused while the first answers, and does it no harm", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open();
  await assert.rejects(scene.open(), { code: "conflict", message: /another process answers there already/ });
  assert.equal((await new ControlClient(scene.socketPath).status()).version, "1.2.3");
});

test("a socket that a killed agent left is replaced", PATIENCE, async () => {
  await using scene = new Scene();
  const program = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  const killed = spawnSync(process.execPath, ["-e", program, scene.socketPath]);
  assert.deepEqual([killed.signal, existsSync(scene.socketPath)], ["SIGKILL", true]);
  await scene.open();
  assert.equal((await new ControlClient(scene.socketPath).status()).version, "1.2.3");
});

test("a file that is no socket is left where it is", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open().then((door) => door.stop());
  writeFileSync(scene.socketPath, "precious");
  await assert.rejects(scene.open(), { code: "conflict", message: /a file that is not a socket is there/ });
  assert.equal(statSync(scene.socketPath).size, 8);
});

test("the socket is gone when the door is closed", PATIENCE, async () => {
  await using scene = new Scene();
  const door = await scene.open();
  await door.stop();
  assert.equal(existsSync(scene.socketPath), false);
});

test("stopping a door that never opened is fine", PATIENCE, async () => {
  await new ControlDoor({ socketPath: "/nowhere/agent.sock", source, log }).stop();
});

test("an agent that hands over has given its socket away when it answers", PATIENCE, async () => {
  await using scene = new Scene();
  let wasAsked = false;
  await scene.open({
    ...source,
    handOver: async () => {
      wasAsked = true;
    },
  });
  await new ControlClient(scene.socketPath).handOver();
  assert.equal(wasAsked, true);
  assert.equal(existsSync(scene.socketPath), false);
  await scene.open();
  assert.deepEqual(await new ControlClient(scene.socketPath).devices(), devices);
});

test("handing over may take longer than an answer", PATIENCE, async () => {
  await using scene = new Scene();
  const handOver = Promise.withResolvers<void>();
  const report = Promise.withResolvers<never>();
  const asked = Promise.withResolvers<void>();
  await scene.open({
    ...source,
    status: () => report.promise as never,
    handOver: () => {
      asked.resolve();
      return handOver.promise;
    },
  });
  const client = new ControlClient(scene.socketPath, { answerMs: 20 });
  const done = client.handOver();
  await asked.promise;
  // What was asked later has become too late by now.
  await assert.rejects(client.status(), /no answer within 0\.02 s/);
  report.resolve(status as never);
  handOver.resolve();
  await done;
});

test("an agent that cannot hand over says why, and keeps its socket", PATIENCE, async () => {
  await using scene = new Scene();
  const handOver = () => Promise.reject(new LanyardError("unsupported", "its kubelet ends with it"));
  await scene.open({ ...source, handOver });
  const client = new ControlClient(scene.socketPath);
  await assert.rejects(client.handOver(), /answered 409: its kubelet ends with it/);
  assert.deepEqual(await client.devices(), devices);
  assert.equal((await ask(scene.socketPath, "/v1/hand-over")).status, 405);
});

test("what is not there is answered with what is", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open();
  for (const path of ["/", "/v1", "/v1/status/", "//", "//v1/status"]) {
    const { status: code, body } = await ask(scene.socketPath, path);
    assert.equal(code, 404, path);
    assert.match(JSON.parse(body).message, /there is \/v1\/status, \/v1\/devices/);
  }
});

test("a question can only be asked with GET", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open();
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status: code, body } = await ask(scene.socketPath, "/v1/status", method);
    assert.equal(code, 405);
    assert.deepEqual(JSON.parse(body), {
      code: "unsupported",
      message: `/v1/status takes GET, not ${method}`,
    });
  }
});

test("a report that fails is the asker's error and not the agent's end", PATIENCE, async () => {
  await using scene = new Scene();
  await scene.open({
    ...source,
    status: () => {
      throw new Error("the journal is gone");
    },
  });
  const client = new ControlClient(scene.socketPath);
  await assert.rejects(client.status(), {
    code: "unavailable",
    message: `the agent at ${scene.socketPath} answered 500: the journal is gone`,
  });
  assert.deepEqual(await client.devices(), devices);
});

test(
  "who connects and says nothing, or half a question, does not keep the door from closing",
  PATIENCE,
  async () => {
    await using scene = new Scene();
    const door = await scene.open();
    const peers: Socket[] = [];
    try {
      for (const said of ["", "GET /v1/st", "GET /v1/status HTTP/1.1\r\nHost: agent\r\n"]) {
        const peer = connect(scene.socketPath);
        peers.push(peer);
        await once(peer, "connect");
        peer.on("error", () => {});
        if (said !== "") peer.write(said);
      }
      await new ControlClient(scene.socketPath).status();
      await door.stop();
    } finally {
      for (const peer of peers) peer.destroy();
    }
  },
);

test("without an agent the client says where it looked and what to do", PATIENCE, async () => {
  await using scene = new Scene();
  await assert.rejects(new ControlClient(scene.socketPath).status(), (error: Error & { code: string }) => {
    assert.equal(error.code, "unavailable");
    assert.match(
      error.message,
      /^no agent answers at .*agent\.sock \(connect ENOENT .*\); start one with "lanyard agent"/,
    );
    assert.match(error.message, /--socket/);
    return true;
  });
});

test("an answer that is none of ours is told as it came", PATIENCE, async () => {
  await using scene = new Scene();
  const path = join(scene.folder, "other.sock");
  const answers = [
    { code: 200, body: "<html>" },
    { code: 503, body: '{"message":"come back later"}' },
    { code: 502, body: "x".repeat(1000) },
  ];
  const server = createServer((_, response) => {
    const answer = answers.shift();
    response.writeHead(answer?.code ?? 500).end(answer?.body);
  });
  server.listen(path);
  await once(server, "listening");
  try {
    const client = new ControlClient(path);
    await assert.rejects(client.status(), { message: `the agent at ${path} answered 200: <html>` });
    await assert.rejects(client.status(), { message: `the agent at ${path} answered 503: come back later` });
    await assert.rejects(client.status(), {
      message: `the agent at ${path} answered 502: ${"x".repeat(200)}`,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("an answer that breaks off is no answer", PATIENCE, async () => {
  await using scene = new Scene();
  const path = join(scene.folder, "broken.sock");
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-length": "1000" }).write("{");
    setImmediate(() => response.destroy());
  });
  server.listen(path);
  await once(server, "listening");
  try {
    await assert.rejects(new ControlClient(path).status(), {
      code: "unavailable",
      message: /no agent answers at .*broken\.sock \((aborted|socket hang up)\)/,
    });
  } finally {
    server.close();
  }
});
