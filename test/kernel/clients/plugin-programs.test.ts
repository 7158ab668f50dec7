import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PluginPrograms } from "../../../src/clients/plugin-programs.ts";
import { CniFailure } from "../../../src/model/cni/error.ts";
import { EMPTY_RESULT } from "../../../src/model/cni/result.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import type { PluginCall } from "../../../src/model/ports.ts";
import { leaveSharedNamespace, PATIENCE, World, within } from "../world.ts";

const STARTER = fileURLToPath(new URL("../../../native/build/run-plugin", import.meta.url));
const DEBIAN = "/usr/lib/cni";
const needsDebian = existsSync(`${DEBIAN}/macvlan`)
  ? PATIENCE
  : { ...PATIENCE, skip: `${DEBIAN}/macvlan is missing: apt-get install -y containernetworking-plugins` };

leaveSharedNamespace();
const folder = mkdtempSync(join(tmpdir(), "programs-"));
after(() => rmSync(folder, { recursive: true }));

/** A runner whose programs are shell scripts in a folder of its own, besides Debian's. */
function scripts(
  texts: Readonly<Record<string, string>>,
  options: { timeoutMs?: number; atOnce?: number } = {},
) {
  const own = mkdtempSync(join(folder, "bin-"));
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(own, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const directories = [own, DEBIAN];
  return {
    own,
    runner: new PluginPrograms({ starter: STARTER, directories, timeoutMs: 10_000, ...options }),
  };
}

function callOf(type: string, more: Partial<PluginCall> = {}, configuration = {}): PluginCall {
  return {
    program: { type, configuration: { cniVersion: "1.0.0", name: "net", type, ...configuration } },
    containerId: "sandbox-1",
    namespacePath: "/proc/self/ns/net",
    interfaceName: "net1",
    args: "K8S_POD_NAME=alpha",
    ...more,
  };
}

async function failureOf(promise: Promise<unknown>): Promise<LanyardError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof LanyardError, `a LanyardError, not ${error}`);
    return error;
  }
  throw new Error("it did not fail");
}

describe("programs of Debian's plugins", needsDebian, () => {
  test("macvlan with host-local makes the link with its address, and takes both back", async () => {
    await using world = new World();
    execFileSync("ip", ["link", "add", "prg-up", "type", "veth", "peer", "prg-peer"]);
    world.defer(() => void execFileSync("ip", ["link", "delete", "prg-up"]));
    const pod = await world.startPod();
    const { runner } = scripts({});
    const dataDir = join(folder, "leases");
    const ipam = { type: "host-local", dataDir, ranges: [[{ subnet: "10.9.0.0/24" }]] };
    const call = callOf("macvlan", { namespacePath: pod.namespacePath }, { master: "prg-up", ipam });
    const result = await runner.add(call);
    assert.deepEqual(
      result.interfaces.map(({ name, sandbox }) => ({ name, sandbox })),
      [{ name: "net1", sandbox: pod.namespacePath }],
    );
    assert.deepEqual(result.ips, [{ address: "10.9.0.2/24", gateway: "10.9.0.1", interface: 0 }]);
    const inPod = () =>
      execFileSync("nsenter", [`--net=${pod.namespacePath}`, "ip", "-o", "addr"], { encoding: "utf8" });
    assert.match(inPod(), /net1\s+inet 10\.9\.0\.2\/24/);
    const leases = () => readdirSync(join(dataDir, "net")).filter((name) => name.startsWith("10."));
    assert.deepEqual(leases(), ["10.9.0.2"]);
    await runner.check({ ...call, previous: result });
    await runner.delete({ ...call, previous: result });
    assert.doesNotMatch(inPod(), /net1/);
    assert.deepEqual(leases(), []);
  });

  test("bridge with static and then tuning hand their result on, in version 0.4.0 too", async () => {
    await using world = new World();
    world.defer(() => void spawnSync("ip", ["link", "delete", "prg-br"]));
    const pod = await world.startPod();
    const { runner } = scripts({});
    for (const cniVersion of ["0.4.0", "1.0.0"]) {
      const place = { namespacePath: pod.namespacePath };
      const ipam = { type: "static", addresses: [{ address: "10.9.1.7/24" }] };
      const bridge = callOf("bridge", place, { cniVersion, bridge: "prg-br", ipam });
      const tuning = callOf("tuning", place, { cniVersion, mtu: 1280, dataDir: join(folder, "tuning") });
      const made = await runner.add(bridge);
      assert.deepEqual(made.interfaces.map(({ name }) => name).slice(-1), ["net1"]);
      const tuned = await runner.add({ ...tuning, previous: made });
      assert.deepEqual(tuned.ips, made.ips);
      assert.deepEqual(
        tuned.ips.map(({ address }) => address),
        ["10.9.1.7/24"],
      );
      await runner.check({ ...tuning, previous: tuned });
      await runner.delete({ ...tuning, previous: tuned });
      await runner.delete({ ...bridge, previous: made });
    }
  });

  test("a DEL without a namespace is no error, and gives the address back", async () => {
    const { runner } = scripts({});
    const dataDir = join(folder, "leases");
    const ipam = { type: "host-local", dataDir, ranges: [[{ subnet: "10.9.3.0/24" }]] };
    const { namespacePath, ...call } = callOf("host-local", {}, { ipam });
    await runner.add({ ...call, namespacePath: namespacePath ?? "" });
    assert.ok(existsSync(join(dataDir, "net/10.9.3.2")));
    await runner.delete(call);
    assert.ok(!existsSync(join(dataDir, "net/10.9.3.2")));
  });

  test("what a program of the reference says comes through with its code", async () => {
    const { runner } = scripts({});
    const failure = await failureOf(runner.add(callOf("macvlan", {}, { master: "prg-none" })));
    assert.ok(failure instanceof CniFailure);
    assert.equal(failure.cni.code, 999);
    assert.match(failure.message, /^macvlan ADD: Link not found$/);
  });
});

