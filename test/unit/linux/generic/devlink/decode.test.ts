import assert from "node:assert/strict";
import test from "node:test";
import { decodeDevice, decodeInfo } from "../../../../../src/linux/generic/devlink/devices.ts";
import { decodeEswitch } from "../../../../../src/linux/generic/devlink/eswitch.ts";
import { decodeHealthReporter } from "../../../../../src/linux/generic/devlink/health.ts";
import { decodeParameter } from "../../../../../src/linux/generic/devlink/parameters.ts";
import { decodePort } from "../../../../../src/linux/generic/devlink/ports.ts";
import { decodeRate } from "../../../../../src/linux/generic/devlink/rates.ts";
import { decodeReload } from "../../../../../src/linux/generic/devlink/reload.ts";
import { bytesOf } from "../../tc/bytes.ts";
import * as captured from "../captured.ts";

const DEVICE = "netdevsim/netdevsim10";

/** struct genlmsghdr, then the device `pci/0`. */
const PCI_DEVICE = "00010000 0800 0100 70636900 0600 0200 3000 0000";

test("a device is read with the counts of its own reloads", () => {
  assert.deepEqual(decodeDevice(captured.device), {
    device: DEVICE,
    hasReloadFailed: false,
    reloads: [{ action: "driver_reinit", limit: "unspecified", count: 0 }],
  });
});

test("a device whose reload failed says so", () => {
  const failed = bytesOf(`${PCI_DEVICE} 0500 8800 01 000000 # DEVLINK_ATTR_RELOAD_FAILED`);
  assert.deepEqual(decodeDevice(failed), { device: "pci/0", hasReloadFailed: true, reloads: [] });
});

test("what the driver tells of a device is read", () => {
  assert.deepEqual(decodeInfo(captured.info), {
    device: DEVICE,
    driver: "netdevsim",
    serialNumber: undefined,
    boardSerialNumber: undefined,
    versions: { fixed: {}, running: { "fw.mgmt": "10.20.30" }, stored: { "fw.mgmt": "10.20.30" } },
  });
});

test("serial numbers and several versions of one kind are read", () => {
  const info = bytesOf(`
    ${PCI_DEVICE}
    0700 6300 413100 00                        # DEVLINK_ATTR_INFO_SERIAL_NUMBER "A1"
    0700 9200 423200 00                        # DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER "B2"
    1400 6480 0700 6700 696400 00 0600 6800 3700 0000 # DEVLINK_ATTR_INFO_VERSION_FIXED: "id" is "7"
    1400 6480 0700 6700 667700 00 0600 6800 3800 0000 # and "fw" is "8"`);
  const decoded = decodeInfo(info);
  assert.deepEqual([decoded?.serialNumber, decoded?.boardSerialNumber], ["A1", "B2"]);
  assert.deepEqual(decoded?.versions.fixed, { id: "7", fw: "8" });
});

test("the mode of an eswitch is read, and modes that are not told are left out", () => {
  assert.deepEqual(decodeEswitch(captured.eswitch), { device: DEVICE, mode: "switchdev" });
  const full = bytesOf(`
    ${PCI_DEVICE}
    0600 1900 0000 0000 # DEVLINK_ATTR_ESWITCH_MODE legacy
    0500 1a00 02 000000 # DEVLINK_ATTR_ESWITCH_INLINE_MODE network
    0500 3e00 07 000000 # DEVLINK_ATTR_ESWITCH_ENCAP_MODE, one no kernel has yet`);
  assert.deepEqual(decodeEswitch(full), {
    device: "pci/0",
    mode: "legacy",
    inlineMode: "network",
    encapMode: 7,
  });
});

test("a port to the wire is read", () => {
  assert.deepEqual(decodePort(captured.uplinkPort), {
    device: DEVICE,
    index: 0,
    type: "eth",
    flavour: "physical",
    portNumber: 1,
    linkIndex: 4,
    linkName: "eth2",
  });
});

test("a VF's port is read with the VF it is for and the link that shows it", () => {
  assert.deepEqual(decodePort(captured.vfPort), {
    device: DEVICE,
    index: 128,
    type: "eth",
    flavour: "pcivf",
    controller: 0,
    pfNumber: 0,
    vfNumber: 0,
    isExternal: false,
    linkIndex: 5,
    linkName: "eth3",
  });
});

