import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { AttachmentRequest } from "../../../src/attachment/request.ts";
import { initialStatus } from "../../../src/attachment/status.ts";
import type { Step } from "../../../src/attachment/steps/steps.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { CRASH_OWNER, CRASH_UPLINK, crashCatalog, crashPod, crashReferences } from "./crash-scene.ts";
import { makeEngine, makeStateFolder, openJournal, PodSandbox } from "./fixtures.ts";
import { LedgerPrograms } from "./ledger.ts";

const NIC = "crash-nic";
const AGENT = fileURLToPath(new URL("./crashing-agent.ts", import.meta.url));
/** More writes than any operation has: the loop ends when the agent lives to the end. */
const MOST_POINTS = 60;

const assigned = [{ resource: "lanyard.dev/nics", id: NIC, container: "main" }];
let kernel: Kernel;
let nic: Link;
let sandbox: PodSandbox;
let state: ReturnType<typeof makeStateFolder>;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: CRASH_UPLINK, of: { kind: "veth", peer: { name: "crash-peer" } }, isUp: true });
  await links.create({ name: NIC, of: { kind: "veth", peer: { name: "crash-npeer" } } });
  nic = await links.get(NIC);
});

after(async () => {
  for (const name of [CRASH_UPLINK, NIC]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  sandbox = await PodSandbox.start();
});

afterEach(async () => {
  await sandbox.end();
  state?.remove();
});

/** Runs an agent that dies at a point; tells whether it lived to the end. */
async function runUntilDeath(operation: string, point: number, moment: string): Promise<boolean> {
  const args = [AGENT, state.path, sandbox.namespacePath, NIC, operation, String(point), moment];
  const agent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [output, complaints, [code, signal]] = await Promise.all([
    text(agent.stdout),
    text(agent.stderr),
    once(agent, "exit"),
  ]);
  if (signal === "SIGKILL") return false;
  assert.equal(code, 0, `the agent ended by itself, but not well: ${complaints}`);
  assert.equal(output, "done\n");
  return true;
}

/** What of ours is in the pod, by name. */
async function linksInPod(): Promise<string[]> {
  await using pod = await kernel.namespace(sandbox.namespacePath);
  return (await pod.links.list()).links.map(({ name }) => name).filter((name) => name !== "lo");
}

async function assertUntouched(): Promise<void> {
  assert.deepEqual(await linksInPod(), []);
  const home = await kernel.host.links.get(NIC);
  assert.equal(home.mac, nic.mac);
  assert.equal(home.mtu, nic.mtu);
  assert.equal(home.gsoMaxSize, nic.gsoMaxSize);
}

/** Both interfaces are there with address, route and the class's limits, and work. */
async function assertWhole(ceiling: number): Promise<void> {
  assert.deepEqual((await linksInPod()).sort(), ["ifb-net1", "ifb-net2", "net1", "net2"]);
  await using pod = await kernel.namespace(sandbox.namespacePath);
  for (const name of ["net1", "net2"]) {
    const link = await pod.links.get(name);
    assert.equal(link.isUp, true);
    const { addresses } = await pod.addresses.list({ link: link.index, family: "ipv4" });
    assert.equal(addresses.filter(({ address }) => address.startsWith("10.6")).length, 1);
    const classes = await pod.classes.list(link.index);
    assert.deepEqual(
      classes.map(({ spec }) => spec.kind === "htb" && spec.ceil),
      [ceiling],
    );
    const ifb = await pod.links.get(`ifb-${name}`);
    const root = (await pod.qdiscs.list(ifb.index)).find(({ spec }) => spec.parent === "root");
    assert.equal(root?.spec.kind === "tbf" && root.spec.rate, ceiling);
  }
  const { routes } = await pod.routes.list();
  assert.ok(routes.some(({ destination }) => destination === "10.61.0.0/16"));
}

describe("an agent killed with SIGKILL", () => {
  test("in the middle of a trip to the kernel, takes back the link that was made without its address", async () => {
    state = makeStateFolder();
    const journal = openJournal(state.path);
    const request: AttachmentRequest = {
      pod: crashPod,
      interfaceName: "net2",
      podNetworkName: "over",
      link: { type: "macvlan", parent: CRASH_UPLINK, mode: "bridge" },
      addresses: ["10.60.0.5/24"],
      routes: [],
    };
    await using pod = await kernel.namespace(sandbox.namespacePath);
    const { index, mtu } = await kernel.host.links.get(CRASH_UPLINK);
    const of = { kind: "macvlan", mode: "bridge" } as const;
    const steps: Step[] = [
      { kind: "createLink", name: "net2", index: 4_000_000, of, parent: CRASH_UPLINK, mtu },
      { kind: "addAddress", link: "net2", address: "10.60.0.5/24" },
      { kind: "setUp", link: "net2" },
    ];
    const identity = { path: sandbox.namespacePath, cookie: pod.cookie() };
    const entry = journal.begin(request, identity, steps, initialStatus(request, identity.path));
    journal.intend(entry.id, steps.length, [null, null, null]);
    await kernel.host.links.create({
      name: "net2",
      index: 4_000_000,
      of,
      parent: index,
      namespaceFd: pod.fd,
    });
    assert.deepEqual(await linksInPod(), ["net2"]);

    const engine = await makeEngine({ kernel, journal, catalog: crashCatalog(), assigned });
    await engine.recover();
    assert.deepEqual(await linksInPod(), []);
    assert.deepEqual(journal.entries(), []);
    journal.close();
  });

  for (const moment of ["before", "after"]) {
    test(`while attaching, ${moment} any write to its journal, leaves each interface whole or untouched`, async () => {
      await dieEverywhere("attach", moment, async (engine, where) => {
        const whole = new Set(engine.list().map(({ interfaceName }) => interfaceName));
        const expected = [...whole].flatMap((name) => [name, `ifb-${name}`]);
        assert.deepEqual((await linksInPod()).sort(), expected.sort(), where);
        assert.ok(engine.list().every((status) => status.state === "attached"));
        // The door asks again, and gets the whole of it.
        await askFor(engine, "gold");
        await assertWhole(50_000_000);
      });
    });

    test(`while changing a class, ${moment} any write to its journal, comes to the class that is wanted`, async () => {
      await dieEverywhere("change", moment, async (engine, where) => {
        assert.equal(engine.list().length, 2, `a change of class never costs the interface, ${where}`);
        await askFor(engine, "bronze");
        await assertWhole(10_000_000);
      });
    });

    test(`while detaching, ${moment} any write to its journal, leaves nothing once it runs again`, async () => {
      await dieEverywhere("detach", moment, async (engine, where) => {
        await engine.reconcile({ pod: crashPod, namespacePath: sandbox.namespacePath, references: [] });
        assert.deepEqual(engine.list(), [], where);
      });
    });

    test(`while programs serve an attachment, ${moment} any write or call, has them take back what they gave`, async () => {
      await dieEverywhere("attachServed", moment, async (engine, where, programs) => {
        const whole = engine.list().map(({ addresses }) => addresses);
        const served = whole.length === 0 ? [] : ["ledger box net1", "stamp box net1"];
        assert.deepEqual(programs.served(), served, where);
        assert.deepEqual(whole, whole.length === 0 ? [] : [[LedgerPrograms.address]], where);
        await engine.releaseOwned(CRASH_OWNER);
        assert.deepEqual(programs.served(), [], where);
      });
    });

    test(`while programs are told to take something back, ${moment} any write or call, tells them again`, async () => {
      await dieEverywhere("releaseServed", moment, async (engine, where, programs) => {
        await engine.releaseOwned(CRASH_OWNER);
        assert.deepEqual(programs.served(), [], where);
      });
    });
  }
});

async function askFor(engine: AttachmentEngine, className: string): Promise<void> {
  const references = crashReferences(className);
  const wanted = { pod: crashPod, namespacePath: sandbox.namespacePath, references };
  for (const { error } of await engine.reconcile(wanted)) assert.equal(error, undefined);
}

/**
 * Lets an agent die at its first write, at its second, and so on until one lives to the end. After each, `check`
 * sees the next agent after its recovery; in the end nothing may be left.
 */
async function dieEverywhere(
  operation: string,
  moment: string,
  check: (engine: AttachmentEngine, where: string, programs: LedgerPrograms) => Promise<void>,
): Promise<void> {
  for (let point = 1; point <= MOST_POINTS; point++) {
    state = makeStateFolder();
    const lived = await runUntilDeath(operation, point, moment);
    const journal = openJournal(state.path);
    const programs = new LedgerPrograms(state.path);
    const engine = await makeEngine({ kernel, journal, catalog: crashCatalog(), assigned, programs });
    await engine.recover();
    await check(engine, `after a death ${moment} write ${point}`, programs);
    await engine.release(crashPod);
    assert.deepEqual(journal.entries(), []);
    await assertUntouched();
    journal.close();
    state.remove();
    if (lived) return;
  }
  assert.fail("the agent never lived to the end");
}