test("a program gets its environment, its configuration and the result before it", PATIENCE, async () => {
  const { own, runner } = scripts({
    look: `env | sort >${folder}/environment; cat >${folder}/input; echo '{"cniVersion":"1.0.0"}'`,
  });
  const previous = { ...EMPTY_RESULT, ips: [{ address: "10.9.0.2/24", gateway: "10.9.0.1" }] };
  assert.deepEqual(await runner.add(callOf("look", { previous }, { master: "up" })), EMPTY_RESULT);
  const environment = readFileSync(join(folder, "environment"), "utf8").trim().split("\n");
  assert.deepEqual(
    environment.filter((line) => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line)),
    [
      "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=alpha",
      "CNI_COMMAND=ADD",
      "CNI_CONTAINERID=sandbox-1",
      "CNI_IFNAME=net1",
      "CNI_NETNS=/proc/self/ns/net",
      `CNI_PATH=${own}:${DEBIAN}`,
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ],
  );
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "input"), "utf8")), {
    cniVersion: "1.0.0",
    name: "net",
    type: "look",
    master: "up",
    prevResult: { cniVersion: "1.0.0", ips: [{ address: "10.9.0.2/24", gateway: "10.9.0.1" }], dns: {} },
  });
});

test(
  "the result before it is told in the words of the configuration's version, and not to those that know none",
  PATIENCE,
  async () => {
    const { runner } = scripts({ look: `cat >${folder}/input; echo '{"cniVersion":"0.2.0"}'` });
    const previous = { ...EMPTY_RESULT, ips: [{ address: "10.9.0.2/24" }] };
    const told = async (command: "add" | "delete", cniVersion: string) => {
      await runner[command](callOf("look", { previous }, { cniVersion }));
      return JSON.parse(readFileSync(join(folder, "input"), "utf8")).prevResult;
    };
    assert.equal((await told("add", "0.4.0")).ips[0].version, "4");
    assert.equal(await told("add", "0.2.0"), undefined);
    assert.equal(await told("delete", "0.3.1"), undefined);
    assert.equal((await told("delete", "0.4.0")).cniVersion, "0.4.0");
  },
);

test(
  "a CNI error keeps its code and its words, with the program's name and what it wrote to standard error",
  PATIENCE,
  async () => {
    const { runner } = scripts({
      busy: `echo "first line" >&2; echo '{"cniVersion":"1.0.0","code":11,"msg":"later","details":"pool is empty"}'; exit 1`,
    });
    const failure = await failureOf(runner.add(callOf("busy")));
    assert.ok(failure instanceof CniFailure);
    assert.equal(failure.code, "unavailable");
    assert.equal(failure.cni.code, 11);
    assert.equal(failure.message, "busy ADD: later: pool is empty; standard error: first line");
  },
);

test("a DEL that finds nothing to clean up (code 3) is done", PATIENCE, async () => {
  const { runner } = scripts({ gone: `echo '{"code":3,"msg":"unknown container"}'; exit 1` });
  await runner.delete(callOf("gone"));
  assert.equal((await failureOf(runner.check(callOf("gone")))).message, "gone CHECK: unknown container");
});

