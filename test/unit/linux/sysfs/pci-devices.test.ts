import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { EAGAIN, EBUSY, ENOENT } from "../../../../src/linux/errno.ts";
import { PciDevices } from "../../../../src/linux/sysfs/pci-devices.ts";
import { LanyardError } from "../../../../src/model/errors.ts";
import { SysfsTree, type TreePciFunction } from "../../sysfs-tree.ts";
import { driverOf, PciBus } from "./pci-bus.ts";

const PF = "0000:03:00.0";
const VF = "0000:03:10.0";
const PF_FOLDER = `bus/pci/devices/${PF}`;
const VF_FOLDER = `bus/pci/devices/${VF}`;

/** A PF with two VFs, of which the first is bound to igbvf unless said otherwise. */
class Card implements Disposable {
  readonly tree = new SysfsTree();
  readonly bus = new PciBus(this.tree.sysfs);
  readonly pci = new PciDevices(this.tree.sysfs, this.bus);

  constructor(vf: TreePciFunction = { driver: "igbvf" }) {
    this.tree.pci(PF, { driver: "igb", mostVfs: 7 });
    this.tree.driver("vfio-pci").vf(PF, VF, vf).vf(PF, "0000:03:10.2");
  }

  get driver(): string | undefined {
    return driverOf(this.tree.sysfs, VF);
  }

  get override(): string {
    return readFileSync(join(this.tree.sysfs, VF_FOLDER, "driver_override"), "utf8").trim();
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }
}

/** The error that an act ends with. */
async function errorOf(act: Promise<unknown>): Promise<LanyardError> {
  try {
    await act;
  } catch (error) {
    assert.ok(error instanceof LanyardError, String(error));
    return error;
  }
  throw new Error("nothing was refused");
}

test("a function is told with its override, VFs and whether these are probed", async () => {
  using card = new Card({ driver: "igbvf", iommuGroup: 12, numaNode: 1 });
  card.tree.link("eth5", { on: VF });
  assert.deepEqual(await card.pci.get(VF), {
    address: VF,
    vendor: "8086",
    device: "154c",
    class: "020000",
    driver: "igbvf",
    driverOverride: undefined,
    iommuGroup: 12,
    numaNode: 1,
    links: ["eth5"],
    pf: PF,
    sriov: undefined,
  });
  card.tree.files(card.tree.folderOf(PF), { driver_override: "igb", sriov_drivers_autoprobe: "0" });
  const { sriov, driverOverride } = await card.pci.get(PF);
  assert.deepEqual(sriov, { mostVfs: 7, vfs: [VF, "0000:03:10.2"], autoprobe: false });
  assert.equal(driverOverride, "igb");
});

test("a function that is not there, and what is no address, are refused", async () => {
  using card = new Card();
  assert.equal((await errorOf(card.pci.get("0000:09:00.0"))).code, "not-found");
  assert.equal((await errorOf(card.pci.get("../devices"))).code, "invalid");
});

test("the number of VFs is changed by way of none", async () => {
  using card = new Card();
  await card.pci.setVfCount(PF, 5, false);
  assert.deepEqual(card.bus.writes, [
    [`${PF_FOLDER}/sriov_numvfs`, "0"],
    [`${PF_FOLDER}/sriov_drivers_autoprobe`, "0"],
    [`${PF_FOLDER}/sriov_numvfs`, "5"],
  ]);
});

test("VFs that are there in their number are kept, and only the probing set where it differs", async () => {
  using card = new Card();
  await card.pci.setVfCount(PF, 2);
  assert.deepEqual(card.bus.writes, []);
  await card.pci.setVfCount(PF, 2, false);
  await card.pci.setAutoprobe(PF, false);
  assert.deepEqual(card.bus.writes, [[`${PF_FOLDER}/sriov_drivers_autoprobe`, "0"]]);
});

test("VFs of a function that can have none, and more than it can have, are refused", async () => {
  using card = new Card();
  for (const act of [() => card.pci.setVfCount(VF, 1), () => card.pci.setAutoprobe(VF, true)])
    assert.match((await errorOf(act())).message, /^VFs of 0000:03:10\.0.*expected a PF/);
  for (const count of [8, -1, 1.5])
    assert.match(
      (await errorOf(card.pci.setVfCount(PF, count))).message,
      /^number of VFs of 0000:03:00\.0.*expected a whole number from 0 to 7$/,
    );
  assert.deepEqual(card.bus.writes, []);
});

test("VFs that somebody holds are said to be in use", async () => {
  using card = new Card();
  card.bus.failing.set(`${PF_FOLDER}/sriov_numvfs`, EBUSY);
  const { code, message } = await errorOf(card.pci.setVfCount(PF, 4));
  assert.equal(code, "conflict");
  assert.match(message, /write "0" to .*sriov_numvfs: it is in use/);
});

test("a PF without a driver that makes VFs is said to be one", async () => {
  using card = new Card();
  card.bus.failing.set(`${PF_FOLDER}/sriov_numvfs`, ENOENT);
  const { code, message } = await errorOf(card.pci.setVfCount(PF, 4));
  assert.equal(code, "conflict");
  assert.match(message, /sriov_numvfs: the function is gone, or has no driver that does that \(ENOENT\)$/);
});

test("a function is bound away from its driver, and the same driver again", async () => {
  using card = new Card();
  await card.pci.bind(VF, "vfio-pci");
  assert.deepEqual([card.driver, card.override], ["vfio-pci", "vfio-pci"]);
  card.bus.writes.length = 0;
  await card.pci.bind(VF, "vfio-pci");
  assert.equal(card.driver, "vfio-pci");
  assert.deepEqual(
    card.bus.writes.map(([path]) => path),
    [`${VF_FOLDER}/driver_override`, `${VF_FOLDER}/driver/unbind`, "bus/pci/drivers_probe"],
  );
});

