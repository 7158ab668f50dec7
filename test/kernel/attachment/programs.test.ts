import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import { GarbageCollector } from "../../../src/attachment/garbage/collector.ts";
import { Journal } from "../../../src/attachment/journal/journal.ts";
import { PluginPrograms } from "../../../src/clients/plugin-programs.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Namespace } from "../../../src/linux/namespace.ts";
import { LanyardError } from "../../../src/model/errors.ts";
import type { PluginRunner } from "../../../src/model/ports.ts";
import {
  Catalog,
  makeEngine,
  makePod,
  makeStateFolder,
  openJournal,
  PodSandbox,
  refer,
  referPlugins,
} from "./fixtures.ts";
import { LedgerPrograms } from "./ledger.ts";

const UPLINK = "prg-up";
const UPLINK_PEER = "prg-peer";
const BRIDGE = "prg-br";

/** Debian's plugins, as a node has them. */
const DIRECTORIES = ["/usr/lib/cni"];
const STARTER = fileURLToPath(new URL("../../../native/build/run-plugin", import.meta.url));

const catalog = new Catalog()
  .network("switched", { type: "bridge", parent: BRIDGE })
  .class("gold", { egress: { ceiling: "50M" }, ingress: { ceiling: "30M" } });
const pod = makePod("programs");
const log = pino({ level: "silent" });
const owner = { sandbox: "box-of-programs", interfaceName: "eth0", network: "cluster" };

let kernel: Kernel;
let state: ReturnType<typeof makeStateFolder>;
let journal: Journal;
let sandbox: PodSandbox;

before(async () => {
  kernel = new Kernel();
  const { links } = kernel.host;
  await links.create({ name: UPLINK, of: { kind: "veth", peer: { name: UPLINK_PEER } }, isUp: true });
  await links.set((await links.get(UPLINK_PEER)).index, { isUp: true });
  await links.create({ name: BRIDGE, of: { kind: "bridge" }, isUp: true });
});

after(async () => {
  for (const name of [UPLINK, BRIDGE]) {
    const link = await kernel.host.links.find(name);
    if (link !== undefined) await kernel.host.links.delete(link.index);
  }
  await kernel.stop();
});

beforeEach(async () => {
  state = makeStateFolder();
  journal = openJournal(state.path);
  sandbox = await PodSandbox.start();
});

afterEach(async () => {
  await sandbox.end();
  journal.close();
  state.remove();
});

async function inPod<T>(look: (pod: Namespace) => Promise<T>): Promise<T> {
  await using namespace = await kernel.namespace(sandbox.namespacePath);
  return await look(namespace);
}

const namesInPod = () =>
  inPod(async ({ links }) => (await links.list()).links.map(({ name }) => name).sort());

const attach = (engine: AttachmentEngine, ...references: ReturnType<typeof refer>[]) =>
  engine.attach({ pod, namespacePath: sandbox.namespacePath, references, owner });

