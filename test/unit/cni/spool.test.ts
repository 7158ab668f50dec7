import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { parseCall } from "../../../src/cni/call.ts";
import { Spool } from "../../../src/cni/spool.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import { FakeClock } from "../standalone/kubelet/world.ts";
import { Place } from "./shim.ts";

/** Whatever goes wrong, a test ends. */
const PATIENCE = { timeout: 20_000 };

/** A spool with what a test queues in it; `work` stands in for the agent. All is gone after the test. */
class World {
  readonly directory: string;
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  /** The inputs that were worked on, failed ones too. */
  readonly tried: string[] = [];
  readonly spool: Spool;
  readonly #events = new EventEmitter();

  constructor(t: TestContext, work: (input: string) => void | Promise<void> = () => {}, directory?: string) {
    const root = mkdtempSync(join(tmpdir(), "lanyard-spool-"));
    this.directory = directory ?? join(root, "lib", "spool");
    const write = (line: string) => {
      this.lines.push(JSON.parse(line).msg);
      this.#events.emit("change");
    };
    this.spool = new Spool({
      directory: this.directory,
      log: pino({}, { write }),
      clock: this.clock,
      work: async (request) => {
        const input = Buffer.from(parseCall(request).input).toString();
        this.tried.push(input);
        this.#events.emit("change");
        await work(input);
      },
    });
    t.after(async () => {
      await this.spool.stop();
      rmSync(root, { recursive: true, force: true });
    });
  }

  /** Queues a call as the shim does. */
  queue(name: string, content = `CNI_COMMAND=DEL\0\0${name}`): void {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(join(this.directory, `.${name}`), content);
    renameSync(join(this.directory, `.${name}`), join(this.directory, name));
  }

  names(): string[] {
    return readdirSync(this.directory).sort();
  }

