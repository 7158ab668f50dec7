import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import test, { type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const prepare = join(import.meta.dirname, "../../../src/prepare.mjs");

/** What npm does here: it says that it ran, and brings a Node. */
const NPM = [
  "#!/bin/sh",
  "echo ran >> npm-runs",
  "[ ! -f npm-fails ] || { cat npm-fails; exit 1; }",
  "sleep 0.2",
  "mkdir -p node_modules/.bin",
  `ln -sf '${process.execPath}' node_modules/.bin/node`,
].join("\n");

/** A working copy with a lock file, a package manager of its own, and one target: the command line. */
class Copy {
  readonly root = mkdtempSync(join(tmpdir(), "prepare-"));
  readonly #children: ChildProcess[] = [];

  constructor(t: TestContext, main = "console.log(process.argv.slice(2).join());") {
    t.after(() => {
      for (const child of this.#children) child.kill("SIGKILL");
      rmSync(this.root, { recursive: true });
    });
    for (const folder of ["src/cli", "tools"]) mkdirSync(join(this.root, folder), { recursive: true });
    cpSync(prepare, join(this.root, "src/prepare.mjs"));
    this.write("src/cli/main.ts", main);
    this.write("package.json", '{ "type": "module" }');
    this.write("package-lock.json", "{}");
    this.write("tools/npm", NPM);
    chmodSync(join(this.root, "tools/npm"), 0o755);
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.root, file), content);
  }

  /** How often npm ran. */
  get installs(): number {
    const log = join(this.root, "npm-runs");
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0;
  }

  spawn(
    args: readonly string[],
    path = [join(this.root, "tools"), process.env.PATH].join(delimiter),
  ): ChildProcess {
    const child = spawn(process.execPath, [join(this.root, "src/prepare.mjs"), ...args], {
      env: { ...process.env, PATH: path },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    return child;
  }

  async run(args: readonly string[] = ["lanyard"], path?: string) {
    const child = this.spawn(args, path);
    const [output, errors, [status]] = await Promise.all([
      child.stdout === null ? "" : text(child.stdout),
      child.stderr === null ? "" : text(child.stderr),
      once(child, "close") as Promise<[number | null]>,
    ]);
    return { status, output, errors };
  }
}

test("dependencies are installed once, and again when the lock file changes", async (t) => {
  const copy = new Copy(t);
  const first = await copy.run(["lanyard", "a", "b"]);
  assert.deepEqual(first, {
    status: 0,
    output: "a,b\n",
    errors: "lanyard: installing the locked dependencies\n",
  });
  assert.deepEqual(await copy.run(["lanyard", "c"]), { status: 0, output: "c\n", errors: "" });
  assert.equal(copy.installs, 1);
  copy.write("package-lock.json", "{ }");
  await copy.run();
  assert.equal(copy.installs, 2);
});

test("starts at the same time install once", async (t) => {
  const copy = new Copy(t);
  const results = await Promise.all([
    copy.run(["lanyard", "a"]),
    copy.run(["lanyard", "b"]),
    copy.run(["lanyard", "c"]),
  ]);
  assert.deepEqual(
    results.map(({ status, output }) => [status, output]),
    [
      [0, "a\n"],
      [0, "b\n"],
      [0, "c\n"],
    ],
  );
  assert.equal(copy.installs, 1);
});

test("what npm printed is shown when it fails, and the next start tries again", async (t) => {
  const copy = new Copy(t);
  copy.write("npm-fails", "the planted reason");
  const { status, errors } = await copy.run();
  assert.match(errors, /npm ci failed with exit code 1:\nthe planted reason\n$/);
  assert.equal(status, 1);
  rmSync(join(copy.root, "npm-fails"));
  assert.equal((await copy.run()).status, 0);
});

test("a registry out of reach is one line", async (t) => {
  const copy = new Copy(t);
  copy.write("npm-fails", "npm error code ECONNREFUSED\nnpm error and much more");
  const { errors } = await copy.run();
  assert.equal(
    errors.split("\n")[1],
    "lanyard: npm cannot reach its registry (ECONNREFUSED); check the network and proxy, and: npm config get registry",
  );
  assert.equal(errors.split("\n").length, 3);
});

test("native programs are built, and again only when they change", async (t) => {
  const copy = new Copy(t);
  mkdirSync(join(copy.root, "native"));
  copy.write("native/one.c", "void _start(void) { for (;;) {} }");
  const built = () => statSync(join(copy.root, "native/build/one"), { bigint: true }).mtimeNs;
  await copy.run();
  const first = built();
  await copy.run();
  assert.equal(built(), first);
  copy.write("native/one.c", "void _start(void) { for (;;) ; }");
  await copy.run();
  assert.notEqual(built(), first);
});

test("what the compiler says is shown with the file it is about", async (t) => {
  const copy = new Copy(t);
  mkdirSync(join(copy.root, "native"));
  copy.write("native/bad.c", "nonsense");
  const { status, errors } = await copy.run();
  assert.match(errors, /cc native\/bad\.c failed with exit code 1:\n[\s\S]*bad\.c:1/);
  assert.equal(status, 1);
});

test("all missing tools are named at once with the command that brings them", async (t) => {
  const copy = new Copy(t);
  mkdirSync(join(copy.root, "native"));
  mkdirSync(join(copy.root, "few"));
  for (const tool of ["flock", "setpriv", "nsenter", "ip"])
    symlinkSync("/bin/true", join(copy.root, "few", tool));
  const { status, errors } = await copy.run(["test"], join(copy.root, "few"));
  assert.equal(
    errors,
    "lanyard: unshare, tc, npm, cc not found; install with: apt-get install -y util-linux iproute2 npm gcc libc6-dev\n",
  );
  assert.equal(status, 1);
});

test("an unknown target is refused with the known ones", async (t) => {
  const { status, errors } = await new Copy(t).run(["strat"]);
  assert.match(errors, /^lanyard: "strat" is not a target; expected one of start, demo, /);
  assert.equal(status, 1);
});

test("the exit code of the target is passed on, and a signal's as 128 and its number", async (t) => {
  assert.equal((await new Copy(t, "process.exit(7)").run()).status, 7);
  assert.equal((await new Copy(t, 'process.kill(process.pid, "SIGKILL")').run()).status, 137);
});

const COUNTS_SIGNALS = `
  let count = 0;
  process.on("SIGINT", () => console.log("SIGINT " + ++count));
  process.on("SIGTERM", () => { console.log("SIGTERM"); process.exit(5); });
  setInterval(() => {}, 1000);
  console.log("ready");`;

test("an interrupt that arrives twice, from the terminal and from npm, reaches the target once", async (t) => {
  const child = new Copy(t, COUNTS_SIGNALS).spawn(["lanyard"]);
  const line = linesOf(child);
  assert.equal(await line(), "ready");
  child.kill("SIGINT");
  child.kill("SIGINT");
  assert.equal(await line(), "SIGINT 1");
  // Longer than a key press and its echo through npm may lie apart.
  await delay(300);
  child.kill("SIGINT");
  assert.equal(await line(), "SIGINT 2");
  child.kill("SIGTERM");
  assert.equal(await line(), "SIGTERM");
  assert.deepEqual(await once(child, "exit"), [5, null]);
});

test("when the start is killed, the target is told to end", async (t) => {
  const child = new Copy(t, COUNTS_SIGNALS).spawn(["lanyard"]);
  const line = linesOf(child);
  assert.equal(await line(), "ready");
  child.kill("SIGKILL");
  assert.equal(await line(), "SIGTERM");
});

function linesOf(child: ChildProcess): () => Promise<string | undefined> {
  const lines = createInterface({ input: child.stdout ?? assert.fail() })[Symbol.asyncIterator]();
  return async () => (await lines.next()).value;
}