describe("an attachment with the reference plugins' own programs", () => {
  const hostLocal = (more: Record<string, unknown> = {}) => ({
    type: "host-local",
    ranges: [[{ subnet: "10.85.0.0/24", gateway: "10.85.0.1" }]],
    routes: [{ dst: "10.86.0.0/16" }],
    dataDir: join(state.path, "host-local"),
    ...more,
  });
  const leases = () =>
    readdirSync(join(state.path, "host-local/brought")).filter((name) => name.startsWith("10."));
  const real = () => new PluginPrograms({ starter: STARTER, directories: DIRECTORIES, timeoutMs: 20_000 });

  test("gets its address from host-local, which gets it back at the end, also when the namespace is gone", async () => {
    const engine = await makeEngine({ kernel, journal, catalog, programs: real() });
    const reference = referPlugins("net1", [{ type: "macvlan", master: UPLINK, ipam: hostLocal() }]);
    const [status] = await attach(engine, reference);
    assert.deepEqual(status?.result.ips, [{ address: "10.85.0.2/24", gateway: "10.85.0.1", interface: 0 }]);
    assert.deepEqual(leases(), ["10.85.0.2"]);
    await inPod(async ({ links, addresses, routes }) => {
      const { index } = await links.get("net1");
      const list = await addresses.list({ link: index, family: "ipv4" });
      assert.deepEqual(
        list.addresses.map(({ address }) => address),
        ["10.85.0.2/24"],
      );
      const route = (await routes.list()).routes.find(({ destination }) => destination === "10.86.0.0/16");
      assert.equal(route?.nextHops[0]?.gateway, "10.85.0.1");
    });
    assert.deepEqual(await engine.check(owner), []);
    await sandbox.end();
    await engine.releaseOwned(owner);
    assert.deepEqual(leases(), []);
    assert.deepEqual(journal.entries(), []);
  });

  test("gives the address back when a later step fails", async () => {
    const engine = await makeEngine({ kernel, journal, catalog, programs: real() });
    const lost = hostLocal({ routes: [{ dst: "10.86.0.0/16", gw: "172.31.9.9" }] });
    const failing = attach(engine, referPlugins("net1", [{ type: "macvlan", master: UPLINK, ipam: lost }]));
    await assert.rejects(failing, /add route 10\.86\.0\.0\/16/);
    assert.deepEqual(leases(), []);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });

  test("has its link made by a program, is held to a class by the agent, and is taken away by the program", async () => {
    const engine = await makeEngine({ kernel, journal, catalog, programs: real() });
    const ptp = { type: "ptp", mtu: 1400, ipam: hostLocal() };
    const more = { qosClassName: "gold", isDefaultGateway: true };
    const [status] = await attach(engine, referPlugins("net1", [ptp], more));
    assert.equal(status?.type, "plugin");
    assert.deepEqual([status.mtu, status.addresses], [1400, ["10.85.0.2/24"]]);
    assert.equal(status.qos?.className, "gold");
    const host = status.result.interfaces.find(({ sandbox }) => sandbox === undefined);
    assert.ok(host && (await kernel.host.links.find(host.name)), "ptp tells of the node's end");
    assert.deepEqual(await namesInPod(), ["ifb-net1", "lo", "net1"]);
    await inPod(async ({ routes }) => {
      const route = (await routes.list()).routes.find(({ destination }) => destination === "0.0.0.0/0");
      assert.equal(route?.nextHops[0]?.gateway, "10.85.0.1", "the gateway that the program gave");
    });

    await engine.releaseOwned(owner);
    assert.deepEqual(await namesInPod(), ["lo"]);
    assert.equal(await kernel.host.links.find(host.name), undefined);
    assert.deepEqual(leases(), []);
  });

  test("tells what a program's CHECK says", async () => {
    const engine = await makeEngine({ kernel, journal, catalog, programs: real() });
    await attach(engine, referPlugins("net1", [{ type: "ptp", ipam: hostLocal() }]));
    await inPod(async ({ links, addresses }) => {
      await addresses.delete((await links.get("net1")).index, "10.85.0.2/24");
    });
    const [difference] = await engine.check(owner);
    assert.equal(difference?.interfaceName, "net1");
    assert.match(difference.text, /10\.85\.0\.2/);
    await engine.releaseOwned(owner);
  });
});

/** Waits for what an engine takes back after its recovery: the collector's round waits for each that is under way. */
async function cleared(engine: AttachmentEngine): Promise<void> {
  await new GarbageCollector({ attachments: engine, intervalMs: 60_000, log }).collect();
}