  /** Resolves when something is so, looked at after every try and every line of the log. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.#events, "change", { signal: AbortSignal.timeout(10_000) });
  }
}

test("what was queued is done in its order, one after the other, and then removed", PATIENCE, async (t) => {
  let underWay = 0;
  const world = new World(t, async () => {
    underWay += 1;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(underWay, 1);
    underWay -= 1;
  });
  for (const name of ["00000000000000000003-9", "00000000000000000001-7", "00000000000000000002-8"])
    world.queue(name);
  await world.spool.start();
  assert.deepEqual(world.tried, [
    "00000000000000000001-7",
    "00000000000000000002-8",
    "00000000000000000003-9",
  ]);
  assert.deepEqual([world.names(), world.spool.pending()], [[], 0]);
});

test("a call is removed only after it was done", PATIENCE, async (t) => {
  const world: World = new World(t, () => assert.deepEqual(world.names(), ["1"]));
  world.queue("1");
  await world.spool.start();
  assert.deepEqual(world.names(), []);
});

test("the folder is made for its owner alone; one that cannot be made is refused", PATIENCE, async (t) => {
  const world = new World(t);
  await world.spool.start();
  assert.equal(statSync(world.directory).mode & 0o777, 0o700);
  const nowhere = new World(t, undefined, "/proc/nowhere");
  await assert.rejects(nowhere.spool.start(), { code: "unavailable", message: /\/proc\/nowhere/ });
});

test("what is queued while the agent runs is done too", PATIENCE, async (t) => {
  const world = new World(t);
  await world.spool.start();
  world.queue("1");
  await world.until(() => world.tried.length === 1);
  world.queue("2");
  await world.until(() => world.tried.length === 2);
  await world.spool.workOff();
  assert.deepEqual([world.tried, world.names()], [["1", "2"], []]);
});

test("a call of the shim's own is read", PATIENCE, async (t) => {
  const place = new Place(t);
  const input = place.input();
  assert.equal((await place.run("DEL", input)).code, 0);
  const world = new World(t, undefined, place.spool);
  await world.spool.start();
  assert.deepEqual([world.tried, world.names()], [[input], []]);
});

test("one that fails holds up no other, and is tried again after growing waits", PATIENCE, async (t) => {
  let isMended = false;
  const world = new World(t, (input) => {
    if (input === "1" && !isMended) throw new LanyardError("kernel", "the link is busy");
  });
  world.queue("1");
  world.queue("2");
  await world.spool.start();
  assert.deepEqual([world.tried, world.names(), world.spool.pending()], [["1", "2"], ["1"], 1]);
  assert.match(world.lines.at(-1) ?? "", /spool\/1 failed: the link is busy; trying again in 1 s$/);
  const tries = () => world.tried.filter((input) => input === "1").length;
  for (const [index, wait] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
    world.clock.advance(wait * 1000 - 1);
    // When this one is tried, the older one was passed by.
    world.queue(`2-${index}`);
    await world.until(() => world.tried.includes(`2-${index}`));
    assert.equal(tries(), 1 + index);
    world.clock.advance(1);
    await world.until(() => world.lines.length === 2 + index);
    assert.equal(tries(), 2 + index);
  }
  isMended = true;
  await world.spool.workOff();
  assert.deepEqual([world.names(), world.spool.pending()], [[], 0]);
});

test("what failed is tried again by itself", PATIENCE, async (t) => {
  const world = new World(t, () => {
    throw new Error("not now");
  });
  world.queue("1");
  await world.spool.start();
  world.clock.advance(1_000);
  await world.until(() => world.tried.length === 2);
});

test("what failed a moment ago is tried at once when that is asked for", PATIENCE, async (t) => {
  const world = new World(t, () => {
    throw new Error("not now");
  });
  world.queue("1");
  await world.spool.start();
  await world.spool.workOff();
  assert.deepEqual(world.tried, ["1", "1"]);
});

test("what is no call is told, put aside, and holds up nothing", PATIENCE, async (t) => {
  const world = new World(t, (input) => {
    if (input === "4") throw new LanyardError("invalid", "its configuration means nothing");
  });
  world.queue("1", "CNI_COMMAND=DEL");
  world.queue("2", "");
  mkdirSync(join(world.directory, "3"));
  world.queue("4");
  world.queue("5");
  await world.spool.start();
  assert.deepEqual([world.tried, world.names(), world.spool.pending()], [["4", "5"], ["damaged"], 0]);
  const aside = join(world.directory, "damaged");
  assert.deepEqual(readdirSync(aside).sort(), ["1", "2", "3", "4"]);
  assert.equal(readFileSync(join(aside, "1"), "utf8"), "CNI_COMMAND=DEL");
  const told = world.lines.filter((line) => line.includes("is no call"));
  assert.equal(told.length, 4);
  assert.match(told[0] ?? "", /spool\/1 is no call: .*; it lies in .*spool\/damaged\/1 now$/);
  assert.match(told[3] ?? "", /spool\/4 is no call: its configuration means nothing;/);
});

test("where nothing can be put aside, the damaged file waits and holds up nothing", PATIENCE, async (t) => {
  const world = new World(t);
  world.queue("1", "");
  world.queue("2");
  writeFileSync(join(world.directory, "damaged"), "in the way");
  await world.spool.start();
  assert.deepEqual([world.tried, world.names(), world.spool.pending()], [["2"], ["1", "damaged"], 1]);
});

test("drafts of shims are left alone, and removed when their shims must be dead", PATIENCE, async (t) => {
  const world = new World(t);
  world.queue("1");
  for (const name of [".2", ".3"]) writeFileSync(join(world.directory, name), "");
  mkdirSync(join(world.directory, ".4"));
  const longAgo = Date.now() / 1000 - 3600;
  for (const name of [".2", ".4"]) utimesSync(join(world.directory, name), longAgo, longAgo);
  await world.spool.start();
  assert.deepEqual([world.tried, world.names()], [["1"], [".3", ".4"]]);
  assert.match(world.lines.at(-1) ?? "", /the old draft .*\.4 cannot be removed: /);
});

test("a spool that is stopped ends what is under way and begins with nothing more", PATIENCE, async (t) => {
  const gate = Promise.withResolvers<void>();
  const world = new World(t, () => gate.promise);
  world.queue("1");
  world.queue("2");
  const started = world.spool.start();
  await world.until(() => world.tried.length === 1);
  const stopped = world.spool.stop();
  gate.resolve();
  await Promise.all([started, stopped]);
  assert.deepEqual([world.tried, world.names()], [["1"], ["2"]]);
  await world.spool.workOff();
  assert.deepEqual(world.tried, ["1"]);
});

test("a folder that goes is told, and what is queued when it is back is done", PATIENCE, async (t) => {
  const world = new World(t);
  await world.spool.start();
  rmSync(world.directory, { recursive: true });
  await world.until(() => world.lines.some((line) => /the spool .* cannot be read: .*ENOENT/.test(line)));
  assert.equal(existsSync(world.directory), false);
  world.queue("1");
  await world.until(() => world.tried.length === 1);
});
