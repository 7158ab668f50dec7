import assert from "node:assert/strict";
import test from "node:test";
import { decodeUevent } from "../../../src/linux/uevent.ts";

/** Lines, each closed by a zero byte. */
function datagram(...lines: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(lines.map((line) => `${line}\0`).join("")));
}

test("the binding of a PCI device to its driver is read", () => {
  const path = "/devices/pci0000:00/0000:00:02.0/0000:01:10.0";
  const event = decodeUevent(
    datagram(
      `bind@${path}`,
      "ACTION=bind",
      `DEVPATH=${path}`,
      "SUBSYSTEM=pci",
      "DRIVER=igbvf",
      "PCI_CLASS=20000",
      "PCI_ID=8086:10CA",
      "PCI_SLOT_NAME=0000:01:10.0",
      "MODALIAS=pci:v00008086d000010CAsv",
      "SEQNUM=1234",
    ),
  );
  assert.ok(event);
  const { properties, ...rest } = event;
  assert.deepEqual(rest, {
    action: "bind",
    devicePath: path,
    oldDevicePath: undefined,
    subsystem: "pci",
    driver: "igbvf",
    pciAddress: "0000:01:10.0",
    linkName: undefined,
    link: undefined,
    sequence: 1234,
  });
  assert.equal(properties.PCI_ID, "8086:10CA");
});

test("the renaming of a network device is read, with where it was", () => {
  const event = decodeUevent(
    datagram(
      "move@/devices/virtual/net/net1",
      "SUBSYSTEM=net",
      "DEVPATH_OLD=/devices/virtual/net/eth0",
      "INTERFACE=net1",
      "IFINDEX=7",
      "SEQNUM=9",
    ),
  );
  assert.deepEqual(
    [event?.action, event?.oldDevicePath, event?.linkName, event?.link],
    ["move", "/devices/virtual/net/eth0", "net1", 7],
  );
});

test("a value may be empty, and hold what separates names from values", () => {
  const event = decodeUevent(datagram("change@/module/x", "EMPTY=", "OPTIONS=a=b", "=nameless", "loose", ""));
  assert.deepEqual({ ...event?.properties }, { EMPTY: "", OPTIONS: "a=b" });
  assert.equal(event?.sequence, undefined);
});

test("an event that was cut is read as far as it goes", () => {
  const bytes = datagram("add@/devices/x", "SUBSYSTEM=net", "INTERFACE=net1");
  const event = decodeUevent(bytes.subarray(0, bytes.length - 2));
  assert.deepEqual([event?.action, event?.subsystem, event?.linkName], ["add", "net", "net"]);
});

test("what udev sends, and anything else, is no event of the kernel", () => {
  // "libudev", then its magic number and offsets.
  const udev = Uint8Array.from([
    ...Buffer.from("libudev\0"),
    0xfe,
    0xed,
    0xca,
    0xfe,
    40,
    0,
    0,
    0,
    40,
    0,
    0,
    0,
  ]);
  assert.equal(decodeUevent(udev), undefined);
  for (const text of ["", "@/devices/x", "add", "add@", "add@devices/x", "\0add@/devices/x"]) {
    assert.equal(decodeUevent(datagram(text)), undefined, JSON.stringify(text));
  }
  assert.equal(decodeUevent(new Uint8Array()), undefined);
});

test("a name with a meaning in JavaScript is a name", () => {
  const event = decodeUevent(datagram("add@/x", "__proto__=y", "IFINDEX=-1", "SEQNUM=99999999999999999999"));
  assert.deepEqual(Object.keys(event?.properties ?? {}), ["__proto__", "IFINDEX", "SEQNUM"]);
  assert.deepEqual([event?.link, event?.sequence], [undefined, undefined]);
});
