// Brings a working copy to the point where it can run, then runs it on the Node that package-lock.json pins.
//
//   node src/prepare.mjs <target> [arguments for the target]
//
// Every npm script starts here. This file stands outside the house: it is plain JavaScript without
// dependencies, because it must run on Node 20 in a fresh clone that has no node_modules yet. What it makes is
// stamped with a hash of what it was made from, so a second run only compares hashes.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const pinnedNode = join(root, "node_modules/.bin/node");
const OLDEST_NODE = 20;

/** What each target runs, and the Debian tools it needs besides those that build it. */
const TARGETS = {
  start: { entry: ["src/cli/main.ts", "demo", "--serve"], tools: ["unshare", "nsenter"] },
  demo: { entry: ["src/cli/main.ts", "demo"], tools: ["unshare", "nsenter"] },
  bench: { entry: ["test/bench/run.ts"], tools: ["unshare", "nsenter"] },
  test: { entry: ["test/run.ts"], tools: ["unshare", "nsenter", "ip", "tc"] },
  "test:lab": { entry: ["test/lab/run.ts"], tools: ["bash", "ip", "tc", "ethtool"] },
  "test:system": { entry: ["test/system/run.ts"], tools: ["bash", "cc", "tar", "unshare", "nsenter", "ip"] },
  fuzz: { entry: ["test/fuzz/run.ts"], tools: [] },
  lint: { entry: ["test/house/lint.ts"], tools: [] },
  lanyard: { entry: ["src/cli/main.ts"], tools: [] },
};

/** The Debian packages that hold a tool. gcc only recommends the C library's headers, so they are named too. */
const PACKAGES = {
  bash: ["bash"],
  npm: ["npm"],
  cc: ["gcc", "libc6-dev"],
  ip: ["iproute2"],
  tc: ["iproute2"],
  ethtool: ["ethtool"],
  flock: ["util-linux"],
  nsenter: ["util-linux"],
  setpriv: ["util-linux"],
  tar: ["tar"],
  unshare: ["util-linux"],
};

/**
 * Each program of native/ is one file with its headers, needs no library, and is built without make: a compiler is enough.
 * Its loops are not to be made calls of a library's memset and memcpy, and it starts the faster the fewer pages it has.
 */
const NATIVE_FLAGS = [
  ..."-Wall -Wextra -Werror -Os -ffreestanding -fno-stack-protector -fno-pie".split(" "),
  ..."-fno-tree-loop-distribute-patterns -static -nostdlib -no-pie".split(" "),
  ..."-Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,noseparate-code".split(" "),
];

/** One line for the person who started this, and no stack: nothing here is a fault of the program. */
class Refusal extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exitCode = 1;
}

async function main([name, ...args]) {
  const target = Object.hasOwn(TARGETS, name ?? "") ? TARGETS[name] : undefined;
  if (target === undefined) {
    throw new Refusal(`"${name ?? ""}" is not a target; expected one of ${Object.keys(TARGETS).join(", ")}`);
  }
  checkNode();
  const steps = [installation(), nativeBuild(), generatedCode()];
  const wanted = steps.filter((step) => !isFresh(step));
  checkTools(["flock", "setpriv", ...target.tools, ...wanted.flatMap((step) => step.tools)]);
  if (wanted.length > 0) {
    // Another start may be doing the same work: look again once the lock is ours.
    withLock(() => {
      for (const step of steps) if (!isFresh(step)) perform(step);
    });
  }
  const [entry, ...fixed] = target.entry;
  if (!existsSync(join(root, entry))) throw new Refusal(`${name}: this version has no ${entry}`);
  process.exitCode = await run(pinnedNode, [join(root, entry), ...fixed, ...args]);
}

function checkNode() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    throw new Refusal(
      `Node ${process.versions.node} is too old to start with; Node ${OLDEST_NODE} or newer is needed, ` +
        "which Debian 13 brings: apt-get install nodejs npm",
    );
  }
  const place = `${process.platform}-${process.arch}`;
  if (place !== "linux-x64" && place !== "linux-arm64") {
    throw new Refusal(
      `this machine is ${place}; the Node that Lanyard runs on is brought for linux-x64 and linux-arm64`,
    );
  }
}

function checkTools(tools) {
  const missing = [...new Set(tools)].filter((tool) => !isOnPath(tool));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((tool) => PACKAGES[tool]))];
  throw new Refusal(
    `${missing.join(", ")} not found; install with: apt-get install -y ${packages.join(" ")}`,
  );
}

function isOnPath(tool) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// A step: what it makes (`product`, a file that proves it is there), from what (`digest`), and how.

function installation() {
  return {
    doing: "installing the locked dependencies",
    tools: ["npm"],
    product: pinnedNode,
    stamp: join(root, "node_modules/.lanyard-stamp"),
    digest: () => digestOf(["package-lock.json"]),
    perform() {
      // Scripts of packages are not run: what they would build is in prebuilt packages of the lock file.
      const result = spawnQuietly(
        "npm",
        [
          "ci",
          "--include=dev",
          "--include=optional",
          "--ignore-scripts",
          "--no-audit",
          "--no-fund",
          "--loglevel=error",
        ],
        { env: { ...process.env, PATH: pathWithout(join(root, "node_modules/.bin")) } },
      );
      if (result.status === 0) return;
      const unreachable =
        /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|E50[234])\b/;
      const reason = unreachable.exec(result.output)?.[1];
      if (reason !== undefined) {
        throw new Refusal(
          `npm cannot reach its registry (${reason}); check the network and proxy, and: npm config get registry`,
        );
      }
      throw new Refusal(`npm ci failed with exit code ${result.status}:\n${result.output}`);
    },
    verify() {
      const version = spawnQuietly(pinnedNode, ["--version"]);
      if (version.status !== 0) {
        throw new Refusal(
          `npm ci brought no Node that runs here (${pinnedNode}): ${version.output.trim()}; ` +
            "allow optional packages: npm config delete omit",
        );
      }
    },
  };
}

