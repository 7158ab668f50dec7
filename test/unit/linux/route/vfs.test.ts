import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import {
  EBUSY,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
} from "../../../../src/linux/errno.ts";
import type { VfSettings } from "../../../../src/linux/route/vf-settings.ts";
import { decodeParentDevice, Vfs } from "../../../../src/linux/route/vfs.ts";
import { InvalidValueError, NotFoundError } from "../../../../src/model/errors.ts";
import { assertBytes, bytesOf, messageOf } from "../tc/bytes.ts";
import { igbPf, netdevsimPf, wrappedPf } from "./captured-vfs.ts";
import { makeRecorder, type Recorded } from "./recorder.ts";

/** The message that sets something for VF 3 of link 7, behind its two nests. */
async function requestFor(settings: VfSettings): Promise<Uint8Array> {
  const { client, sent } = makeRecorder();
  await new Vfs(client, "blue").set(7, 3, settings);
  assert.deepEqual(
    sent.map(({ schedule }) => schedule),
    [{ lane: "change", key: "blue/7" }],
  );
  return sent[0]?.request as Uint8Array;
}

/** RTM_NEWLINK with REQUEST and ACK, sequence and port id, struct ifinfomsg with link 7. */
const HEADERS = `1000 0500 00000000 00000000 00000000 07000000 0000000000000000`;
/** VF 3, with which every structure begins. */
const VF = "03000000";

test("each setting is written as iproute2 writes it", async () => {
  const inNests = (size: number, text: string) =>
    `${hex16(32 + 8 + size)}0000 ${HEADERS} ${hex16(8 + size)} 1680 ${hex16(4 + size)} 0180 ${text}`;
  // Two nests (IFLA_VFINFO_LIST, IFLA_VF_INFO), marked as such; iproute2 leaves the mark out.
  const cases: readonly (readonly [VfSettings, number, string])[] = [
    [{ mac: "02:00:00:00:00:aa" }, 40, `2800 0100 ${VF} 0200000000aa ${"00".repeat(26)}`],
    [{ vlan: { id: 100 } }, 16, `1000 0200 ${VF} 64000000 00000000`],
    [{ vlan: { id: 0, qos: 3, protocol: "802.1Q" } }, 16, `1000 0200 ${VF} 00000000 03000000`],
    [
      { vlan: { id: 4095, qos: 7, protocol: "802.1ad" } },
      24,
      `1800 0c80 1400 0100 ${VF} ff0f0000 07000000 88a8 0000`, // in network order, padded to 16 bytes
    ],
    [{ rate: { max: 100_000_000 } }, 12, `0c00 0300 ${VF} 64000000`], // IFLA_VF_TX_RATE
    [{ rate: { min: 0, max: 100_000_000 } }, 16, `1000 0600 ${VF} 00000000 64000000`], // IFLA_VF_RATE
    [{ rate: { min: 5_000_000, max: 0 } }, 16, `1000 0600 ${VF} 05000000 00000000`],
    [{ isSpoofChecked: true }, 12, `0c00 0400 ${VF} 01000000`],
    [{ isSpoofChecked: false }, 12, `0c00 0400 ${VF} 00000000`],
    [{ linkState: "auto" }, 12, `0c00 0500 ${VF} 00000000`],
    [{ linkState: "enable" }, 12, `0c00 0500 ${VF} 01000000`],
    [{ linkState: "disable" }, 12, `0c00 0500 ${VF} 02000000`],
    [{ canQueryRss: true }, 12, `0c00 0700 ${VF} 01000000`],
    [{ isTrusted: true }, 12, `0c00 0900 ${VF} 01000000`],
    [{ nodeGuid: "00:11:22:33:44:55:66:77" }, 20, `1400 0a00 ${VF} 00000000 7766554433221100`],
    [{ portGuid: "FF:11:22:33:44:55:66:77" }, 20, `1400 0b00 ${VF} 00000000 77665544332211ff`],
  ];
  for (const [settings, size, text] of cases) assertBytes(await requestFor(settings), inNests(size, text));
});

