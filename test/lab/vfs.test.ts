import assert from "node:assert/strict";
import test, { after } from "node:test";
import { EINVAL, EMSGSIZE, EOPNOTSUPP, EPROTONOSUPPORT } from "../../src/linux/errno.ts";
import { exchange } from "../../src/linux/netlink/exchange.ts";
import { ReceiveBuffer } from "../../src/linux/netlink/receive-buffer.ts";
import { NETLINK_ROUTE, openRequestSocket } from "../../src/linux/netlink/socket.ts";
import { RTEXT_FILTER_VF } from "../../src/linux/route/vf-attributes.ts";
import type { VfSettings } from "../../src/linux/route/vf-settings.ts";
import { Vfs } from "../../src/linux/route/vfs.ts";
import { readNetDevice } from "../../src/linux/sysfs/net-device.ts";
import type { JobResult, Task } from "../../src/linux/worker/jobs.ts";
import { NetlinkClient } from "../../src/linux/worker/netlink-client.ts";
import type { JobRunner } from "../../src/linux/worker/pool.ts";
import { nextEvent, World } from "../kernel/world.ts";
import { Netdevsim } from "./guest.ts";

/**
 * VFs as their PF tells of them and sets them: on netdevsim, which takes everything but InfiniBand's, and on the guest's
 * emulated igb card `eth0`.
 */

const PATIENCE = { timeout: 120_000 };
const DEVICE = 31;

/** One for all, because its threads take the guest longer to start than most of the tests take. */
const world = new World();
after(() => world[Symbol.asyncDispose]());
const { kernel } = world;
const { host } = kernel;

const MAC = "02:00:00:00:bb:01";

/** What differs from anything the drivers set beforehand. */
const EVERYTHING = {
  mac: MAC,
  vlan: { id: 100, qos: 3, protocol: "802.1ad" },
  rate: { min: 50_000_000, max: 200_000_000 },
  isSpoofChecked: true,
  isTrusted: true,
  linkState: "disable",
  canQueryRss: true,
} as const satisfies VfSettings;

test("every setting of a VF of netdevsim reads back, alone and with the others", PATIENCE, async () => {
  using device = new Netdevsim(DEVICE);
  device.vfCount = 3;
  const { index: pf } = await host.links.get(device.linkNames[0] as string);
  const untouched = (await host.vfs.get(pf, 2)).attributes;
  const inGroups = [EVERYTHING, ...Object.entries(EVERYTHING).map(([key, value]) => ({ [key]: value }))];
  for (const settings of inGroups) {
    // Another number of VFs takes back what was set.
    device.vfCount = 2;
    const before = (await host.vfs.get(pf, 1)).attributes;
    await host.vfs.set(pf, 1, settings);
    const { attributes, statistics } = await host.vfs.get(pf, 1);
    assert.deepEqual(attributes, { ...before, ...settings });
    assert.equal(statistics, undefined);
  }
  device.vfCount = 3;
  await host.vfs.set(pf, 1, EVERYTHING);
  const all = await host.vfs.list(pf, { withStatistics: true });
  assert.deepEqual(
    all.map((vf) => [vf.index, vf.attributes?.mac, vf.statistics?.receivePackets]),
    [
      [0, "00:00:00:00:00:00", 0],
      [1, MAC, 0],
      [2, "00:00:00:00:00:00", 0],
    ],
  );
  assert.deepEqual(all[2]?.attributes, untouched);
  for (const settings of [
    { vlan: { id: 7, qos: 0, protocol: "802.1Q" } },
    { isSpoofChecked: false, isTrusted: false, canQueryRss: false, linkState: "enable" },
  ] as const) {
    await host.vfs.set(pf, 1, settings);
    assert.partialDeepStrictEqual((await host.vfs.get(pf, 1)).attributes, settings);
  }
  // The limit alone leaves the guarantee.
  await host.vfs.set(pf, 1, { rate: { max: 300_000_000 } });
  assert.deepEqual((await host.vfs.get(pf, 1)).attributes?.rate, { min: 50_000_000, max: 300_000_000 });
});