function nativeBuild() {
  if (!existsSync(join(root, "native"))) return undefined;
  const build = join(root, "native/build");
  return {
    doing: "building native/",
    tools: ["cc"],
    product: build,
    stamp: join(build, ".lanyard-stamp"),
    // The flags stand in this file.
    digest: () => digestOf(["src/prepare.mjs", ...filesIn("native", ["native/build"])]),
    perform() {
      mkdirSync(build, { recursive: true });
      for (const source of readdirSync(join(root, "native")).filter((name) => name.endsWith(".c"))) {
        const program = join(build, source.slice(0, -2));
        const result = spawnQuietly("cc", [...NATIVE_FLAGS, "-o", program, join(root, "native", source)]);
        if (result.status === 0) continue;
        throw new Refusal(`cc native/${source} failed with exit code ${result.status}:\n${result.output}`);
      }
    },
  };
}

function generatedCode() {
  if (!existsSync(join(root, "proto/buf.gen.yaml"))) return undefined;
  const product = join(root, "src/rpc/generated");
  return {
    doing: "generating the gRPC code from proto/",
    tools: [],
    product,
    stamp: join(product, ".lanyard-stamp"),
    // The generator's version counts too, and the lock file holds it.
    digest: () => digestOf(["package-lock.json", ...filesIn("proto", [])]),
    perform() {
      rmSync(product, { recursive: true, force: true });
      const result = spawnQuietly(
        pinnedNode,
        [join(root, "node_modules/.bin/buf"), "generate", "proto", "--template", "proto/buf.gen.yaml"],
        {
          env: {
            ...process.env,
            PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
            BUF_CACHE_DIR: join(root, "node_modules/.cache/buf"),
          },
        },
      );
      if (result.status !== 0) {
        throw new Refusal(`buf generate failed with exit code ${result.status}:\n${result.output}`);
      }
    },
  };
}

function isFresh(step) {
  if (step === undefined) return true;
  try {
    return existsSync(step.product) && readFileSync(step.stamp, "utf8") === step.digest();
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return false;
    throw error;
  }
}

function perform(step) {
  say(step.doing);
  try {
    rmSync(step.stamp, { force: true });
    const digest = step.digest();
    step.perform();
    step.verify?.();
    mkdirSync(dirname(step.stamp), { recursive: true });
    writeFileSync(step.stamp, digest);
  } catch (error) {
    if (error.code !== "EACCES" && error.code !== "EROFS" && error.code !== "EPERM") throw error;
    throw new Refusal(`${step.doing}: ${error.message}; start as the user who owns ${root}`);
  }
}

/** A hash over the names and contents of files given relative to the root, and the kind of machine. */
function digestOf(files) {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}\n`);
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function filesIn(folder, except) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !except.some((prefix) => file.startsWith(`${prefix}/`)))
    .sort();
}

/**
 * Runs `work` while no other start in this working copy does. flock(2) belongs to the open file description,
 * so the lock that the flock command takes on our descriptor stays with us when that command ends, and the
 * kernel releases it however we end.
 */
function withLock(work) {
  const descriptor = openSync(root, "r");
  try {
    const lock = (...flags) =>
      spawnSync("flock", [...flags, "3"], { stdio: ["ignore", "ignore", "inherit", descriptor] });
    if (lock("--exclusive", "--nonblock").status !== 0) {
      say("waiting for another start in this folder");
      const { status } = lock("--exclusive");
      if (status !== 0) throw new Refusal(`cannot lock ${root}: flock ended with ${status}`);
    }
    work();
  } finally {
    closeSync(descriptor);
  }
}

function spawnQuietly(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: Number.POSITIVE_INFINITY,
    ...options,
  });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}`;
  return { status: result.status, output: result.error === undefined ? output : result.error.message };
}

/** npm ci empties node_modules, so it must not run on the Node that lies in there. */
function pathWithout(folder) {
  const path = (process.env.PATH ?? "").split(delimiter);
  return path.filter((entry) => entry !== folder).join(delimiter);
}

/**
 * Runs the target and resolves with its exit code (128 + signal number when a signal ended it).
 *
 * A Ctrl-C arrives here up to twice, from the terminal and from npm, which passes it on. The target runs in a
 * session of its own, out of the terminal's reach, so that it gets each signal from here and once. Should this
 * process be killed, the kernel sends the target SIGTERM (PR_SET_PDEATHSIG, by setpriv).
 */
function run(command, args) {
  const SAME_PRESS_MS = 200;
  const lastSeen = new Map();
  const child = spawn("setpriv", ["--pdeathsig", "TERM", command, ...args], {
    stdio: "inherit",
    detached: true,
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGWINCH"]) {
    process.on(signal, () => {
      const now = performance.now();
      const isNew = now - (lastSeen.get(signal) ?? Number.NEGATIVE_INFINITY) > SAME_PRESS_MS;
      lastSeen.set(signal, now);
      if (isNew) child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + osConstants.signals[signal]));
  });
}

function say(text) {
  process.stderr.write(`lanyard: ${text}\n`);
}
