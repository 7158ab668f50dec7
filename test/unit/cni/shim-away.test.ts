import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import type { Socket } from "node:net";
import { uptime } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseCall } from "../../../src/cni/call.ts";
import { answer, answerWith, FakeAgent } from "./fake-agent.ts";
import { COMPLETE, errorOf, Place, runShim, SHIM, wellEnding } from "./shim.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 30_000 };

const WAITING = ["ADD", "CHECK", "GC"];

/** Resolves when a path is there. */
function appears(path: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!existsSync(path) && !isLink(path)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(dirname(path), look);
    look();
  });
}

function isLink(path: string): boolean {
  return readdirSync(dirname(path)).some((name) => join(dirname(path), name) === path);
}

/** The moment at which the agent was seen away, so many milliseconds ago. */
function markAway(place: Place, milliseconds: number): void {
  symlinkSync(String(Math.round(uptime() * 1000) - milliseconds), place.marker);
}

/** Leaves a socket to which nobody listens, as a killed agent does. */
async function leaveSocket(place: Place): Promise<void> {
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await runShim({}, "", [process.execPath, "-e", script, place.socket]);
  assert.ok(statSync(place.socket).isSocket());
}

test("ADD, CHECK and GC wait for an agent that comes, and are done then", PATIENCE, async (t) => {
  for (const command of WAITING) {
    const place = new Place(t);
    if (command === "CHECK") await leaveSocket(place);
    const waiting = place.run(command, place.input({}, { waitMilliseconds: 10_000 }));
    await appears(place.marker);
    if (command === "CHECK") unlinkSync(place.socket);
    await using _agent = await FakeAgent.listen(place.socket, answerWith("late"));
    assert.deepEqual(wellEnding(await waiting), [0, "late", ""], command);
    assert.equal(isLink(place.marker), false, "the agent is not away any more");
  }
});

test("an agent that is away too long is error 11 for ADD, CHECK and GC", PATIENCE, async (t) => {
  const place = new Place(t);
  for (const command of WAITING) {
    const start = performance.now();
    const { code, msg } = errorOf(await place.run(command, place.input({}, { waitMilliseconds: 120 })));
    assert.ok(performance.now() - start >= 120);
    assert.equal(code, 11);
    assert.equal(
      msg,
      `lanyard: the agent is away; it was waited for at ${place.socket} for 120 ms: no such file or folder (ENOENT); is lanyard running on this node?`,
    );
  }
  await leaveSocket(place);
  assert.match(errorOf(await place.run("ADD")).msg, /nobody listens there \(ECONNREFUSED\)/);
});

test("a call is sent again where the connection ended before it was read", PATIENCE, async (t) => {
  const place = new Place(t);
  // A socket holds the smaller calls whole, and not the large one.
  for (const [command, size] of [["ADD", 1] as const, ["ADD", 1 << 20] as const, ["GC", 1] as const]) {
    let refused = 0;
    const refuseTwice = (socket: Socket) => {
      if (refused === 2) return false;
      refused++;
      socket.destroy();
      return true;
    };
    await using agent = await FakeAgent.listen(place.socket, answerWith("third"), refuseTwice);
    const input = place.input({ padding: "x".repeat(size) }, { waitMilliseconds: 10_000 });
    assert.deepEqual(wellEnding(await place.run(command, input)), [0, "third", ""]);
    assert.deepEqual([refused, agent.calls.length], [2, 1]);
  }
});

test("STATUS is well at once while the agent is away no longer than allowed", PATIENCE, async (t) => {
  const place = new Place(t);
  assert.deepEqual(wellEnding(await place.run("STATUS")), [0, "", ""]);
  const first = readlinkSync(place.marker);
  assert.match(first, /^\d+$/);
  assert.deepEqual(wellEnding(await place.run("STATUS")), [0, "", ""]);
  assert.equal(readlinkSync(place.marker), first, "the first moment counts");
  unlinkSync(place.marker);
  markAway(place, 59_000);
  assert.deepEqual(wellEnding(await place.run("STATUS")), [0, "", ""]);
});

test("STATUS is error 50 once the agent is away for longer, until it answers again", PATIENCE, async (t) => {
  const place = new Place(t);
  markAway(place, 60_500);
  const { code, msg } = errorOf(await place.run("STATUS"));
  assert.equal(code, 50);
  assert.match(msg, /has been away at .*cni\.sock for 6\d{4} ms, more than the 60000 ms that are allowed/);
  const agent = await FakeAgent.listen(place.socket, answerWith(""));
  assert.deepEqual(wellEnding(await place.run("STATUS")), [0, "", ""]);
  await agent[Symbol.asyncDispose]();
  assert.equal(isLink(place.marker), false);
  assert.deepEqual(
    wellEnding(await place.run("STATUS")),
    [0, "", ""],
    "a new absence has its own grace time",
  );
});