test("what netdevsim does not set is refused, and a VF it does not have", PATIENCE, async () => {
  using device = new Netdevsim(DEVICE);
  device.vfCount = 2;
  const { index: pf } = await host.links.get(device.linkNames[0] as string);
  for (const settings of [
    { nodeGuid: "00:11:22:33:44:55:66:77" },
    { portGuid: "00:11:22:33:44:55:66:77" },
  ] satisfies VfSettings[]) {
    await assert.rejects(host.vfs.set(pf, 0, settings), { errno: EOPNOTSUPP });
  }
  await assert.rejects(host.vfs.set(pf, 2, { isTrusted: true }), {
    errno: EINVAL,
    message: new RegExp(`set the trust of VF 2 of link ${pf} in .*: link ${pf} has no VF 2`),
  });
  await assert.rejects(host.vfs.get(pf, 2), { code: "not-found" });
  // The loopback has no VFs and cannot have any.
  assert.deepEqual(await host.vfs.list(1), []);
  await assert.rejects(host.vfs.set(1, 0, { isTrusted: true }), { errno: EOPNOTSUPP });
  // Two VFs in one trip: the second refusal leaves the first set, and says whose it is.
  const both = [0, 2].map((vf) => host.vfs.prepareSet(pf, vf, { isTrusted: true }));
  await assert.rejects(kernel.perform(both), { message: /set the trust of VF 2/ });
  assert.equal((await host.vfs.get(pf, 0)).attributes?.isTrusted, true);
});

test("no VF is lost where their list is longer than its length can say", PATIENCE, async () => {
  using watched = new WatchedVfs();
  using device = new Netdevsim(DEVICE);
  const { index: pf } = await host.links.get(device.linkNames[0] as string);
  // The first numbers for which 16 bits do not hold the length, with counters and without, and what lies around them.
  for (const count of [221, 222, 256, 334, 335, 1000]) {
    device.vfCount = count;
    const last = count - 1;
    await host.vfs.set(pf, last, { mac: MAC, linkState: "enable" });
    for (const withStatistics of [true, false]) {
      const vfs = await watched.vfs.list(pf, { withStatistics });
      const perVf = withStatistics ? 296 : 196;
      assert.ok(watched.longest > count * perVf, `${count} VFs came in ${watched.longest} bytes`);
      assert.equal(watched.requests, 1, `${count} VFs took one question`);
      assert.equal(vfs.length, count);
      for (const [index, vf] of vfs.entries()) {
        assert.equal(vf.index, index);
        assert.equal(vf.attributes?.mac, index === last ? MAC : "00:00:00:00:00:00");
        assert.equal(vf.attributes.linkState, index === last ? "enable" : "auto");
        assert.equal(vf.statistics !== undefined, withStatistics);
      }
      watched.forget();
    }
  }
});

test("in switchdev mode a PF takes no rates, and a representor only counts the VFs", PATIENCE, async () => {
  using device = new Netdevsim(DEVICE);
  device.vfCount = 2;
  const [port] = device.linkNames;
  await host.devlink.eswitches.set(device.devlinkName, { mode: "switchdev" });
  const { index: pf } = await host.links.get(port as string);
  await host.vfs.set(pf, 1, { mac: MAC });
  await assert.rejects(host.vfs.set(pf, 1, { rate: { max: 100_000_000 } }), {
    errno: EOPNOTSUPP,
    message: /set the rate of VF 1 of link \d+ in .*, or its driver does not set this for them now/,
  });
  const representor = device.linkNames.find((name) => name !== port) as string;
  const unknown = { attributes: undefined, statistics: undefined, pciAddress: undefined };
  assert.deepEqual(await host.vfs.list((await host.links.get(representor)).index), [
    { index: 0, ...unknown },
    { index: 1, ...unknown },
  ]);
});

