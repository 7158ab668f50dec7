import assert from "node:assert/strict";
import test from "node:test";
import { EINVAL, EOPNOTSUPP } from "../../../../../src/linux/errno.ts";
import { decodeDriverInfo } from "../../../../../src/linux/generic/ethtool/driver-info.ts";
import {
  decodeDriverStatistics,
  decodeSetSize,
} from "../../../../../src/linux/generic/ethtool/driver-statistics.ts";
import { Ethtool } from "../../../../../src/linux/generic/ethtool/ethtool.ts";
import { LinkIoctls } from "../../../../../src/linux/worker/ioctls.ts";
import type { Task } from "../../../../../src/linux/worker/jobs.ts";
import type { JobRunner } from "../../../../../src/linux/worker/pool.ts";
import { InvalidValueError } from "../../../../../src/model/errors.ts";
import type { Recorded, Sent } from "../../route/recorder.ts";
import { assertBytes, bytesOf } from "../../tc/bytes.ts";
import * as captured from "../captured.ts";
import { datagramOf, makeFamilyRecorder } from "../family-recorder.ts";

/** ETHTOOL_A_HEADER_DEV_INDEX 7 inside the header. */
const LINK_7 = "0c00 0180 0800 0100 07000000";

/** An ethtool that speaks to nobody; `ioctl` plays the kernel for structures. */
function makeEthtool({
  answer,
  ioctl = () => ({ errno: EOPNOTSUPP }),
}: {
  readonly answer?: (request: Uint8Array) => Recorded;
  readonly ioctl?: (structure: Uint8Array) => Uint8Array | { readonly errno: number };
} = {}) {
  const recorder = makeFamilyRecorder(answer);
  const tasks: Task[] = [];
  const lanes: string[] = [];
  const runner: JobRunner = {
    run: async (list, { lane }) => {
      lanes.push(lane);
      return list.map((task) => {
        assert.equal(task.job.do, "ioctl");
        tasks.push(task);
        const made = task.job.do === "ioctl" ? ioctl(task.job.structure) : { errno: EINVAL };
        return "errno" in made
          ? { did: "ioctl", errno: made.errno, structure: new Uint8Array() }
          : { did: "ioctl", errno: 0, structure: made };
      });
    },
  };
  const place = { keyPrefix: "blue", enter: () => ({ fd: undefined, leave: () => {} }) };
  const ethtool = new Ethtool(recorder.client, new LinkIoctls(runner, place), "blue");
  return { ethtool, requests: recorder.requests, tasks, lanes };
}

function assertSent(sent: readonly Sent[], key: string | undefined, expected: string): void {
  assert.equal(sent.length, 1);
  const { request, schedule } = sent[0] as Sent;
  assertBytes(request.subarray(4, 8), "2400 0500 # to the family, with NLM_F_ACK");
  assertBytes(request.subarray(16), expected);
  assert.deepEqual(schedule, { lane: "slow", key });
}

test("a link is named by its index or its name", async () => {
  const byIndex = makeEthtool({ answer: () => datagramOf(captured.channels) });
  assert.equal((await byIndex.ethtool.channels.get(7)).combined, 1);
  assertSent(byIndex.requests(), undefined, `11 01 0000 ${LINK_7}`);
  const byName = makeEthtool({ answer: () => datagramOf(captured.channels) });
  await byName.ethtool.channels.get("net1");
  assertSent(byName.requests(), undefined, "11 01 0000 1000 0180 0900 0200 6e65743100 000000");
});

test("what cannot be a link is refused before anything is sent", async () => {
  for (const link of [0, -1, 1.5, ""]) {
    const { ethtool, requests } = makeEthtool();
    await assert.rejects(ethtool.rings.get(link), /link: .* is not usable; expected its index or its name/);
    assert.deepEqual(requests(), []);
  }
});