test("an exit code without an error, and output that is none, are told as such", PATIENCE, async () => {
  const { runner } = scripts({ mute: "echo why >&2; exit 7", odd: "echo oh; exit 1", garbage: "echo '{oh'" });
  assert.equal(
    (await failureOf(runner.add(callOf("mute")))).message,
    "mute ADD: ended with exit code 7 and said nothing: standard error: why",
  );
  assert.equal(
    (await failureOf(runner.add(callOf("odd")))).message,
    "odd ADD: ended with exit code 1 and gave something else than a CNI error",
  );
  const garbage = await failureOf(runner.add(callOf("garbage")));
  assert.equal(garbage.code, "invalid");
  assert.match(garbage.message, /result of garbage.*\{oh.*a CNI result/s);
});

test("a program ended by a signal is told with the signal", PATIENCE, async () => {
  const { runner } = scripts({ falls: "echo ouch >&2; kill -SEGV $$" });
  const failure = await failureOf(runner.add(callOf("falls")));
  assert.equal(failure.code, "unavailable");
  assert.match(failure.message, /^falls was ended by SIGSEGV; standard error: ouch/);
});

test(
  "a program that hangs is killed with everything it started, and the error says so",
  PATIENCE,
  async () => {
    const { runner } = scripts(
      { hangs: `echo waiting >&2; sleep 1000 & echo $! >${folder}/child; echo $$ >${folder}/parent; wait` },
      { timeoutMs: 500 },
    );
    const failure = await failureOf(runner.add(callOf("hangs")));
    assert.equal(failure.code, "timeout");
    assert.equal(failure.message, "hangs did not end within 0.5 s and was killed; standard error: waiting");
    await processesGone(["child", "parent"].map((name) => readFileSync(join(folder, name), "utf8").trim()));
  },
);

test(
  "what a program left behind with its pipes holds nobody up, and is left alone",
  PATIENCE,
  async (context) => {
    const { runner } = scripts({
      leaves: `sleep 1000 & echo $! >${folder}/left; echo '{"cniVersion":"1.0.0"}'`,
    });
    const before = performance.now();
    assert.deepEqual(await runner.add(callOf("leaves")), EMPTY_RESULT);
    assert.ok(performance.now() - before < 5_000);
    const left = Number(readFileSync(join(folder, "left"), "utf8"));
    context.after(() => processesGone([String(left)]));
    process.kill(left, "SIGKILL");
  },
);

test("a program that writes without end is killed, and a long result comes whole", PATIENCE, async () => {
  const { runner } = scripts({
    floods: "yes 0123456789",
    long: `printf '{"cniVersion":"1.0.0","dns":{"domain":"'; head -c 900000 /dev/zero | tr '\\0' x; printf '"}}'`,
    complains: `head -c 3000000 /dev/zero | tr '\\0' y >&2; exit 1`,
  });
  const flood = await failureOf(runner.add(callOf("floods")));
  assert.match(flood.message, /^floods wrote more than 1048576 bytes to standard output$/);
  assert.equal((await runner.add(callOf("long"))).dns.domain?.length, 900_000);
  const complaint = await failureOf(runner.add(callOf("complains")));
  assert.ok(complaint.message.endsWith("yyy..."));
  assert.ok(complaint.message.length < 700);
});

test("a configuration that a program does not read is no error of ours", PATIENCE, async () => {
  const { runner } = scripts({ deaf: `exec <&-; echo '{"cniVersion":"1.0.0"}'` });
  const call = callOf("deaf", {}, { padding: "x".repeat(1_000_000) });
  assert.deepEqual(await runner.add(call), EMPTY_RESULT);
});

test(
  "a program that is nowhere, cannot be run, or is no name is refused by name and folders",
  PATIENCE,
  async () => {
    const { own, runner } = scripts({ locked: "exit 0" });
    execFileSync("chmod", ["644", join(own, "locked")]);
    const missing = await failureOf(runner.delete(callOf("nothing")));
    assert.equal(missing.code, "not-found");
    assert.equal(missing.message, `the program nothing is in none of ${own}, ${DEBIAN}; install it there`);
    const locked = await failureOf(runner.add(callOf("locked")));
    assert.equal(locked.code, "unavailable");
    assert.match(locked.message, /^cannot run the program locked found in .*: EACCES$/);
    for (const type of ["", "../bin/sh", "/bin/sh"]) {
      assert.equal((await failureOf(runner.add(callOf(type)))).code, "invalid");
    }
    const unbuilt = new PluginPrograms({ starter: join(own, "none"), directories: [own], timeoutMs: 1000 });
    assert.match(
      (await failureOf(unbuilt.add(callOf("locked")))).message,
      /^cannot start .*none: spawn .*ENOENT$/,
    );
  },
);

test("the first folder that has a program counts", PATIENCE, async () => {
  const { runner } = scripts({ macvlan: `echo '{"cniVersion":"1.0.0","dns":{"domain":"ours"}}'` });
  assert.equal((await runner.add(callOf("macvlan"))).dns.domain, "ours");
});

test(
  "no more programs run at one time than are allowed, and the others wait for their turn",
  PATIENCE,
  async () => {
    const running = mkdtempSync(join(folder, "running-"));
    const { runner } = scripts(
      {
        counts: [
          `place=$(mktemp ${running}/XXXXXX); number=$(ls ${running} | wc -l)`,
          `sleep 0.05; rm $place`,
          `echo "{\\"cniVersion\\":\\"1.0.0\\",\\"dns\\":{\\"domain\\":\\"$number\\"}}"`,
        ].join("\n"),
      },
      { atOnce: 3 },
    );
    const results = await Promise.all(Array.from({ length: 12 }, () => runner.add(callOf("counts"))));
    const numbers = results.map(({ dns }) => Number(dns.domain));
    assert.equal(Math.max(...numbers), 3);
  },
);

test(
  "programs have limits of their own, and end before the agent where memory is short",
  PATIENCE,
  async () => {
    const { runner } = scripts({
      look: `cat /proc/self/limits >${folder}/limits; cat /proc/self/oom_score_adj >${folder}/score; echo '{"cniVersion":"1.0.0"}'`,
    });
    await runner.add(callOf("look"));
    const limits = readFileSync(join(folder, "limits"), "utf8");
    assert.match(limits, /Max data size +1073741824 +1073741824/);
    assert.match(limits, /Max open files +1024 +1024/);
    assert.match(limits, /Max core file size +0 +0/);
    assert.equal(readFileSync(join(folder, "score"), "utf8").trim(), "500");
  },
);

test("a program ends with the agent that started it", PATIENCE, async () => {
  const { own } = scripts({
    hangs: `echo $$ >${folder}/orphan.new; mv ${folder}/orphan.new ${folder}/orphan; exec sleep 1000`,
  });
  const agent = startAgent("hangs", own);
  await untilThere(join(folder, "orphan"));
  const ended = once(agent, "exit");
  agent.kill("SIGKILL");
  await ended;
  await processesGone([readFileSync(join(folder, "orphan"), "utf8").trim()]);
});

test(
  "programs run in the mount namespace of the node's first process, with its root",
  PATIENCE,
  async (context) => {
    const hidden = join(folder, "hidden");
    mkdirSync(hidden);
    // A node whose folder holds the program, and a container (us) in which that folder is empty.
    const script = `#!/bin/sh\nls ${hidden} >${hidden}/seen; echo '{"cniVersion":"1.0.0","dns":{"domain":"node"}}'`;
    const setUp = `mount -n -t tmpfs tmpfs ${hidden}; printf '%s' "$1" >${hidden}/where; chmod 755 ${hidden}/where; echo ready; exec cat`;
    const node = spawn("unshare", ["--mount", "sh", "-c", setUp, "sh", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    context.after(async () => {
      const ended = once(node, "exit");
      node.kill("SIGKILL");
      await ended;
    });
    await once(node.stdout, "data");
    const options = { starter: STARTER, directories: [hidden], timeoutMs: 10_000 };
    const inside = new PluginPrograms({ ...options, nodeProcess: `/proc/${node.pid}` });
    assert.equal((await inside.add(callOf("where"))).dns.domain, "node");
    assert.deepEqual(readdirSync(hidden), []);
    assert.equal((await failureOf(new PluginPrograms(options).add(callOf("where")))).code, "not-found");
  },
);

/** A process of its own that runs one program. */
function startAgent(type: string, directory: string): ChildProcess {
  const module = new URL("../../../src/clients/plugin-programs.ts", import.meta.url).href;
  const options = { starter: STARTER, directories: [directory], timeoutMs: 600_000 };
  const text = `import { PluginPrograms } from ${JSON.stringify(module)};
    await new PluginPrograms(${JSON.stringify(options)}).add(${JSON.stringify(callOf(type))});`;
  return spawn(process.execPath, ["--input-type=module", "--eval", text], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function untilThere(path: string): Promise<void> {
  return within(path, (settle) => {
    const timer = setInterval(() => existsSync(path) && settle(undefined), 10);
    return () => clearInterval(timer);
  });
}

function processesGone(pids: readonly string[]): Promise<void> {
  return within(`the end of processes ${pids.join(", ")}`, (settle) => {
    const timer = setInterval(() => {
      if (pids.every((pid) => !existsSync(`/proc/${pid}`))) settle(undefined);
    }, 10);
    return () => clearInterval(timer);
  });
}