test("every setting igb knows reads back, and the others are refused", PATIENCE, async (t) => {
  const { index: pf } = await host.links.get("eth0");
  const far = await host.links.get("eth1");
  const address = (await readNetDevice("/sys", "eth0")).pciAddress as string;
  await host.links.set(pf, { isUp: false });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => kernel.pci.setVfCount(address, 0));
  // Making VFs takes more than a second, so that all share them.
  await kernel.pci.setVfCount(address, 2, false);
  const functions = (await kernel.pci.get(address)).sriov?.vfs as [string, string];

  const reads = async (settings: VfSettings) => {
    await host.vfs.set(pf, 1, settings);
    assert.partialDeepStrictEqual((await host.vfs.get(pf, 1)).attributes, settings);
  };
  const refuses = async (settings: VfSettings, errno: number, message: RegExp) => {
    const before = await host.vfs.list(pf);
    await assert.rejects(host.vfs.set(pf, 1, settings), { errno, message });
    assert.deepEqual(await host.vfs.list(pf), before);
  };

  await t.test("MAC address, VLAN, spoof check and trust", async () => {
    for (const settings of [
      { mac: MAC },
      { vlan: { id: 100, qos: 3, protocol: "802.1Q" } },
      { vlan: { id: 0, qos: 0 } },
      { isSpoofChecked: false },
      { isSpoofChecked: true },
      { isTrusted: true },
      { isTrusted: false },
      { vlan: { id: 4095, qos: 7 }, isTrusted: true, isSpoofChecked: false },
    ] satisfies VfSettings[]) {
      await reads(settings);
    }
    assert.equal((await host.vfs.get(pf, 1)).attributes?.canQueryRss, undefined);
    assert.equal((await host.vfs.get(pf, 0)).attributes?.mac, "00:00:00:00:00:00");
    // igb counts nothing for its VFs (there is no ndo_get_vf_stats), and the kernel tells of zeros.
    const { statistics } = await host.vfs.get(pf, 1, { withStatistics: true });
    assert.deepEqual([...new Set(Object.values(statistics ?? {}))], [0]);
  });

  await t.test("what igb does not take", async () => {
    await refuses(
      { vlan: { id: 100, protocol: "802.1ad" } },
      EPROTONOSUPPORT,
      /the driver of link \d+ knows no VLANs of 802.1ad for VFs \(EPROTONOSUPPORT\)/,
    );
    const unsupported = /link \d+ has no VFs, or its driver does not set this for them now \(EOPNOTSUPP\)/;
    for (const settings of [
      { linkState: "enable" },
      { canQueryRss: true },
      { nodeGuid: "00:11:22:33:44:55:66:77" },
      { portGuid: "00:11:22:33:44:55:66:77" },
    ] satisfies VfSettings[]) {
      await refuses(settings, EOPNOTSUPP, unsupported);
    }
    await refuses({ rate: { max: 100_000_000 } }, EINVAL, /some want the link to be up/);
    await assert.rejects(host.vfs.set(pf, 2, { mac: MAC }), { errno: EINVAL, message: /has no VF 2/ });
  });

  await t.test("a refused setting leaves set what the kernel sets before it", async () => {
    await reads({ isSpoofChecked: false, isTrusted: false });
    await assert.rejects(
      host.vfs.set(pf, 1, { isSpoofChecked: true, linkState: "enable", isTrusted: true }),
      {
        errno: EOPNOTSUPP,
        message: /set the spoof check, trust, and link state of VF 1/,
      },
    );
    const { attributes } = await host.vfs.get(pf, 1);
    assert.deepEqual([attributes?.isSpoofChecked, attributes?.isTrusted], [true, false]);
  });

  await t.test("the rate, while the link is up", async () => {
    const carrier = nextEvent(kernel.linkEvents, "the carrier of eth0", ({ change, link }) => {
      return change === "present" && link.index === pf && link.hasCarrier;
    });
    for (const index of [far.index, pf]) await host.links.set(index, { isUp: true });
    await carrier;
    await reads({ rate: { min: 0, max: 100_000_000 } });
    await host.vfs.set(pf, 1, { rate: { max: 200_000_000 } });
    assert.deepEqual((await host.vfs.get(pf, 1)).attributes?.rate, { min: 0, max: 200_000_000 });
    await refuses({ rate: { min: 50_000_000, max: 200_000_000 } }, EINVAL, /some guarantee no lowest rate/);
    await refuses({ rate: { max: 2_000_000_000 } }, EINVAL, /up and faster than that \(EINVAL\)/);
    await reads({ rate: { min: 0, max: 0 } });
  });

  await t.test("a VF has the MAC address that its PF gave it once its driver comes", async () => {
    await reads({ mac: MAC });
    await kernel.pci.bind(functions[1], "igbvf");
    const macOfVf = async () => {
      const [name] = (await kernel.pci.get(functions[1])).links;
      return (await host.links.get(name as string)).mac;
    };
    assert.equal(await macOfVf(), MAC);
    await reads({ mac: "02:00:00:00:bb:02" });
    assert.equal(await macOfVf(), MAC);
    await kernel.pci.bind(functions[1], "igbvf");
    assert.equal(await macOfVf(), "02:00:00:00:bb:02");
  });

  await t.test("where the kernel tells of no VFs, sysfs knows them", async () => {
    using watched = new WatchedVfs({ refusesVfs: true });
    const unknown = { attributes: undefined, statistics: undefined };
    assert.deepEqual(await watched.vfs.list(pf, { withStatistics: true }), [
      { index: 0, ...unknown, pciAddress: functions[0] },
      { index: 1, ...unknown, pciAddress: functions[1] },
    ]);
    assert.equal(watched.requests, 3);
  });
});