test("everything is asked by its own message", async () => {
  const asked = async (call: (ethtool: Ethtool) => Promise<unknown>, payload: Uint8Array) => {
    const { ethtool, requests } = makeEthtool({ answer: () => datagramOf(payload) });
    await call(ethtool);
    return requests()[0]?.request[16];
  };
  assert.deepEqual(
    [
      await asked((ethtool) => ethtool.linkModes.port(7), captured.linkInfo),
      await asked((ethtool) => ethtool.linkModes.get(7), captured.linkModes),
      await asked((ethtool) => ethtool.linkState(7), captured.linkState),
      await asked((ethtool) => ethtool.features.get(7), captured.compactFeatures),
      await asked((ethtool) => ethtool.rings.get(7), captured.rings),
      await asked((ethtool) => ethtool.channels.get(7), captured.channels),
      await asked((ethtool) => ethtool.pause(7), captured.pause),
      await asked((ethtool) => ethtool.forwardErrorCorrection(7), captured.fec),
    ],
    [2, 4, 6, 11, 15, 17, 21, 29],
  );
});

test("statistics are asked for by the names of their groups", async () => {
  const { ethtool, requests } = makeEthtool({ answer: () => datagramOf(captured.emptyStatistics) });
  assert.deepEqual(await ethtool.standardStatistics(7), []);
  assertSent(
    requests(),
    undefined,
    `20 01 0000 0c00 0280 0800 0100 07000000            # the header has another number here
    5000 0380 0400 0100 4800 0380                       # ETHTOOL_A_STATS_GROUPS, no mask
      1000 0180 0c00 0200 6574682d706879 00             # "eth-phy"
      1000 0180 0c00 0200 6574682d6d6163 00             # "eth-mac"
      1400 0180 0d00 0200 6574682d6374726c 00 000000    # "eth-ctrl"
      1000 0180 0900 0200 726d6f6e 00 000000            # "rmon"`,
  );
});

test("channels are set", async () => {
  const { ethtool, requests } = makeEthtool();
  await ethtool.channels.set(7, { receive: 1, transmit: 2, other: 3, combined: 4 });
  assertSent(
    requests(),
    "blue/7",
    `12 01 0000 ${LINK_7}
    0800 0600 01000000 0800 0700 02000000 0800 0800 03000000 0800 0900 04000000`,
  );
});

test("rings are set, and what is left out is not spoken of", async () => {
  const { ethtool, requests } = makeEthtool();
  await ethtool.rings.set(7, { receive: 512, transmit: 256 });
  assertSent(requests(), "blue/7", `10 01 0000 ${LINK_7} 0800 0600 00020000 0800 0900 00010000`);
});

test("every ring has its number", async () => {
  const { ethtool, requests } = makeEthtool();
  await ethtool.rings.set(7, { receiveMini: 1, receiveJumbo: 2 });
  assertSent(requests(), "blue/7", `10 01 0000 ${LINK_7} 0800 0700 01000000 0800 0800 02000000`);
});

test("features are switched by name", async () => {
  const { ethtool, requests } = makeEthtool({ answer: () => datagramOf(captured.featureChange) });
  const change = await ethtool.features.set(7, { "rx-gro": false, highdma: true });
  assert.deepEqual(change, { refused: ["highdma"], changed: { "rx-gro": false } });
  assertSent(
    requests(),
    "blue/7",
    `0c 01 0000 ${LINK_7}
    2c00 0380 2800 0380                                # ETHTOOL_A_FEATURES_WANTED
      1000 0180 0b00 0200 72782d67726f00 00            # "rx-gro" off
      1400 0180 0c00 0200 68696768646d6100 0400 0300   # "highdma" on`,
  );
});

test("switching that is answered by nothing has changed nothing", async () => {
  const { ethtool } = makeEthtool();
  assert.deepEqual(await ethtool.features.set(7, {}), { refused: [], changed: {} });
});

test("link modes are set, the speed in whole megabits", async () => {
  const { ethtool, requests } = makeEthtool();
  const advertised = { TP: true };
  await ethtool.linkModes.set(7, {
    speed: 100e6,
    duplex: "half",
    isNegotiating: false,
    lanes: 2,
    advertised,
  });
  assertSent(
    requests(),
    "blue/7",
    `05 01 0000 ${LINK_7}
    0500 0200 00 000000                                              # ETHTOOL_A_LINKMODES_AUTONEG
    1800 0380 1400 0380 1000 0180 0700 0200 545000 00 0400 0300      # ETHTOOL_A_LINKMODES_OURS: "TP" on
    0800 0500 64000000                                               # ETHTOOL_A_LINKMODES_SPEED: 100 Mbit/s
    0500 0600 00 000000                                              # ETHTOOL_A_LINKMODES_DUPLEX
    0800 0900 02000000                                               # ETHTOOL_A_LINKMODES_LANES`,
  );
});

