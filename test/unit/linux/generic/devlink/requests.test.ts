import assert from "node:assert/strict";
import test from "node:test";
import { ENODEV, EOPNOTSUPP } from "../../../../../src/linux/errno.ts";
import { Devlink } from "../../../../../src/linux/generic/devlink/devlink.ts";
import { InvalidValueError } from "../../../../../src/model/errors.ts";
import type { Recorded, Sent } from "../../route/recorder.ts";
import { assertBytes } from "../../tc/bytes.ts";
import * as captured from "../captured.ts";
import { datagramOf, makeFamilyRecorder } from "../family-recorder.ts";

const DEVICE = "pci/0000:86:00.0";
/** DEVLINK_ATTR_BUS_NAME "pci" and DEVLINK_ATTR_DEV_NAME "0000:86:00.0". */
const HANDLE = "0800 0100 70636900 1100 0200 303030303a38363a30302e30 00 000000";

function makeDevlink(answer?: (request: Uint8Array) => Recorded) {
  const recorder = makeFamilyRecorder(answer);
  return { devlink: new Devlink(recorder.client, "blue"), requests: recorder.requests };
}

/** Asserts what a request says behind the message's flags, and how it is done. */
function assertChange(sent: readonly Sent[], command: string, attributes: string): void {
  assert.equal(sent.length, 1);
  const { request, schedule } = sent[0] as Sent;
  assertBytes(request.subarray(4, 8), "2400 0500 # to the family, with NLM_F_ACK");
  assertBytes(request.subarray(16), `${command} 01 0000 ${HANDLE}\n${attributes}`);
  assert.deepEqual(schedule, { lane: "slow", key: `blue/${DEVICE}` });
}

/** Asserts that the kernel is not asked for what cannot be. */
async function assertRefused(call: (devlink: Devlink) => Promise<unknown>, message: RegExp): Promise<void> {
  const { devlink, requests } = makeDevlink();
  await assert.rejects(call(devlink), (error) => {
    assert.ok(error instanceof InvalidValueError);
    assert.match(error.message, message);
    return true;
  });
  assert.deepEqual(requests(), []);
}

test("one device is asked for, and a port by the device and its index", async () => {
  const { devlink, requests } = makeDevlink(() => datagramOf(captured.vfPort));
  assert.equal((await devlink.ports.get(DEVICE, 128)).linkName, "eth3");
  const [sent] = requests();
  assertBytes(
    sent?.request.subarray(16) ?? new Uint8Array(),
    `05 01 0000 ${HANDLE}
    0800 0300 80000000 # DEVLINK_ATTR_PORT_INDEX`,
  );
  assert.deepEqual(sent?.schedule, { lane: "slow", key: undefined });
});

test("everything is asked for by its own command, one and all", async () => {
  const commandOf = async (call: (devlink: Devlink) => Promise<unknown>, payload: Uint8Array) => {
    const { devlink, requests } = makeDevlink(() => datagramOf(payload));
    await call(devlink);
    return requests()[0]?.request[16];
  };
  const reporter = { device: DEVICE, name: "tx" };
  const asked = [
    await commandOf(({ devices }) => devices.list(), captured.device),
    await commandOf(({ devices }) => devices.get(DEVICE), captured.device),
    await commandOf(({ devices }) => devices.info(DEVICE), captured.info),
    await commandOf(({ eswitches }) => eswitches.get(DEVICE), captured.eswitch),
    await commandOf(({ ports }) => ports.list(), captured.vfPort),
    await commandOf(({ rates }) => rates.get(DEVICE, { port: 1 }), captured.rateLeaf),
    await commandOf(({ health }) => health.list(), captured.healthyReporter),
    await commandOf(({ health }) => health.get(reporter), captured.healthyReporter),
    await commandOf(({ parameters }) => parameters.list(), captured.flagParameter),
  ];
  assert.deepEqual(asked, [1, 1, 51, 29, 5, 74, 52, 52, 38]);
});