test("the function behind a port is read", () => {
  const port = bytesOf(`
    ${PCI_DEVICE}
    0800 0300 07000000                                # DEVLINK_ATTR_PORT_INDEX
    0600 4d00 0700 0000                               # DEVLINK_ATTR_PORT_FLAVOUR pcisf
    0800 a400 58000000                                # DEVLINK_ATTR_PORT_PCI_SF_NUMBER 88
    0500 9500 01 000000                               # DEVLINK_ATTR_PORT_EXTERNAL
    2000 9180                                         # DEVLINK_ATTR_PORT_FUNCTION
      0a00 0100 02000000000a 0000                     # DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR
      0500 0200 01 000000                             # DEVLINK_PORT_FN_ATTR_STATE active
      0500 0300 00 000000                             # DEVLINK_PORT_FN_ATTR_OPSTATE detached`);
  assert.deepEqual(decodePort(port), {
    device: "pci/0",
    index: 7,
    flavour: "pcisf",
    sfNumber: 88,
    isExternal: true,
    function: { mac: "02:00:00:00:00:0a", state: "active", operationalState: "detached" },
  });
});

/** The device `pci/0` with one attribute, whose last bytes are given. */
const withNumber = (attribute: string) => bytesOf(`${PCI_DEVICE} 0800 0300 07000000 ${attribute}`);
const byte = (number: number) => number.toString(16).padStart(2, "0");

test("ports of every flavour and type are read by name, and by number where there is none", () => {
  const flavours = Array.from({ length: 9 }, (_, number) =>
    decodePort(withNumber(`0600 4d00 ${byte(number)}00 0000`)),
  );
  assert.deepEqual(
    flavours.map((port) => port?.flavour),
    ["physical", "cpu", "dsa", "pcipf", "pcivf", "virtual", "unused", "pcisf", 8],
  );
  const types = Array.from({ length: 5 }, (_, number) =>
    decodePort(withNumber(`0600 0400 ${byte(number)}00 0000`)),
  );
  assert.deepEqual(
    types.map((port) => port?.type),
    ["notset", "auto", "eth", "ib", 4],
  );
  const states = [0, 1, 2].map((number) => {
    const nest = `1400 9180 0500 0200 ${byte(number)} 000000 0500 0300 ${byte(number)} 000000`;
    return decodePort(withNumber(nest))?.function;
  });
  assert.deepEqual(states, [
    { state: "inactive", operationalState: "detached" },
    { state: "active", operationalState: "attached" },
    { state: 2, operationalState: 2 },
  ]);
});

test("an InfiniBand port is read with its device", () => {
  const port = decodePort(withNumber("0600 0400 0300 0000 0b00 0800 6d6c78355f3000 00"));
  assert.deepEqual([port?.type, port?.infinibandName], ["ib", "mlx5_0"]);
});

test("every mode of an eswitch is read by name", () => {
  const modesOf = (number: number) =>
    decodeEswitch(
      withNumber(`
      0600 1900 ${byte(number)}00 0000
      0500 1a00 ${byte(number)} 000000
      0500 3e00 ${byte(number)} 000000`),
    );
  const all = [0, 1, 2, 3, 4].map(modesOf);
  assert.deepEqual(
    all.map((eswitch) => eswitch?.mode),
    ["legacy", "switchdev", 2, 3, 4],
  );
  assert.deepEqual(
    all.map((eswitch) => eswitch?.inlineMode),
    ["none", "link", "network", "transport", 4],
  );
  assert.deepEqual(
    all.map((eswitch) => eswitch?.encapMode),
    ["none", "basic", 2, 3, 4],
  );
});

test("rates are read as bits per second, of a node and of the function behind a port", () => {
  assert.deepEqual(decodeRate(captured.rateNode), {
    device: DEVICE,
    node: "gold",
    txShare: 10e6,
    txMax: 100e6,
    txPriority: 0,
    txWeight: 0,
  });
  assert.deepEqual(decodeRate(captured.rateLeaf), {
    device: DEVICE,
    port: 128,
    txShare: 0,
    txMax: 50e6,
    txPriority: 0,
    txWeight: 0,
    parent: "gold",
  });
});

test("a rate that 32 bits do not hold is read, and an old kernel's without priority and weight", () => {
  const rate = bytesOf(`
    ${PCI_DEVICE}
    0800 0300 80000000         # DEVLINK_ATTR_PORT_INDEX 128
    0c00 a700 00743ba40b000000 # DEVLINK_ATTR_RATE_TX_MAX: 50,000,000,000 bytes per second`);
  assert.deepEqual(decodeRate(rate), { device: "pci/0", port: 128, txShare: 0, txMax: 400e9 });
});

test("a health reporter is read, and what it does not offer left out", () => {
  assert.deepEqual(decodeHealthReporter(captured.healthyReporter), {
    device: DEVICE,
    name: "empty",
    state: "healthy",
    errors: 0,
    recoveries: 0,
    isAutoDumping: true,
  });
});