describe("an attachment with a program", () => {
  const served = () =>
    referPlugins("net1", [{ type: "macvlan", master: UPLINK, ipam: { type: "ledger" } }, { type: "stamp" }]);

  test("tells it of the sandbox, and each what those before it came to", async () => {
    const programs = new LedgerPrograms(state.path);
    const engine = await makeEngine({ kernel, journal, catalog, programs });
    await attach(engine, served());
    const { mac, mtu } = await inPod(({ links }) => links.get("net1"));
    const whole = {
      interfaces: [{ name: "net1", mac, mtu, sandbox: sandbox.namespacePath }],
      ips: [{ address: LedgerPrograms.address, gateway: "10.60.0.1", interface: 0 }],
      routes: [],
      dns: {},
    };
    await engine.check(owner);
    await engine.releaseOwned(owner);
    assert.deepEqual(
      programs.calls.map(({ command, call }) => [command, call.program.type, call.previous]),
      [
        ["ADD", "ledger", undefined],
        ["ADD", "stamp", whole],
        ["CHECK", "ledger", whole],
        ["CHECK", "stamp", whole],
        ["DEL", "stamp", whole],
        ["DEL", "ledger", whole],
      ],
    );
    for (const { call } of programs.calls) {
      assert.equal(call.containerId, owner.sandbox);
      assert.equal(call.interfaceName, "net1");
      assert.equal(call.namespacePath, sandbox.namespacePath);
      assert.match(call.args, /K8S_POD_NAME=programs/);
    }
  });

  test("is refused when the program gives no address", async () => {
    const programs = new LedgerPrograms(state.path);
    const engine = await makeEngine({ kernel, journal, catalog, programs });
    const silent = referPlugins("net1", [{ type: "macvlan", master: UPLINK, ipam: { type: "silent" } }]);
    await assert.rejects(attach(engine, silent), /the program silent gave no address/);
    assert.deepEqual(programs.served(), []);
    assert.deepEqual(await namesInPod(), ["lo"]);
  });

  test("does not keep a new sandbox waiting for a program that fails to take it back", async () => {
    const programs = new LedgerPrograms(state.path);
    const stuck: PluginRunner = {
      add: (call) => programs.add(call),
      check: (call) => programs.check(call),
      delete: async () => {
        throw new LanyardError("timeout", "the ledger is closed");
      },
    };
    await attach(await makeEngine({ kernel, journal, catalog, programs: stuck }), served());
    await sandbox.end();
    sandbox = await PodSandbox.start();
    const next = { ...owner, sandbox: "next-box" };
    const engine = await makeEngine({ kernel, journal, catalog, programs: stuck });
    const wanted = {
      pod,
      namespacePath: sandbox.namespacePath,
      references: [refer("switched", "net1")],
      owner: next,
    };
    const [status] = await engine.attach(wanted);
    assert.deepEqual(
      await engine.attach(wanted),
      [status],
      "it is told from what the former one has under its name",
    );
    assert.deepEqual(
      journal.entries().map(({ request, state }) => [request.owner?.sandbox, state]),
      [
        [owner.sandbox, "detaching"],
        ["next-box", "attached"],
      ],
    );
    const again = await makeEngine({ kernel, journal, catalog, programs });
    await again.releaseOwned(owner);
    assert.deepEqual(programs.served(), []);
    assert.deepEqual(await namesInPod(), ["lo", "net1"]);
    await again.releaseOwned(next);
    assert.deepEqual(journal.entries(), []);
  });

  test("is tried again later when the program fails to take it back", async () => {
    const programs = new LedgerPrograms(state.path);
    let isStuck = true;
    const stubborn: PluginRunner = {
      add: (call) => programs.add(call),
      check: (call) => programs.check(call),
      async delete(call) {
        if (isStuck) throw new LanyardError("timeout", "the ledger is closed");
        await programs.delete(call);
      },
    };
    const engine = await makeEngine({ kernel, journal, catalog, programs: stubborn });
    await attach(engine, served());
    await assert.rejects(engine.releaseOwned(owner), /sandbox box-of-programs.*net1: .*the ledger is closed/);
    assert.deepEqual(await namesInPod(), ["lo"], "what could be taken back is");
    const collector = new GarbageCollector({ attachments: engine, intervalMs: 60_000, log });
    assert.deepEqual(await collector.collect(), []);
    isStuck = false;
    assert.deepEqual(await collector.collect(), [
      "interface net1 of pod default/programs was released: it could not be taken back wholly before",
    ]);
    assert.deepEqual(programs.served(), []);
    assert.deepEqual(journal.entries(), []);
  });

  test("of an earlier boot is taken back by its programs alone, and kept until they have done it", async () => {
    const programs = new LedgerPrograms(state.path);
    await attach(
      await makeEngine({ kernel, journal, catalog, programs }),
      served(),
      refer("switched", "net2"),
    );
    journal.close();
    programs.calls.splice(0);

    journal = new Journal(join(state.path, "attachments.sqlite"), "another boot");
    const closed: PluginRunner = {
      add: (call) => programs.add(call),
      check: (call) => programs.check(call),
      delete: async () => {
        throw new LanyardError("unavailable", "the ledger is closed");
      },
    };
    const failing = await makeEngine({ kernel, journal, catalog, programs: closed });
    await failing.recover();
    await cleared(failing);
    assert.deepEqual(
      journal.entries().map(({ request, state }) => [request.interfaceName, state]),
      [["net1", "detaching"]],
    );

    const engine = await makeEngine({ kernel, journal, catalog, programs });
    await engine.recover();
    await cleared(engine);
    assert.deepEqual(
      programs.calls.map(({ command, call }) => [command, call.program.type, call.namespacePath]),
      [
        ["DEL", "stamp", undefined],
        ["DEL", "ledger", undefined],
      ],
    );
    assert.deepEqual(programs.served(), []);
    assert.deepEqual(journal.entries(), []);
    // The pod stands for one of this boot, whose interfaces have the names that the former one's had.
    assert.deepEqual(await namesInPod(), ["lo", "net1", "net2"], "nothing in the kernel is touched");
  });

  test("of an earlier boot is taken back before programs serve the pod again, which they know by the same name", async () => {
    const programs = new LedgerPrograms(state.path);
    const wanted = () => ({ pod, namespacePath: sandbox.namespacePath, references: [served()] });
    await (await makeEngine({ kernel, journal, catalog, programs })).reconcile(wanted());
    journal.close();

    journal = new Journal(join(state.path, "attachments.sqlite"), "another boot");
    await sandbox.end();
    sandbox = await PodSandbox.start();
    programs.calls.splice(0);
    const engine = await makeEngine({ kernel, journal, catalog, programs });
    const [outcome] = await engine.reconcile(wanted());
    assert.equal(outcome?.error, undefined);
    assert.deepEqual(
      programs.calls.map(({ command, call }) => `${command} ${call.program.type}`),
      ["DEL stamp", "DEL ledger", "ADD ledger", "ADD stamp"],
    );
    const collector = new GarbageCollector({ attachments: engine, intervalMs: 60_000, log });
    assert.deepEqual(await collector.collect(), [], "nothing is left to be taken back");
    await engine.release(pod);
    assert.deepEqual(programs.served(), []);
  });
});