test("a name that is no driver's, and a driver whose module is not loaded, are told before anything is touched", async () => {
  using card = new Card();
  for (const name of ["../igb", "vfio pci", "", "."])
    assert.match((await errorOf(card.pci.bind(VF, name))).message, /^driver of 0000:03:10\.0: "/, name);
  const { code, message } = await errorOf(card.pci.bind(VF, "mlx5_core"));
  assert.equal(code, "not-found");
  assert.match(message, /0000:03:10\.0 cannot be bound to mlx5_core.*modprobe mlx5_core/);
  assert.equal((await errorOf(card.pci.bind("0000:09:00.0", "vfio-pci"))).code, "not-found");
  assert.deepEqual([card.bus.writes, card.driver], [[], "igbvf"]);
});

test("a function that a driver does not take has the driver again that it had", async () => {
  using card = new Card();
  card.bus.refusing.add("vfio-pci");
  const { code, message } = await errorOf(card.pci.bind(VF, "vfio-pci"));
  assert.equal(code, "conflict");
  assert.match(message, /^the driver vfio-pci does not take the PCI function 0000:03:10\.0/);
  assert.match(message, /it has igbvf again$/);
  assert.deepEqual([card.driver, card.override], ["igbvf", ""]);
});

test("a function without a driver is free again, and kept for whom it was, when a driver does not take it", async () => {
  using card = new Card({ files: { driver_override: "uio_pci_generic" } });
  card.bus.refusing.add("vfio-pci");
  assert.match((await errorOf(card.pci.bind(VF, "vfio-pci"))).message, /it has no driver again$/);
  assert.deepEqual([card.driver, card.override], [undefined, "uio_pci_generic"]);
});

test("a driver that cannot be taken away is left where it is", async () => {
  using card = new Card();
  card.bus.failing.set(`${VF_FOLDER}/driver/unbind`, EBUSY);
  const { message } = await errorOf(card.pci.bind(VF, "vfio-pci"));
  assert.match(message, /in use.*it has igbvf again$/);
  assert.deepEqual([card.driver, card.override], ["igbvf", ""]);
});

test("what could not be given back is told beside what failed first", async () => {
  using card = new Card();
  card.bus.refusing.add("vfio-pci").add("igbvf");
  assert.match((await errorOf(card.pci.bind(VF, "vfio-pci"))).message, /it has no driver now$/);

  using other = new Card();
  other.bus.failing.set("bus/pci/drivers_probe", EAGAIN);
  const { message, cause } = await errorOf(other.pci.bind(VF, "vfio-pci"));
  assert.match(message, /just now \(EAGAIN\)\); what it had could not be given back: write/);
  assert.ok(cause instanceof AggregateError);
  assert.equal(cause.errors.length, 2);
});

test("a released function goes to the driver that knows it, and an unbound one to none", async () => {
  using card = new Card();
  await card.pci.bind(VF, "vfio-pci");
  await card.pci.unbind(VF);
  assert.deepEqual([card.driver, card.override], [undefined, "vfio-pci"]);
  card.bus.writes.length = 0;
  await card.pci.unbind(VF);
  assert.deepEqual(card.bus.writes, []);
  card.bus.knownBy.set(VF, "igbvf");
  await card.pci.release(VF);
  assert.deepEqual([card.driver, card.override], ["igbvf", ""]);
});

test("a function is reset without a driver, and with one whose link is up or that has none", async () => {
  const reset: [string, string] = [`${VF_FOLDER}/reset`, "1"];
  using free = new Card({ files: { reset: "" } });
  await free.pci.reset(VF);
  assert.deepEqual(free.bus.writes, [reset]);

  using up = new Card({ driver: "igbvf", files: { reset: "" } });
  up.tree.link("eth5", { on: VF, isUp: true });
  await up.pci.reset(VF);
  assert.deepEqual(up.bus.writes, [reset]);

  using linkless = new Card({ driver: "vfio-pci", files: { reset: "" } });
  await linkless.pci.reset(VF);
  assert.deepEqual(linkless.bus.writes, [reset]);
});

test("a function whose driver would wait for a link that is down, or out of sight, is not reset", async () => {
  using down = new Card({ driver: "igbvf", files: { reset: "" } });
  down.tree.link("eth5", { on: VF, isUp: false });
  const { code, message } = await errorOf(down.pci.reset(VF));
  assert.equal(code, "conflict");
  assert.match(message, /0000:03:10\.0 is not reset under its driver igbvf: its link eth5 is down/);

  using away = new Card({ driver: "igbvf", files: { reset: "" } });
  away.tree.folder(`${away.tree.folderOf(VF)}/net`);
  assert.match((await errorOf(away.pci.reset(VF))).message, /in another network namespace/);
  assert.deepEqual([down.bus.writes, away.bus.writes], [[], []]);
});

test("a function that cannot be reset, and one that is in use, are told apart", async () => {
  using card = new Card({});
  assert.equal((await errorOf(card.pci.reset(VF))).code, "unsupported");
  card.tree.file(`${card.tree.folderOf(VF)}/reset`, "");
  card.bus.failing.set(`${VF_FOLDER}/reset`, EAGAIN);
  const { code, message } = await errorOf(card.pci.reset(VF));
  assert.equal(code, "conflict");
  assert.match(message, /write "1" to .*0000:03:10\.0\/reset: it is in use/);
});