test("several settings travel in one message, and what is undefined does not", async () => {
  const request = await requestFor({ isTrusted: true, vlan: undefined, linkState: "enable" });
  assertBytes(
    request,
    `
    40000000 ${HEADERS}
    2000 1680 1c00 0180            # IFLA_VFINFO_LIST, IFLA_VF_INFO
      0c00 0900 ${VF} 01000000     # IFLA_VF_TRUST
      0c00 0500 ${VF} 01000000     # IFLA_VF_LINK_STATE`,
  );
});

test("what cannot be set is refused before anything is sent, with its place and what would be right", async () => {
  const wrong: readonly (readonly [VfSettings, string])[] = [
    [{}, "settings of VF 3 of link 7: {} is not usable; expected at least one setting"],
    [
      { mac: "02:00" },
      'MAC address of VF 3 of link 7: "02:00" is not usable; expected six bytes in hexadecimal, such as',
    ],
    [{ mac: "01:00:5e:00:00:01" }, "MAC address of VF 3 of link 7"],
    [
      { vlan: { id: 4096 } },
      "VLAN of VF 3 of link 7: 4096 is not usable; expected a whole number from 0 to 4095",
    ],
    [{ vlan: { id: -1 } }, "VLAN of VF 3 of link 7: -1"],
    [
      { isTrusted: "off" as unknown as boolean },
      'trust of VF 3 of link 7: "off" is not usable; expected true or',
    ],
    [{ isSpoofChecked: 0 as unknown as boolean }, "spoof check of VF 3 of link 7: 0"],
    [{ canQueryRss: "no" as unknown as boolean }, "RSS query of VF 3 of link 7"],
    [
      { vlan: { id: 5, qos: 8 } },
      "QoS of the VLAN of VF 3 of link 7: 8 is not usable; expected a whole number",
    ],
    [{ vlan: { id: 5, protocol: "802.1x" as "802.1Q" } }, "protocol of the VLAN of VF 3 of link 7"],
    [
      { rate: { max: 1_500_000 } },
      "highest rate of VF 3 of link 7: 1500000 is not usable; expected bits per second that are whole Mbit/s",
    ],
    [{ rate: { max: -1_000_000 } }, "highest rate of VF 3 of link 7: -1000000"],
    [{ rate: { max: 2 ** 32 * 1_000_000 } }, "highest rate of VF 3 of link 7: 4294967296000000"],
    [{ rate: { max: Number.NaN } }, "highest rate of VF 3 of link 7"],
    [{ rate: { min: 1, max: 0 } }, "lowest rate of VF 3 of link 7: 1 is not usable"],
    [{ rate: { min: 2_000_000, max: 1_000_000 } }, "expected at most the highest one, which is 1000000"],
    [
      { linkState: "up" as "auto" },
      'link state of VF 3 of link 7: "up" is not usable; expected one of auto, enable',
    ],
    [{ nodeGuid: "00:11:22:33:44:55:66" }, "node GUID of VF 3 of link 7"],
    [{ portGuid: "0011223344556677" }, "port GUID of VF 3 of link 7"],
  ];
  const { client, sent } = makeRecorder();
  const vfs = new Vfs(client, "blue");
  for (const [settings, text] of wrong) {
    assert.throws(
      () => vfs.prepareSet(7, 3, settings),
      (error) => error instanceof InvalidValueError && error.message.includes(text),
      text,
    );
  }
  for (const vf of [-1, 1.5, 0x7fffffff]) {
    assert.throws(() => vfs.prepareSet(7, vf, { isTrusted: true }), InvalidValueError);
  }
  assert.equal(sent.length, 0);
});

test("a refusal says what was to be set, and what the error number means for it", async () => {
  const text = async (errno: number, settings: VfSettings) => {
    const vfs = new Vfs(makeRecorder(undefined, errno).client, "blue");
    return await vfs.set(7, 3, settings).then(
      () => "granted",
      (error: Error) => error.message,
    );
  };
  assert.equal(
    await text(EOPNOTSUPP, { vlan: { id: 5 }, isTrusted: true }),
    "set the VLAN and trust of VF 3 of link 7 in blue: link 7 has no VFs, or its driver does not set this for them now (EOPNOTSUPP)",
  );
  assert.equal(
    await text(EINVAL, { mac: "02:00:00:00:00:01" }),
    "set the MAC address of VF 3 of link 7 in blue: link 7 has no VF 3, or its driver does not take the value (EINVAL)",
  );
  assert.match(
    await text(EINVAL, { rate: { max: 1e6 } }),
    /want the link to be up and faster than that \(EINVAL\)/,
  );
  assert.match(
    await text(EINVAL, { rate: { min: 1e6, max: 1e6 } }),
    /and some guarantee no lowest rate \(EINVAL\)/,
  );
  assert.match(
    await text(EPROTONOSUPPORT, { vlan: { id: 5, protocol: "802.1ad" } }),
    /the driver of link 7 knows no VLANs of 802.1ad for VFs \(EPROTONOSUPPORT\)/,
  );
  assert.match(await text(EPERM, { isTrusted: true }), /CAP_NET_ADMIN is needed here, and the card/);
  assert.match(await text(EBUSY, { isTrusted: true }), /VF 3 is being reset; try again/);
  assert.match(await text(ENODEV, { isTrusted: true }), /no such link \(ENODEV\)/);
});