test("what cannot be set is refused before anything is sent", async () => {
  const calls: readonly [(ethtool: Ethtool) => Promise<unknown>, RegExp][] = [
    [({ channels }) => channels.set(7, { combined: -1 }), /combined channels: -1 is not usable/],
    [({ rings }) => rings.set(7, { receive: 2 ** 32 }), /receive ring: 4294967296 is not usable/],
    [
      ({ linkModes }) => linkModes.set(7, { speed: 100 }),
      /speed: 100 is not usable; expected bits per second/,
    ],
    [({ linkModes }) => linkModes.set(7, { speed: 0 }), /speed: 0 is not usable/],
    [
      ({ linkModes }) => linkModes.set(7, { duplex: "both" as unknown as "full" }),
      /duplex: "both" is not usable/,
    ],
  ];
  for (const [call, message] of calls) {
    const { ethtool, requests } = makeEthtool();
    await assert.rejects(call(ethtool), (error) => {
      assert.ok(error instanceof InvalidValueError);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(requests(), []);
  }
});

test("what a driver does not offer is said in words", async () => {
  const { ethtool } = makeEthtool({ answer: () => ({ errno: EOPNOTSUPP }) });
  await assert.rejects(ethtool.channels.get("net1"), {
    message: "read the channels of link net1 in blue: the link's driver offers no channels (EOPNOTSUPP)",
  });
  await assert.rejects(ethtool.driver(7), {
    message:
      "read the driver of link 7 in blue: the link's driver offers no information about itself (EOPNOTSUPP)",
  });
});

test("an answer that cannot be read is an error", async () => {
  const { ethtool } = makeEthtool({ answer: () => datagramOf() });
  await assert.rejects(ethtool.channels.get(7), {
    message: "read the channels of link 7 in blue: the answer is not readable",
  });
});

/** struct ethtool_drvinfo as the kernel fills it for igb. */
function driverInfo(structure: Uint8Array): Uint8Array {
  const filled = structure.slice();
  for (const [at, text] of [
    [4, "igb"],
    [36, "6.12.0"],
    [68, "2.1.0"],
    [100, "0000:01:00.0"],
  ] as const) {
    filled.set(Buffer.from(text), at);
  }
  return filled;
}

test("the driver is asked for by a structure of its own", async () => {
  const { ethtool, tasks, lanes } = makeEthtool({ ioctl: driverInfo });
  assert.deepEqual(await ethtool.driver(7), {
    driver: "igb",
    version: "6.12.0",
    firmware: "2.1.0",
    bus: "0000:01:00.0",
  });
  const job = tasks[0]?.job;
  assert.ok(job?.do === "ioctl");
  assert.deepEqual([job.code, job.link, job.spare, job.structure.length], [0x8946, 7, 0, 196]);
  assertBytes(job.structure.subarray(0, 8), "03000000 00000000 # ETHTOOL_GDRVINFO");
  assert.deepEqual(lanes, ["slow"]);
});

/** A driver with these counters, of which it has another number each time it is asked how many. */
function makeDriver(...sizes: readonly (readonly [string, bigint][])[]) {
  const left = [...sizes];
  let counters = left[0] ?? [];
  return (structure: Uint8Array): Uint8Array => {
    const filled = structure.slice();
    const view = new DataView(filled.buffer);
    switch (view.getUint32(0, true)) {
      case 0x37: {
        assertBytes(structure, "37000000 00000000 0200000000000000 00000000 # the set 1");
        const said = left.shift() ?? counters;
        if (said.length === 0) view.setBigUint64(8, 0n, true);
        view.setUint32(16, said.length, true);
        counters = left[0] ?? said;
        break;
      }
      case 0x1b:
        view.setUint32(8, counters.length, true);
        counters.forEach(([name], at) => {
          if (12 + at * 32 < filled.length) filled.set(Buffer.from(name), 12 + at * 32);
        });
        break;
      case 0x1d:
        view.setUint32(4, counters.length, true);
        counters.forEach(([, value], at) => {
          if (8 + at * 8 < filled.length) view.setBigUint64(8 + at * 8, value, true);
        });
        break;
    }
    return filled;
  };
}

test("a driver's own counters are read by its own names, in two trips", async () => {
  const ioctl = makeDriver([
    ["rx_packets", 7n],
    ["tx_queue_0_bytes", 2n ** 40n],
  ]);
  const { ethtool, tasks, lanes } = makeEthtool({ ioctl });
  assert.deepEqual(await ethtool.driverStatistics("eth0"), { rx_packets: 7, tx_queue_0_bytes: 2 ** 40 });
  const structures = tasks.map(({ job }) => (job.do === "ioctl" ? job.structure : new Uint8Array()));
  assert.deepEqual(
    structures.map(({ length }) => length),
    [20, 12 + 2 * 32, 8 + 2 * 8],
  );
  assertBytes(structures[1]?.subarray(0, 12) ?? new Uint8Array(), "1b000000 01000000 02000000");
  assertBytes(structures[2]?.subarray(0, 8) ?? new Uint8Array(), "1d000000 02000000");
  assert.equal(lanes.length, 2);
});

test("there is room for counters that come while they are read", async () => {
  const { ethtool, tasks } = makeEthtool({ ioctl: makeDriver([["rx_packets", 7n]]) });
  await ethtool.driverStatistics(7);
  const spares = tasks.map(({ job }) => (job.do === "ioctl" ? job.spare : 0));
  assert.ok(spares.slice(1).every((spare) => spare >= 16_384 * 32));
});

test("counters whose number changed while they were read are read again", async () => {
  const one = [["rx_packets", 7n]] as [string, bigint][];
  const two = [...one, ["tx_packets", 8n]] as [string, bigint][];
  const { ethtool } = makeEthtool({ ioctl: makeDriver(one, two) });
  assert.deepEqual(await ethtool.driverStatistics(7), { rx_packets: 7, tx_packets: 8 });
});

test("a number of counters that never stays is an error", async () => {
  const names = Array.from({ length: 9 }, (_, at) => [`counter_${at}`, 0n] as [string, bigint]);
  const growing = names.map((_, at) => names.slice(0, at + 1));
  const { ethtool } = makeEthtool({ ioctl: makeDriver(...growing) });
  await assert.rejects(ethtool.driverStatistics(7), /their number keeps changing/);
});

test("a driver without counters of its own has none", async () => {
  const { ethtool, tasks } = makeEthtool({ ioctl: makeDriver([]) });
  assert.deepEqual(await ethtool.driverStatistics(7), {});
  assert.equal(tasks.length, 1);
});

test("a name that no ioctl can hold is refused before anything is asked", async () => {
  const { ethtool, tasks } = makeEthtool({ ioctl: driverInfo });
  await assert.rejects(ethtool.driver("a-link-with-another-name"), /a name of at most 15 bytes/);
  assert.equal(tasks.length, 0);
  await ethtool.driver("fifteen-letters");
  assert.equal(tasks.length, 1);
});

test("structures that are too short or do not fit each other are not read", () => {
  assert.equal(decodeSetSize(bytesOf("37000000 00000000 0200000000000000")), 0);
  // The set is no longer in the mask: what stands behind it is nothing.
  assert.equal(decodeSetSize(bytesOf("37000000 00000000 0000000000000000 09000000")), 0);
  assert.equal(decodeSetSize(bytesOf("37000000 00000000 0200000000000000 09000000")), 9);
  assert.deepEqual(decodeDriverInfo(bytesOf("03000000 696762")), {
    driver: "igb",
    version: "",
    firmware: "",
    bus: "",
  });
  const names = bytesOf(`1b000000 01000000 01000000 ${"61".repeat(32)}`);
  const values = bytesOf("1d000000 01000000 0700000000000000");
  assert.deepEqual(decodeDriverStatistics(names, values), { ["a".repeat(32)]: 7 });
  assert.equal(decodeDriverStatistics(names.subarray(0, 11), values), undefined);
  assert.equal(decodeDriverStatistics(names, values.subarray(0, 15)), undefined);
  const huge = bytesOf("1b000000 01000000 ffffffff");
  assert.equal(decodeDriverStatistics(huge, bytesOf("1d000000 ffffffff")), undefined);
});