/**
 * The VFs of the guest's own namespace, asked for without workers. With `refusesVfs`, requests that ask for VFs are
 * answered as if they did not fit: no kernel that the lab has does that.
 */
class WatchedVfs implements JobRunner, Disposable {
  readonly vfs: Vfs;
  requests = 0;
  /** Bytes of the longest answer. */
  longest = 0;
  readonly #socket = openRequestSocket(NETLINK_ROUTE);
  readonly #buffer = new ReceiveBuffer();
  readonly #refusesVfs: boolean;

  constructor({ refusesVfs = false } = {}) {
    this.#refusesVfs = refusesVfs;
    const place = { keyPrefix: "guest", enter: () => ({ fd: undefined, leave: () => {} }) };
    const counts = { requests: 0, errors: 0, interruptedDumps: 0 };
    this.vfs = new Vfs(new NetlinkClient(this, NETLINK_ROUTE, place, counts), "the guest");
  }

  forget(): void {
    this.requests = 0;
    this.longest = 0;
  }

  async run(tasks: readonly Task[]): Promise<readonly JobResult[]> {
    return tasks.map(({ job }) => {
      if (job.do !== "transact") throw new Error(`reading VFs takes requests, and none to ${job.do}`);
      this.requests += 1;
      if (this.#refusesVfs && asksForVfs(job.request)) return TOO_LONG;
      const answer = exchange(this.#socket, job.request, this.requests, this.#buffer, job.canRepeat);
      for (const piece of answer.pieces) this.longest = Math.max(this.longest, piece.length);
      return { did: "transact", answer };
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const TOO_LONG: JobResult = {
  did: "transact",
  answer: { errno: EMSGSIZE, ack: {}, pieces: [], isInterrupted: false, attempt: 1 },
};

/** IFLA_EXT_MASK is the only attribute, behind struct nlmsghdr and struct ifinfomsg. */
function asksForVfs(request: Uint8Array): boolean {
  return ((request[36] as number) & RTEXT_FILTER_VF) !== 0;
}