test("a moment that lies ahead or is none is of no agent's absence, and begins anew", PATIENCE, async (t) => {
  const place = new Place(t);
  for (const moment of [String(Math.round(uptime() * 1000) + 600_000), "soon", "9".repeat(40)]) {
    symlinkSync(moment, place.marker);
    assert.deepEqual(wellEnding(await place.run("STATUS")), [0, "", ""]);
    assert.ok(Number(readlinkSync(place.marker)) <= uptime() * 1000 + 1_000);
    unlinkSync(place.marker);
  }
});

test("the folder of the socket is made where the moment is to be kept", PATIENCE, async (t) => {
  const place = new Place(t);
  const socket = join(place.root, "run", "lanyard", "cni.sock");
  assert.deepEqual(wellEnding(await place.run("STATUS", place.input({}, { socket }))), [0, "", ""]);
  assert.match(readlinkSync(`${socket}.away`), /^\d+$/);
  assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
});

test("STATUS is error 50 where the moment cannot be kept", PATIENCE, async (t) => {
  const place = new Place(t);
  writeFileSync(join(place.root, "file"), "");
  const socket = join(place.root, "file", "cni.sock");
  const { code, msg } = errorOf(await place.run("STATUS", place.input({}, { socket })));
  assert.equal(code, 50);
  assert.match(
    msg,
    /since when cannot be kept beside its socket: a part of the path is no folder \(ENOTDIR\)$/,
  );
});

test("an agent that does not answer is as good as away for STATUS and DEL", PATIENCE, async (t) => {
  const place = new Place(t);
  await using _agent = await FakeAgent.listen(place.socket, () => {});
  const endings = await Promise.all([place.run("STATUS"), place.run("DEL")]);
  for (const ending of endings) assert.deepEqual(wellEnding(ending), [0, "", ""]);
  assert.equal(readdirSync(place.spool).length, 1);
});

test("a DEL is queued whole while the agent is away, in the order of calls", PATIENCE, async (t) => {
  const place = new Place(t);
  const inputs = ["a", "b", "größe"].map((name) => place.input({ name, padding: "x".repeat(100_000) }));
  for (const input of inputs) assert.deepEqual(wellEnding(await place.run("DEL", input)), [0, "", ""]);
  const names = readdirSync(place.spool).sort();
  for (const name of names) assert.match(name, /^\d{20}-\d+$/);
  const calls = names.map((name) => parseCall(readFileSync(join(place.spool, name))));
  assert.deepEqual(
    calls.map(({ input }) => Buffer.from(input).toString()),
    inputs,
  );
  for (const { environment } of calls) {
    assert.deepEqual(Object.fromEntries(environment), { ...COMPLETE, CNI_COMMAND: "DEL" });
  }
  const mode = (path: string) => statSync(path).mode & 0o777;
  assert.deepEqual([mode(place.spool), mode(join(place.spool, names[0] ?? ""))], [0o700, 0o600]);
});

test("a DEL without a namespace is queued too", PATIENCE, async (t) => {
  const place = new Place(t);
  const { CNI_NETNS: _, ...rest } = COMPLETE;
  const ending = await runShim({ ...rest, CNI_COMMAND: "DEL" }, place.input());
  assert.deepEqual([wellEnding(ending), readdirSync(place.spool).length], [[0, "", ""], 1]);
});

test("a DEL whose connection breaks is queued, at whatever byte it breaks", PATIENCE, async (t) => {
  const place = new Place(t);
  const bytes = answer("{}");
  for (const [index, length] of [0, 1, 20, bytes.length - 1].entries()) {
    await using _agent = await FakeAgent.listen(place.socket, (socket) => socket.end(bytes.slice(0, length)));
    assert.deepEqual(wellEnding(await place.run("DEL")), [0, "", ""]);
    assert.equal(readdirSync(place.spool).length, index + 1);
  }
});

test("a DEL that cannot be queued is error 5 with the folder, and leaves no draft", PATIENCE, async (t) => {
  const place = new Place(t);
  writeFileSync(join(place.root, "file"), "");
  const underFile = await place.run("DEL", place.input({}, { spool: join(place.root, "file", "spool") }));
  assert.match(errorOf(underFile).msg, /cannot be queued in .*file\/spool: .*\(ENOTDIR\)$/);
  assert.equal(errorOf(underFile).code, 5);

  mkdirSync(place.spool, { recursive: true });
  const environment = { ...COMPLETE, CNI_COMMAND: "DEL" };
  // The kernel refuses more than one block of 512 bytes in a file, by a signal and by an error.
  const limited = ["/bin/sh", "-c", `ulimit -f 1; exec '${SHIM}'`] as const;
  const ending = await runShim(environment, place.input({ padding: "x".repeat(5_000) }), limited);
  const { code, msg } = errorOf(ending);
  assert.equal(code, 5);
  assert.match(msg, /cannot be queued in .*spool: too large \(EFBIG\)$/);
  assert.deepEqual(readdirSync(place.spool), []);
});