test("a table is asked for as a whole, or of one device, also of a kernel that then gives all", async () => {
  const { devlink, requests } = makeDevlink(() => datagramOf(captured.rateNode, captured.rateLeaf));
  assert.equal((await devlink.rates.list()).length, 2);
  assert.equal((await devlink.rates.list("netdevsim/netdevsim10")).length, 2);
  assert.deepEqual(await devlink.rates.list(DEVICE), []);
  const [all, , one] = requests();
  assertBytes(all?.request.subarray(4) ?? new Uint8Array(), "2400 0103 00000000 00000000 4a010000");
  assertBytes(one?.request.subarray(16) ?? new Uint8Array(), `4a 01 0000 ${HANDLE}`);
});

test("a device that is not there is found as undefined, and is an error where it is needed", async () => {
  const { devlink } = makeDevlink(() => ({ errno: ENODEV }));
  assert.equal(await devlink.devices.find(DEVICE), undefined);
  await assert.rejects(devlink.devices.get(DEVICE), {
    message: `get the devlink device ${DEVICE} in blue: no such devlink device there (ENODEV)`,
  });
  await assert.rejects(
    devlink.ports.get(DEVICE, 9),
    /get port 9 of .*: no such devlink device or port there/,
  );
  await assert.rejects(
    devlink.rates.get(DEVICE, { node: "gold" }),
    /no such devlink device, port or rate node/,
  );
});