test("a reporter's error is read with the time of its dump in milliseconds", () => {
  assert.deepEqual(decodeHealthReporter(captured.failedReporter), {
    device: DEVICE,
    name: "dummy",
    state: "error",
    errors: 1,
    recoveries: 0,
    gracePeriod: 500,
    isAutoRecovering: false,
    isAutoDumping: true,
    // 0x18ead993f9122033 ns
    dumpedAt: Number(0x18ead993f9122033n / 1_000_000n),
  });
});

test("a port's reporter is read with the port", () => {
  const reporter = bytesOf(`
    ${PCI_DEVICE}
    0800 0300 01000000         # DEVLINK_ATTR_PORT_INDEX 1
    2000 7280                  # DEVLINK_ATTR_HEALTH_REPORTER
      0700 7300 747800 00      # DEVLINK_ATTR_HEALTH_REPORTER_NAME "tx"
      0500 7400 00 000000      # DEVLINK_ATTR_HEALTH_REPORTER_STATE
      0c00 7600 0300000000000000 # DEVLINK_ATTR_HEALTH_REPORTER_RECOVER_COUNT`);
  assert.deepEqual(decodeHealthReporter(reporter), {
    device: "pci/0",
    port: 1,
    name: "tx",
    state: "healthy",
    errors: 0,
    recoveries: 3,
  });
});

test("parameters are read with type and value", () => {
  assert.deepEqual(decodeParameter(captured.numberParameter), {
    device: DEVICE,
    name: "max_macs",
    isGeneric: true,
    type: "u32",
    values: { driverinit: 32 },
  });
  assert.deepEqual(decodeParameter(captured.flagParameter), {
    device: DEVICE,
    name: "test1",
    isGeneric: false,
    type: "bool",
    values: { driverinit: true },
  });
});

/** A parameter "p" of a type, with values given as DEVLINK_ATTR_PARAM_VALUE nests. */
function parameterOf(type: string, ...values: readonly string[]): Uint8Array {
  const hex = (text: string) => text.replace(/[\s]/g, "");
  const nest = (number: string, content: string) => {
    const size = Buffer.alloc(2);
    size.writeUInt16LE(4 + hex(content).length / 2);
    return `${size.toString("hex")}${number}${hex(content)}`;
  };
  const list = nest("5480", values.map((value) => nest("5580", value)).join(""));
  return bytesOf(hex(`${PCI_DEVICE}${nest("5080", `0600 5100 7000 0000 0500 5300 ${type} 000000 ${list}`)}`));
}

test("values of every type and mode are read", () => {
  const mode = (number: string) => `0500 5700 ${number} 000000`;
  const values = (type: string, ...nests: string[]) => decodeParameter(parameterOf(type, ...nests))?.values;
  assert.deepEqual(values("01", `${mode("00")} 0500 5600 07 000000`), { runtime: 7 });
  assert.deepEqual(values("02", `${mode("01")} 0600 5600 0102 0000`), { driverinit: 0x0201 });
  assert.deepEqual(values("04", `${mode("02")} 0c00 5600 0100000000000000`), { permanent: 1 });
  assert.deepEqual(values("04", `${mode("02")} 0c00 5600 ffffffffffffffff`), { permanent: 2n ** 64n - 1n });
  assert.deepEqual(values("05", `${mode("02")} 0700 5600 686900 00`), { permanent: "hi" });
  assert.deepEqual(values("06", mode("00"), `${mode("02")} 0400 5600`), { runtime: false, permanent: true });
});

test("a value of a mode that is not known here is left out, and a parameter of such a type is not read", () => {
  const parameter = parameterOf("01", "0500 5700 09 000000 0500 5600 07 000000");
  assert.deepEqual(decodeParameter(parameter)?.values, {});
  assert.equal(decodeParameter(parameterOf("0b")), undefined);
});

test("what a reload did is read from its bits", () => {
  assert.deepEqual(decodeReload(captured.reload), ["driver_reinit"]);
  const more = bytesOf("25010000 0c00 9a00 0e000000 0e000000");
  assert.deepEqual(decodeReload(more), ["driver_reinit", "fw_activate", 3]);
  assert.deepEqual(decodeReload(bytesOf("25010000")), []);
});

test("a message that does not name what it is about is not read", () => {
  const withoutDevice = bytesOf("00010000 0800 0300 80000000");
  const withoutSubject = bytesOf(PCI_DEVICE);
  const decoders = [decodeDevice, decodeInfo, decodeEswitch, decodePort, decodeRate, decodeHealthReporter];
  for (const decode of [...decoders, decodeParameter]) assert.equal(decode(withoutDevice), undefined);
  for (const decode of [decodePort, decodeRate, decodeHealthReporter, decodeParameter]) {
    assert.equal(decode(withoutSubject), undefined);
  }
});