/** What IFLA_EXT_MASK of a request asks for. */
const maskOf = (request: Uint8Array) => messageOf(request).payload[16 + 4];
const VF_MASK = 1;
const VF_MASK_WITHOUT_STATISTICS = 9;

test("one link is asked for, by its index, in the lane of what a driver may hold", async () => {
  const { client, sent } = makeRecorder(netdevsimPf);
  const vfs = await new Vfs(client, "blue").list(4);
  assert.deepEqual(
    vfs.map(({ index, attributes }) => [index, attributes?.mac]),
    [
      [0, "00:00:00:00:00:00"],
      [1, "02:00:00:00:00:01"],
    ],
  );
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.schedule.lane, "slow");
  assertBytes(
    sent[0]?.request as Uint8Array,
    `
    28000000 1200 0100 00000000 00000000   # RTM_GETLINK, REQUEST alone: no dump
    00000000 04000000 0000000000000000     # struct ifinfomsg: link 4
    0800 1d00 09000000                     # IFLA_EXT_MASK: RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS`,
  );
});

test("counters are asked for only when they are wanted", async () => {
  const { client, sent } = makeRecorder(igbPf);
  const vf = await new Vfs(client, "blue").get(2, 1, { withStatistics: true });
  assert.equal(vf.statistics?.receivePackets, 0);
  assert.deepEqual(
    sent.map(({ request }) => maskOf(request)),
    [VF_MASK],
  );
});

test("a VF that a link does not have is not found, and the text says how many it has", async () => {
  const vfs = new Vfs(makeRecorder(igbPf).client, "blue");
  for (const vf of [2, -1, 0.5]) {
    await assert.rejects(vfs.get(2, vf), (error) => {
      assert.ok(error instanceof NotFoundError);
      assert.equal(error.message, `no VF ${vf} of link 2 in blue: it has 2, counted from 0`);
      return true;
    });
  }
});

test("an answer that is refused as too long is asked for without counters", async () => {
  for (const errno of [EMSGSIZE, ENOBUFS]) {
    const { client, sent } = makeRecorder((request) => (maskOf(request) === VF_MASK ? { errno } : wrappedPf));
    const vfs = await new Vfs(client, "blue").list(4, { withStatistics: true });
    assert.deepEqual([vfs.length, vfs[221]?.attributes?.mac], [222, "02:00:00:00:00:dd"]);
    assert.deepEqual(
      sent.map(({ request }) => maskOf(request)),
      [VF_MASK, VF_MASK_WITHOUT_STATISTICS],
    );
  }
});

test("any other refusal is the caller's", async () => {
  const vfs = new Vfs(makeRecorder(undefined, ENODEV).client, "blue");
  await assert.rejects(vfs.list(999), {
    errno: ENODEV,
    message: /list the VFs of link 999 in blue: no such link/,
  });
});

