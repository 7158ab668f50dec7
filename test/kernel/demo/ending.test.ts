import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { demoFolder } from "../../../src/demo/folder.ts";
import { placesIn } from "../../../src/demo/places.ts";

const places = placesIn(demoFolder());
const running = new Set<Demo>();

/** A demo that was started, with all it has said. */
interface Demo {
  readonly process: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  said: string;
}

afterEach(async () => {
  for (const demo of running) {
    demo.process.kill("SIGINT");
    await demo.ended;
  }
  running.clear();
});

test("a signal in the middle ends the demo, and nothing is left", async () => {
  const demo = startDemo();
  await hasSaid(demo, "3. Real TCP traffic");
  demo.process.kill("SIGINT");
  assert.equal(await demo.ended, 1);
  assert.match(demo.said, /Interrupted\./);
  await assertNothingLeft();
});

test("when the demo is killed, its world ends by itself and nothing is left", async () => {
  const demo = startDemo();
  await hasSaid(demo, "2. Two pods");
  demo.process.kill("SIGKILL");
  await demo.ended;
  await assertNothingLeft();
});

test("when its world is killed, the demo says so, fails, and leaves nothing", async () => {
  const demo = startDemo();
  await hasSaid(demo, "2. Two pods");
  const { pid } = JSON.parse(readFileSync(places.worldFile, "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  assert.equal(await demo.ended, 1);
  assert.match(demo.said, /killed: SIGKILL/);
  await assertNothingLeft();
});

test("when both are killed at once, the next demo removes what they left", async () => {
  const first = startDemo();
  await hasSaid(first, "2. Two pods");
  const { pid } = JSON.parse(readFileSync(places.worldFile, "utf8")) as { pid: number };
  // Stopped first, because between two signals it may see its world end, and tidy up.
  first.process.kill("SIGSTOP");
  process.kill(pid, "SIGKILL");
  first.process.kill("SIGKILL");
  await first.ended;
  assert.ok(existsSync(places.folder));
  const second = startDemo();
  await hasSaid(second, "what it left is removed");
  await hasSaid(second, "2. Two pods");
  second.process.kill("SIGTERM");
  assert.equal(await second.ended, 1);
  await assertNothingLeft();
});

test("when the agent is killed, the demo shows its last words, fails, and leaves nothing", async () => {
  const demo = startDemo();
  await hasSaid(demo, "3. Real TCP traffic");
  const [agent] = processesWith(`--run-dir ${places.folder}`);
  assert.ok(agent);
  process.kill(agent.pid, "SIGKILL");
  assert.equal(await demo.ended, 1);
  assert.match(demo.said, /the agent has ended by itself: SIGKILL/);
  assert.match(demo.said, /last words:\n.*info/);
  await assertNothingLeft();
});

test("a second demo is refused and told which process runs the first", async () => {
  const first = startDemo();
  await hasSaid(first, "Lanyard");
  const second = startDemo();
  assert.equal(await second.ended, 1);
  assert.match(second.said, new RegExp(`runs already as process ${first.process.pid}\\b`));
  assert.ok(existsSync(places.folder));
});

function startDemo(): Demo {
  const child = spawn(process.execPath, [join(import.meta.dirname, "run-demo.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const demo: Demo = {
    process: child,
    ended: new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal))),
    said: "",
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    demo.said += text;
  });
  running.add(demo);
  return demo;
}

async function hasSaid(demo: Demo, text: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!demo.said.includes(text)) {
    const hasEnded = demo.process.exitCode !== null || performance.now() > deadline;
    assert.ok(!hasEnded, `the demo does not come to "${text}":\n${demo.said}`);
    await sleep(20);
  }
}

/** The kernel takes a moment to end a world of processes. */
async function assertNothingLeft(): Promise<void> {
  const look = () => [
    ...[places.folder, `${places.folder}.ended`].filter((path) => existsSync(path)),
    ...["src/demo/inside.ts", places.folder, "lanyard demo: the node", "traffic-end.ts"]
      .flatMap(processesWith)
      .map(({ command }) => command),
  ];
  const deadline = performance.now() + 10_000;
  while (look().length > 0 && performance.now() < deadline) await sleep(50);
  assert.deepEqual(look(), []);
}

/** Running processes whose command line holds a text, arguments apart by blanks. */
function processesWith(text: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").join(" ").trim();
        return command.includes(text) ? [{ pid: Number(name), command }] : [];
      } catch (error) {
        // ended while we looked
        if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
        throw error;
      }
    });
}