test("another refusal is no missing device", async () => {
  const { devlink } = makeDevlink(() => ({ errno: EOPNOTSUPP }));
  await assert.rejects(devlink.devices.find(DEVICE), /the device's driver does not offer this/);
  await assert.rejects(devlink.eswitches.get(DEVICE), /has no eswitch/);
});

test("an answer that cannot be read is an error, not an empty object", async () => {
  const { devlink } = makeDevlink(() => datagramOf());
  await assert.rejects(devlink.devices.info(DEVICE), {
    code: "kernel",
    message: `read what the driver tells of ${DEVICE} in blue: the answer is not readable`,
  });
});

test("an eswitch's modes are set in one message", async () => {
  const { devlink, requests } = makeDevlink();
  await devlink.eswitches.set(DEVICE, { mode: "switchdev", inlineMode: "transport", encapMode: "basic" });
  assertChange(
    requests(),
    "1e",
    `0600 1900 0100 0000 # DEVLINK_ATTR_ESWITCH_MODE switchdev
    0500 1a00 03 000000 # DEVLINK_ATTR_ESWITCH_INLINE_MODE transport
    0500 3e00 01 000000 # DEVLINK_ATTR_ESWITCH_ENCAP_MODE basic`,
  );
});

test("the address of the function behind a port is set", async () => {
  const { devlink, requests } = makeDevlink();
  await devlink.ports.setFunctionMac(DEVICE, 128, "02:00:00:00:00:0A");
  assertChange(
    requests(),
    "06",
    `0800 0300 80000000                    # DEVLINK_ATTR_PORT_INDEX
    1000 9180 0a00 0100 02000000000a 0000 # DEVLINK_ATTR_PORT_FUNCTION, in it the address`,
  );
});

test("a node is made with its rates in bytes per second", async () => {
  const { devlink, requests } = makeDevlink();
  await devlink.rates.addNode(DEVICE, "gold", { txShare: 10e6, txMax: 400e9 });
  assertChange(
    requests(),
    "4c",
    `0900 a800 676f6c64 00 000000  # DEVLINK_ATTR_RATE_NODE_NAME "gold"
    0c00 a600 d012130000000000    # DEVLINK_ATTR_RATE_TX_SHARE: 1,250,000
    0c00 a700 00743ba40b000000    # DEVLINK_ATTR_RATE_TX_MAX: 50,000,000,000`,
  );
});

test("the rates of the function behind a port are set, with the node it hangs under", async () => {
  const { devlink, requests } = makeDevlink();
  const settings = { txMax: 50e6, txPriority: 3, txWeight: 20, parent: "gold" };
  await devlink.rates.set(DEVICE, { port: 128 }, settings);
  assertChange(
    requests(),
    "4b",
    `0800 0300 80000000          # DEVLINK_ATTR_PORT_INDEX
    0c00 a700 105e5f0000000000  # DEVLINK_ATTR_RATE_TX_MAX: 6,250,000
    0800 b100 03000000          # DEVLINK_ATTR_RATE_TX_PRIORITY
    0800 b200 14000000          # DEVLINK_ATTR_RATE_TX_WEIGHT
    0900 a900 676f6c64 00 000000 # DEVLINK_ATTR_RATE_PARENT_NODE_NAME`,
  );
});

test("no parent is an empty name, and a limit below a byte is not none", async () => {
  const { devlink, requests } = makeDevlink();
  await devlink.rates.set(DEVICE, { node: "gold" }, { txMax: 1, parent: null });
  assertChange(
    requests(),
    "4b",
    `0900 a800 676f6c64 00 000000 # DEVLINK_ATTR_RATE_NODE_NAME
    0c00 a700 0100000000000000   # DEVLINK_ATTR_RATE_TX_MAX: 1
    0500 a900 00 000000          # DEVLINK_ATTR_RATE_PARENT_NODE_NAME ""`,
  );
});

test("a node is deleted by its name", async () => {
  const { devlink, requests } = makeDevlink();
  await devlink.rates.deleteNode(DEVICE, "gold");
  assertChange(requests(), "4d", "0900 a800 676f6c64 00 000000");
});

test("a reporter is set, recovered and tested by its name, and a port's with the port", async () => {
  const reporter = { device: DEVICE, name: "tx" };
  const settings = { gracePeriod: 500, isAutoRecovering: false, isAutoDumping: true };
  const setting = makeDevlink();
  await setting.devlink.health.set(reporter, settings);
  assertChange(
    setting.requests(),
    "35",
    `0700 7300 747800 00        # DEVLINK_ATTR_HEALTH_REPORTER_NAME "tx"
    0c00 7800 f401000000000000 # DEVLINK_ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD: 500 ms
    0500 7900 00 000000        # DEVLINK_ATTR_HEALTH_REPORTER_AUTO_RECOVER
    0500 8d00 01 000000        # DEVLINK_ATTR_HEALTH_REPORTER_AUTO_DUMP`,
  );
  const recovering = makeDevlink();
  await recovering.devlink.health.recover({ ...reporter, port: 1 });
  assertChange(recovering.requests(), "36", "0800 0300 01000000 0700 7300 747800 00");
  const testing = makeDevlink();
  await testing.devlink.health.test(reporter);
  assertChange(testing.requests(), "49", "0700 7300 747800 00");
});

test("values of every type are set", async () => {
  const cases = [
    ["u8", 7, "01", "0500 5600 07 000000"],
    ["u16", 0x0201, "02", "0600 5600 0102 0000"],
    ["u32", 7, "03", "0800 5600 07000000"],
    ["u64", 7, "04", "0c00 5600 0700000000000000"],
    ["u64", 2n ** 64n - 1n, "04", "0c00 5600 ffffffffffffffff"],
    ["string", "hi", "05", "0700 5600 686900 00"],
    ["bool", true, "06", "0400 5600"],
    ["bool", false, "06", ""],
  ] as const;
  for (const [type, value, number, bytes] of cases) {
    const { devlink, requests } = makeDevlink();
    await devlink.parameters.set(DEVICE, { name: "p", value, mode: "permanent", type });
    assertChange(
      requests(),
      "27",
      `0600 5100 7000 0000        # DEVLINK_ATTR_PARAM_NAME "p"
      0500 5700 02 000000        # DEVLINK_ATTR_PARAM_VALUE_CMODE permanent
      0500 5300 ${number} 000000 # DEVLINK_ATTR_PARAM_TYPE
      ${bytes}`,
    );
  }
});

test("a parameter of unknown type is asked for first", async () => {
  const { devlink, requests } = makeDevlink(() => datagramOf(captured.numberParameter));
  await devlink.parameters.set(DEVICE, { name: "max_macs", value: 16, mode: "driverinit" });
  const [asked, set] = requests();
  assertBytes(
    asked?.request.subarray(16) ?? new Uint8Array(),
    `26 01 0000 ${HANDLE} 0d00 5100 6d61785f6d616373 00 000000 # DEVLINK_ATTR_PARAM_NAME "max_macs"`,
  );
  assertBytes(set?.request.subarray(-16) ?? new Uint8Array(), "0500 5300 03 000000 0800 5600 10000000");
  const tooLarge = { name: "max_macs", value: 2 ** 32, mode: "driverinit" } as const;
  await assert.rejects(devlink.parameters.set(DEVICE, tooLarge), /a whole number from 0 to 4294967295/);
  assert.equal(requests().length, 3);
});

test("a reload says what is to be done, and where to", async () => {
  const { devlink, requests } = makeDevlink(() => datagramOf(captured.reload));
  const done = await devlink.devices.reload(DEVICE, { limit: "no_reset", namespaceFd: 33 });
  assert.deepEqual(done, ["driver_reinit"]);
  assertChange(
    requests(),
    "25",
    `0500 9900 01 000000         # DEVLINK_ATTR_RELOAD_ACTION driver_reinit
    0c00 9b00 02000000 02000000 # DEVLINK_ATTR_RELOAD_LIMITS: the bit of no_reset, and that it is meant
    0800 8a00 21000000          # DEVLINK_ATTR_NETNS_FD`,
  );
});

test("a reload that tells nothing has done nothing that is known", async () => {
  const { devlink } = makeDevlink();
  assert.deepEqual(await devlink.devices.reload(DEVICE, { action: "fw_activate" }), []);
});

test("what cannot be is refused before anything is sent", async () => {
  const expected =
    /devlink device: "eth0" is not usable; expected a bus and a name, such as pci\/0000:86:00\.0/;
  await assertRefused(({ devices }) => devices.get("eth0"), expected);
  for (const device of ["", "pci/", "/x", "pci/a/b", "pci/a b", "pci/a\0", "pci/\u00e4"]) {
    await assertRefused(({ ports }) => ports.list(device), /devlink device/);
  }
  for (const node of ["", "12", "a b", "a/b"]) {
    await assertRefused(({ rates }) => rates.addNode(DEVICE, node), /devlink rate node/);
    await assertRefused(({ rates }) => rates.set(DEVICE, { port: 1 }, { parent: node }), /devlink rate node/);
  }
  for (const txMax of [-1, 0.5, Number.NaN, 2 ** 53]) {
    await assertRefused(
      ({ rates }) => rates.set(DEVICE, { port: 1 }, { txMax }),
      /txMax: .* bits per second/,
    );
  }
  await assertRefused(({ rates }) => rates.set(DEVICE, { port: 1 }, { txWeight: -1 }), /txWeight/);
  await assertRefused(({ ports }) => ports.setFunctionMac(DEVICE, 1, "02:00"), /MAC address/);
  await assertRefused(
    ({ health }) => health.set({ device: DEVICE, name: "tx" }, { gracePeriod: -1 }),
    /gracePeriod/,
  );
  const mode = "switch" as unknown as "switchdev";
  await assertRefused(
    ({ eswitches }) => eswitches.set(DEVICE, { mode }),
    /eswitch mode: "switch" is not usable/,
  );
});

test("a value of another type than the parameter's is refused before anything is sent", async () => {
  const cases = [
    ["u8", 256],
    ["u16", "7"],
    ["u32", true],
    ["u32", 5n],
    ["u64", -1n],
    ["u64", 2n ** 64n],
    ["string", 7],
    ["bool", 1],
  ] as const;
  for (const [type, value] of cases) {
    const setting = { name: "p", value, mode: "runtime", type } as const;
    await assertRefused(
      ({ parameters }) => parameters.set(DEVICE, setting),
      /pci\/0000:86:00\.0 parameter p: .* is not usable; expected/,
    );
  }
});