/** A sysfs with a PF that has three VFs, of which one has no link to its function. */
class Sysfs implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "vfs-"));
  readonly folder = join(this.root, "bus/pci/devices/0000:01:00.0");

  constructor(count = "3\n") {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(join(this.folder, "sriov_numvfs"), count);
    symlinkSync("../0000:01:10.0", join(this.folder, "virtfn0"));
    symlinkSync("../0000:01:10.4", join(this.folder, "virtfn2"));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

/** RTM_NEWLINK that tells which device the link belongs to. */
const linkOfDevice = bytesOf(`
  3c000000 1000 0000 00000000 00000000
  00000000 02000000 0000000000000000
  1100 3800 303030303a30313a30302e3000 000000   # IFLA_PARENT_DEV_NAME "0000:01:00.0"
  0800 3900 70636900                            # IFLA_PARENT_DEV_BUS_NAME "pci"
`);

/** The kernel refuses to tell of VFs; of the link itself it tells what \`link\` says. */
const refuseVfs =
  (link: Recorded) =>
  (request: Uint8Array): Recorded =>
    ((maskOf(request) ?? 0) & VF_MASK) === 0 ? link : { errno: EMSGSIZE };

test("where no message holds them, sysfs tells which VFs there are, through the link's device", async () => {
  using sysfs = new Sysfs();
  const { client, sent } = makeRecorder(refuseVfs(linkOfDevice));
  const unknown = { attributes: undefined, statistics: undefined };
  assert.deepEqual(await new Vfs(client, "blue", sysfs.root).list(2, { withStatistics: true }), [
    { index: 0, ...unknown, pciAddress: "0000:01:10.0" },
    { index: 1, ...unknown, pciAddress: undefined },
    { index: 2, ...unknown, pciAddress: "0000:01:10.4" },
  ]);
  assert.deepEqual(
    sent.map(({ request }) => maskOf(request)),
    [VF_MASK, VF_MASK_WITHOUT_STATISTICS, 8],
  );
});

test("a VF of which the driver does not tell stands among the others with its PCI address", async () => {
  using sysfs = new Sysfs();
  // Three VFs (IFLA_NUM_VF), of which the list holds the second.
  const partly = bytesOf(`
    58000000 1000 0000 00000000 00000000 00000000 02000000 0000000000000000
    08001500 03000000
    30001600 2c000100 28000100 01000000 0200000000aa ${"00".repeat(26)}`);
  const { client } = makeRecorder((request) => (maskOf(request) === 8 ? linkOfDevice : partly));
  const vfs = await new Vfs(client, "blue", sysfs.root).list(2);
  assert.deepEqual(
    vfs.map(({ index, attributes, pciAddress }) => [index, attributes?.mac, pciAddress]),
    [
      [0, undefined, "0000:01:10.0"],
      [1, "02:00:00:00:00:aa", undefined],
      [2, undefined, "0000:01:10.4"],
    ],
  );
});

test("a list that does not end where it says is not believed", async () => {
  using sysfs = new Sysfs();
  const damaged = netdevsimPf.slice();
  damaged[16 + 592] = 200; // the lower byte of the list's length
  const { client } = makeRecorder((request) => (maskOf(request) === 8 ? linkOfDevice : damaged));
  const vfs = await new Vfs(client, "blue", sysfs.root).list(2);
  assert.deepEqual(
    vfs.map(({ attributes }) => attributes),
    [undefined, undefined, undefined],
  );
});

test("a PF whose VFs nobody tells of is an error, and not a PF without VFs", async () => {
  using odd = new Sysfs("many\n");
  const withoutDevice = linkOfDevice.slice(0, 32);
  withoutDevice[0] = 32;
  for (const [what, link, root] of [
    ["no such folder", linkOfDevice, join(odd.root, "nothing")],
    ["no number", linkOfDevice, odd.root],
    ["no device", withoutDevice, odd.root],
    ["no answer", { errno: EMSGSIZE }, odd.root],
  ] as const) {
    const vfs = new Vfs(makeRecorder(refuseVfs(link)).client, "blue", root);
    await assert.rejects(vfs.list(2), { code: "unavailable", message: /no message holds them/ }, what);
  }
});

test("the device of a link is read from its message, and a link without one has none", () => {
  assert.deepEqual(decodeParentDevice(messageOf(linkOfDevice).payload), { bus: "pci", name: "0000:01:00.0" });
  assert.deepEqual(decodeParentDevice(messageOf(netdevsimPf).payload), {
    bus: "netdevsim",
    name: "netdevsim10",
  });
  assert.equal(decodeParentDevice(messageOf(linkOfDevice).payload.subarray(0, 20)), undefined);
  assert.equal(decodeParentDevice(), undefined);
});

function hex16(value: number): string {
  return Buffer.from(Uint16Array.of(value).buffer).toString("hex");
}
